#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "decision/decision.h"
#include "ledger/ledger.h"
#include "observe/diff.h"
#include "observe/event.h"
#include "observe/gap.h"
#include "observe/snapshot.h"
#include "policy/policy.h"

namespace aegis::observe {

// What a watch says of itself when it begins.
struct WatchStart {
  std::string config;
  std::string tag;
  std::vector<std::string> policy_files;  // escaped
  std::vector<std::string> exclude;       // as given
  std::string source;                     // the event source's name
  bool reads = false;
  std::chrono::seconds idle_timeout{0};
};

using ChangeCounts = std::map<ChangeKind, std::uint64_t>;

// The one place of a watch that asks decide() and appends to the ledger: after the effect, since
// nobody asked before it. One thread. An error means that the entry is not in the ledger, and that
// the watch must end.
class Recorder {
 public:
  // `relieve` is called when the journal has grown so long that the store should have it first.
  Recorder(decision::Decider decider, ledger::JournalWriter& journal, ledger::Masker masker,
           std::string dir, std::function<void()> relieve);

  base::Result<> Started(const WatchStart& start);
  // `phase`: "before" or "after". Its gaps follow as entries of their own.
  base::Result<> Taken(std::string_view phase, const Snapshot& snapshot,
                       const ChangeCounts& changes = {});
  // One entry for each action that the events amount to. What the same process does again to the
  // same name, without anything else to it in between, is said once.
  base::Result<> Observed(std::span<const Event> events);
  base::Result<> Missing(const Gap& gap);
  base::Result<> Changed(const Change& change);
  base::Result<> Ended(std::string_view why);

  std::uint64_t actions() const { return actions_; }
  std::uint64_t denials() const { return denials_; }
  const GapList& gaps() const { return gaps_; }

 private:
  using LastAction = std::map<std::string, std::pair<policy::Action, pid_t>, std::less<>>;

  base::Result<> Act(const Event& event, policy::Action action, const std::string& name,
                     const std::string& other, LastAction& last);
  base::Result<> Append(std::string_view event_type, std::string_view payload);
  std::string Absolute(std::string_view name) const;

  decision::Decider decider_;
  ledger::JournalWriter& journal_;
  ledger::Masker masker_;
  std::string dir_;  // canonical bytes
  std::function<void()> relieve_;
  std::string payload_;  // scratch
  std::uint64_t actions_ = 0;
  std::uint64_t denials_ = 0;
  GapList gaps_;
};

}  // namespace aegis::observe
