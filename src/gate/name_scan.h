#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gate/read_rights.h"
#include "gate/scan_cache.h"
#include "policy/policy.h"
#include "sandbox/host_view.h"

namespace aegis::gate {

// How much may be looked through before a run starts. Entries are counted alike whether they are
// listed anew or known from before, so that the level does not depend on what is kept. The times
// are for the worst: all entries listed, from a cold disk, on a busy machine. What was listed in
// them is kept even if they run out.
struct ScanBudget {
  std::size_t entries = 300'000;
  std::chrono::nanoseconds processor = std::chrono::seconds(2);
  std::chrono::nanoseconds clock = std::chrono::seconds(10);
  std::chrono::nanoseconds notice = std::chrono::seconds(1);  // of the clock, before it is said
};

// Called with a directory, at most once: looking through it keeps the start waiting.
using ScanNotice = std::function<void(const std::string& directory)>;

// Where forbids by name ("*/.env") take nothing, so that nobody needs to look for such names.
class NameRules {
 public:
  explicit NameRules(const policy::PolicySet& policies);

  bool empty() const { return forbids_.empty(); }
  // No forbid by name takes reading at the path, in escaped form, or below it.
  bool LeaveAlone(std::string_view path) const;
  // Some of them says that it leaves this very place alone.
  bool Mention(std::string_view path) const { return excluded_.contains(path); }
  std::string FirstId() const { return forbids_.front().id; }

 private:
  std::vector<policy::PolicySet::Info> forbids_;
  std::set<std::string, std::less<>> excluded_;
};

// Looks through directories for names that groups of policies take, and collects those that must be
// masked, for reading there is refused: Landlock can't except what lies in a permitted tree.
class NameScan {
 public:
  // `skipped`: directories that the agent does not see as the host does. All must outlive it, but
  // the last two.
  NameScan(const policy::PolicySet& policies, const NameRules& rules, ReadRights& rights,
           ScanCache& directories, const std::vector<std::string>& skipped, ScanBudget budget,
           ScanNotice notice);

  // Looks through a directory that is granted with `rights`. False if the grant can't be made exact
  // by masks: reason() says why.
  bool Run(const std::string& directory, unsigned rights);

  std::vector<std::string> TakeMasks() { return std::move(masks_); }
  const std::string& reason() const { return reason_; }

 private:
  bool LookInto(const std::string& directory, unsigned rights);
  bool Consider(const std::string& path, sandbox::FileKind kind, unsigned rights);
  bool IsSkipped(const std::string& path) const;
  bool HoldsOn(const std::string& root);
  bool Fail(std::string why);

  const policy::PolicySet& policies_;
  const NameRules& rules_;
  ReadRights& rights_;
  ScanCache& directories_;
  const std::vector<std::string>& skipped_;
  std::size_t entries_left_;
  std::chrono::nanoseconds processor_end_;
  std::chrono::steady_clock::time_point clock_end_;
  std::chrono::steady_clock::time_point notice_at_;
  ScanNotice notice_;                 // empty once called
  std::vector<std::string> waiting_;  // directories to look into
  std::vector<std::string> masks_;
  std::string reason_;
};

}  // namespace aegis::gate
