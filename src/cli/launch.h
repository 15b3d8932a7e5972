#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/args.h"
#include "cli/context.h"
#include "cli/witnesses.h"
#include "gate/run.h"

namespace aegis::cli {

// Exit codes of `run` and `wrap` that are not the command's own.
inline constexpr int kAegisFailed = 125;
inline constexpr int kNotExecutable = 126;
inline constexpr int kNotFound = 127;

// What `run` and `wrap` ask for.
struct LaunchRequest {
  gate::Mode mode = gate::Mode::kRun;
  std::optional<std::string> name;    // the configuration; none: as ChooseName
  std::string default_policy;         // of a configuration that has to be made
  bool make_missing = false;          // make the configuration where it is missing
  std::optional<std::string> policy;  // instead of the configuration's, for this run
  std::optional<std::string> dir;
  std::optional<std::string> level{};  // "full" or "writes", instead of the configuration's
  bool no_network = false;
  std::vector<std::string> publish{};  // as given; beside those of the configuration
  std::string tag;
  WitnessFlags witnesses;
  std::vector<std::string> argv;
};

// Makes the configuration, with a template or the policies in a file, unless another process was
// first: of several that start at once one makes it, and the others use what it made.
base::Result<> MakeMissing(const Places& places, const std::string& name, const std::string& policy,
                           const std::optional<std::string>& dir);

// Runs the command under the gate and says how it went; the exit code.
base::Result<int> Launch(Context& context, const LaunchRequest& request);

}  // namespace aegis::cli
