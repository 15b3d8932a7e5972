#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "ledger/ledger.h"
#include "observe/gap.h"
#include "observe/recorder.h"
#include "policy/policy.h"
#include "witness/settings.h"

namespace aegis::observe {

// All that one watch needs; paths are absolute bytes.
struct WatchSpec {
  std::string config_name;
  std::string aegis_home;
  std::string state_dir;  // $AEGIS_HOME/NAME
  std::string dir;        // canonical
  std::string home;       // the user's
  std::string tag;
  std::vector<policy::Source> policies;
  std::vector<std::string> exclude;
  bool reads = false;
  bool across_mounts = false;
  std::chrono::seconds idle_timeout{0};  // 0: never
  witness::Settings witness;
  ledger::Masker masker;
};

// How a watch stands, or has ended.
struct WatchReport {
  std::string session_id;
  std::string source;       // "fanotify" or "inotify"
  std::uint64_t names = 0;  // in the latest snapshot
  GapList gaps;             // so far
  std::uint64_t actions = 0;
  std::uint64_t denials = 0;
  ChangeCounts changes;               // once it has ended
  std::string why;                    // once it has ended
  std::vector<std::string> warnings;  // what did not go as it should with the ledger
};

// Watches until SIGTERM, SIGINT or SIGHUP, until nothing has happened for `idle_timeout`, or until
// the directory no longer stands under its name; records a session and gives how it went. `ready`
// is called once it watches, behind the first snapshot. An error before that means that nothing was
// recorded; later, that the record ends early, with what stands in the journal kept. kConflict if
// another process watches under this configuration. One thread; owns those three signals meanwhile.
base::Result<WatchReport> Watch(const WatchSpec& spec,
                                const std::function<void(const WatchReport&)>& ready);

}  // namespace aegis::observe
