#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace aegis::cli {

// What edits a file: $VISUAL, else $EDITOR, as shell text ("code --wait"); else `sensible-editor`,
// or `vi` where PATH has none.
std::string ChooseEditor(const std::vector<std::string>& environment);

// Runs an editor on this process' terminal and waits for it; meanwhile SIGINT and SIGQUIT are the
// editor's alone. An error if it can't be started or does not end with exit code 0.
base::Result<> RunEditor(const std::string& editor, const std::string& file,
                         std::span<const std::string> environment);

}  // namespace aegis::cli
