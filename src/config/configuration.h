#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/home.h"
#include "config/published_port.h"
#include "config/settings.h"

namespace aegis::config {

// A configuration ready for use: the settings of its aegis.toml with defaults filled in and all
// paths absolute (bytes, not escaped). Nothing but aegis.toml itself has been opened.
struct Configuration {
  std::string name;
  std::string state_dir;    // $AEGIS_HOME/NAME
  std::string file;         // its aegis.toml
  std::string ledger_path;  // always state_dir/audit.db: elsewhere an agent could reach it
  std::string sandbox_dir;
  std::string journal_dir;
  std::optional<std::string> dir;  // the project, where fixed
  std::vector<std::string> policy_paths;
  std::vector<std::string> env_pass;
  std::vector<std::string> private_dirs;
  std::optional<std::int64_t> max_age_days;    // content of older ledger entries is erased
  std::vector<std::string> masks;              // patterns of secrets, as they stand there
  bool reads_unrecorded = false;               // [ledger] level = "writes"
  bool network_ordered = false;                // [ledger] network = "ordered"
  std::string network_policy;                  // what [[allowed_network]] permits, as Cedar
  std::vector<PublishedPort> published_ports;  // [[published_port]]
  WitnessSettings witness;                     // its targets as they stand there, its `ca` absolute
  std::vector<std::string> without_effect;     // keys that are set and change nothing here
  std::vector<std::string> mapped;             // values of other systems, and what holds instead
};

// Loads $AEGIS_HOME/NAME. `user_home` replaces a leading `~/` in paths. kNotFound if there is no
// such configuration; kInvalid/kDenied, with the place, if it can't be used as it is.
base::Result<Configuration> LoadConfiguration(const Home& home, std::string_view name,
                                              std::string_view user_home);

// The same for a text that shall become its aegis.toml: LoadConfiguration would accept it.
base::Result<Configuration> ReadConfiguration(const Home& home, std::string_view name,
                                              std::string_view user_home, std::string_view text);

// A policy file: its path as shown in errors (escaped), and its text.
struct PolicyFile {
  std::string path;
  std::string text;
};

// Reads policy files; of a directory every *.cedar in order of their names. A path that does not
// exist, or a directory without any, is an error: a policy that is missing must never read as one
// that says nothing.
base::Result<std::vector<PolicyFile>> ReadPolicyFiles(const std::vector<std::string>& paths);

// The canonical directory of a project. kInvalid unless it is a directory outside `home`, whose
// state no agent may have as its own.
base::Result<std::string> ProjectDirectory(const Home& home, const std::string& dir);

}  // namespace aegis::config
