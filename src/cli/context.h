#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/output.h"
#include "config/config.h"

namespace aegis::cli {

struct Command;

// What a command works with. Made once per process by Main and passed down; one thread.
struct Context {
  std::vector<std::string> environment;
  Output out;
  Output err;
  bool quiet = false;
  bool verbose = false;
  const Command* command = nullptr;  // the one that runs

  Context(std::vector<std::string> environment_in, int out_fd, int err_fd);

  // "aegis: text" on stderr, as one line and harmless whatever is in it.
  void Say(std::string_view text);
  // As Say, unless --quiet.
  void Note(std::string_view text);
  // Says what is wrong with the command line and where help is; gives the exit code.
  int Usage(std::string_view what);
};

// The exit code of a wrong command line, unless the command has its own.
inline constexpr int kUsageExit = 2;
// Of commands that compare, as diff(1): whoever asks whether something differs must not take a
// failure for a yes.
inline constexpr int kDifferExit = 1;
inline constexpr int kTroubleExit = 2;

// The places that nearly every command needs.
struct Places {
  config::Home home;
  std::string user_home;
};
base::Result<Places> FindPlaces(const Context& context);

// The configuration that a command means: `given` (from --config or a positional argument), else
// what `aegis use` chose, else "default".
base::Result<std::string> ChooseName(const config::Home& home,
                                     const std::optional<std::string>& given);

// ChooseName, then LoadConfiguration.
base::Result<config::Configuration> LoadChosen(const Places& places,
                                               const std::optional<std::string>& given);

}  // namespace aegis::cli
