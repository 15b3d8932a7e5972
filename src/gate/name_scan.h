#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gate/read_rights.h"
#include "policy/policy.h"
#include "sandbox/host_view.h"

namespace aegis::gate {

// How much may be looked through before a run starts. The processor's time keeps the start quick;
// the clock bounds the wait for a slow disk, and for others on a busy machine.
struct ScanBudget {
  std::size_t entries = 100'000;
  std::chrono::nanoseconds processor = std::chrono::milliseconds(150);
  std::chrono::nanoseconds clock = std::chrono::seconds(1);
};

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
  // `skipped`: directories that the agent does not see as the host does. All must outlive it.
  NameScan(const policy::PolicySet& policies, const NameRules& rules, ReadRights& rights,
           const sandbox::HostView& host, const std::vector<std::string>& skipped,
           ScanBudget budget);

  // Looks through a directory that is granted with `rights`. False if the grant can't be made exact
  // by masks: reason() says why.
  bool Run(const std::string& directory, unsigned rights);

  std::vector<std::string> TakeMasks() { return std::move(masks_); }
  const std::string& reason() const { return reason_; }

 private:
  bool LookInto(const std::string& directory, unsigned rights);
  bool Consider(const std::string& path, sandbox::FileKind kind, unsigned rights);
  bool IsSkipped(const std::string& path) const;
  bool IsLate() const;
  bool Fail(std::string why);

  const policy::PolicySet& policies_;
  const NameRules& rules_;
  ReadRights& rights_;
  const sandbox::HostView& host_;
  const std::vector<std::string>& skipped_;
  std::size_t entries_left_;
  std::chrono::nanoseconds processor_end_;
  std::chrono::steady_clock::time_point clock_end_;
  std::vector<std::string> waiting_;  // directories to look into
  std::vector<std::string> masks_;
  std::string reason_;
};

}  // namespace aegis::gate
