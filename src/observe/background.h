#pragma once

#include <functional>
#include <string>

#include "base/result.h"

namespace aegis::observe {

// Runs `work` in a process of its own that outlives the caller and its terminal: a session of its
// own, "/" for a working directory, no descriptor of the caller's, standard output and error going
// to `log` (0600, behind what it holds). `work` gives the exit code, and is given a function by
// which it tells the caller something, once. Gives what was told; kUnavailable if the process ended
// without a word.
//
// The calling process must have one thread.
using TellReady = std::function<void(const std::string&)>;
base::Result<std::string> RunInBackground(const std::string& log,
                                          const std::function<int(const TellReady&)>& work);

}  // namespace aegis::observe
