#include "gate/read_rights.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/policy.h"
#include "sandbox/paths.h"

namespace aegis::gate {

namespace {

using policy::Action;
using policy::PolicySet;

// The name of something that no policy names.
constexpr std::string_view kAnyName = "aegis:any-other-name";

constexpr std::array<Action, 6> kPathActions = {Action::kFileRead,   Action::kFileWrite,
                                                Action::kFileDelete, Action::kDirCreate,
                                                Action::kDirList,    Action::kProcessSpawn};

std::string WhyNotStatic(const PolicySet::Info& policy) {
  if (policy.reads_more) {
    return "policy " + policy.id + " depends on more than where a file lies";
  }
  if (policy.fails != PolicySet::Fails::kNowhere) {
    return "policy " + policy.id + " may fail";
  }
  if (!policy.forbid && policy.by_name) {
    return "policy " + policy.id + " permits by name";
  }
  return {};
}

}  // namespace

std::string WhyNotStatic(const PolicySet& policies) {
  for (const PolicySet::Info& policy : policies.policies()) {
    if (!policy.applies || !(policy.Covers(Action::kFileRead) || policy.Covers(Action::kDirList))) {
      continue;
    }
    if (std::string why = WhyNotStatic(policy); !why.empty()) {
      return why;
    }
  }
  const std::vector<std::string> mentions = policies.mentions();
  if (policies.IsGroupedName(kAnyName) ||
      std::ranges::any_of(mentions, [](const auto& name) { return name.contains(kAnyName); })) {
    return "a policy names whatever there is";
  }
  return {};
}

ReadRights::ReadRights(const PolicySet& policies, std::vector<std::string> executable,
                       std::span<const std::string> state)
    : policies_(policies), executable_(std::move(executable)), state_(state) {}

bool ReadRights::Permits(Action action, std::string_view path) {
  const auto holds = [path](const std::string& place) { return sandbox::IsWithin(path, place); };
  const std::uint64_t path_class = policies_.ClassOf(path);
  if (path_class == PolicySet::kNotCanonical || std::ranges::any_of(state_, holds)) {
    return false;
  }
  const auto [known, added] = known_.try_emplace({path_class, action}, false);
  if (added) {
    known->second = policies_.Evaluate({.action = action, .resource = path}).outcome ==
                    policy::Outcome::kPermit;
  }
  return known->second;
}

bool ReadRights::IsExecutable(std::string_view path) const {
  return sandbox::IsWithinAny(path, executable_);
}

unsigned ReadRights::On(std::string_view path) {
  unsigned rights = 0;
  if (Permits(Action::kFileRead, path)) {
    rights |= kReads | (IsExecutable(path) ? kExecutes : 0U);
  }
  return rights | (Permits(Action::kDirList, path) ? kLists : 0U);
}

unsigned ReadRights::Below(std::string_view path) { return On(Joined(path, kAnyName)); }

// Forbids don't count: what they say may depend on who asks.
bool ReadRights::MayMake(std::string_view path) const {
  const auto holds = [path](const PolicySet::Place& place) {
    return place.name.starts_with("*/") ||
           (place.subtree ? sandbox::IsWithin(path, place.name) : path == place.name);
  };
  return std::ranges::any_of(policies_.policies(), [&](const PolicySet::Info& policy) {
    return !policy.forbid && policy.applies &&
           (policy.Covers(Action::kFileWrite) || policy.Covers(Action::kDirCreate)) &&
           (!policy.bounded || std::ranges::any_of(policy.places, holds));
  });
}

bool ReadRights::MayMakeIn(std::string_view path) const { return MayMake(Joined(path, kAnyName)); }

// Whatever surrounds a request, and whatever conditions of other policies say of it.
bool ReadRights::IsAlwaysRefused(Action action, std::string_view path) const {
  const policy::Verdict verdict = policies_.Evaluate({.action = action, .resource = path});
  const auto always = [&](const std::string& id) {
    const auto& all = policies_.policies();
    const auto found = std::ranges::find(all, id, &PolicySet::Info::id);
    return found != all.end() && !found->reads_more;
  };
  if (verdict.outcome == policy::Outcome::kForbid) {
    return std::ranges::any_of(verdict.policies, always);
  }
  const PolicySet::Reads reads = policies_.reads(action);
  return verdict.outcome == policy::Outcome::kNoPermit && !reads.path && !reads.pid && !reads.exe &&
         !reads.argv;
}

bool ReadRights::IsRefused(std::string_view path) const {
  const std::string below = Joined(path, kAnyName);
  return std::ranges::all_of(kPathActions, [&](Action action) {
    return IsAlwaysRefused(action, path) && IsAlwaysRefused(action, below);
  });
}

std::string Joined(std::string_view directory, std::string_view name) {
  std::string joined(directory);
  joined += directory == "/" ? "" : "/";
  joined += name;
  return joined;
}

}  // namespace aegis::gate
