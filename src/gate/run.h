#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "gate/published_ports.h"
#include "ledger/masker.h"
#include "policy/policy.h"
#include "sandbox/mode.h"
#include "witness/settings.h"

namespace aegis::gate {

using Mode = sandbox::Mode;
using Level = sandbox::Level;

// All that one run needs; paths are absolute bytes.
struct RunSpec {
  Mode mode = Mode::kRun;
  Level level = Level::kFull;  // what is asked for; kWrap records in full
  bool no_network = false;     // refuse every connection, whatever the policies say
  // Entries of permitted connections are ordered, not durable: no connect waits for the disk.
  bool network_ordered = false;
  // Ports of the machine that lead to servers inside: under run alone. They are open before the
  // command starts, and one that can't be had is an error.
  std::vector<PublishedPort> published;
  // Of each: what it is now, and whether the kernel chose its port.
  std::function<void(const PublishedPort& port, bool chosen)> published_notice;
  std::string config_name;
  std::string aegis_home;
  std::string state_dir;  // $AEGIS_HOME/NAME: journal/ lies here
  std::string dir;        // canonical project directory (--dir)
  std::string home;       // the user's home directory
  std::string tag;
  std::vector<policy::Source> policies;
  // Where the policies come from, canonical, and how they are read there: an edit takes effect
  // while the command runs, unless the command could make it. Without places they stay as they are.
  std::vector<std::string> policy_places;
  std::function<base::Result<std::vector<policy::Source>>()> read_policies;
  std::function<void(bool kept, const std::string& text)> policy_notice;
  std::function<void(const std::string& why)> level_notice;  // why `level` could not be had
  // The search for forbidden names at level writes takes a while, in this directory; may be empty.
  std::function<void(const std::string& directory)> scan_notice;
  std::string program;            // the file to execute, already looked up on PATH
  std::vector<std::string> argv;  // argv[0] as typed
  std::vector<std::string> env;   // NAME=value, already filtered
  std::vector<std::string> dropped_env;
  std::vector<std::string> private_dirs;  // fresh and private to the run, e.g. /tmp
  witness::Settings witness;              // where the ledger's checkpoints go
  ledger::Masker masker;                  // of what must not enter the ledger
};

// A refusal (in wrap mode: what would have been one), as shown at the end of a run. Escaped names.
struct Denied {
  std::string action;
  std::string resource;
  std::string reason;
  std::vector<std::string> policies;
  std::string target{};  // what a connection asked for instead, if the reason is about that
  std::uint64_t times = 1;
};

struct RunOutcome {
  int exit_code = 0;  // the command's own; 128+n for a signal; 126/127 if it could not be executed
  std::optional<int> exec_error;  // errno of the command's execve, if that failed
  std::string session_id;
  std::uint64_t actions = 0;
  std::uint64_t denials = 0;
  std::vector<Denied> first_denials;  // the first five kinds of them
  std::vector<std::string> warnings;  // what did not go as it should around the run
};

// Runs a command under the gate until it ends; all its descendants are dead on return. An error
// means that nothing ran: kNotFound (no such command), kDenied, or what Aegis lacks.
// Single-threaded callers only: it forks, and owns SIGCHLD and the terminal's job signals while it
// runs.
base::Result<RunOutcome> RunAgent(const RunSpec& spec);

}  // namespace aegis::gate
