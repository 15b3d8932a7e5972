#include "gate/policy_candidate.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "gate/mount_names.h"
#include "gate/policy_places.h"
#include "gate/policy_texts.h"
#include "gate/policy_update.h"
#include "gate/state_guard.h"
#include "ledger/policy_set.h"
#include "policy/policy.h"
#include "sandbox/mode.h"
#include "sandbox/paths.h"

namespace aegis::gate {

namespace {

using policy::PolicySet;
using sandbox::IsWithin;
using sandbox::IsWithinAny;

// Whether the policy may let a program change `path`, escaped, or what is below it. What a place
// above it permits could replace it as well.
bool MayChange(const PolicySet::Info& policy, std::string_view path) {
  using policy::Action;
  if (policy.forbid || !policy.applies ||
      !(policy.Covers(Action::kFileWrite) || policy.Covers(Action::kFileDelete) ||
        policy.Covers(Action::kDirCreate))) {
    return false;
  }
  return !policy.bounded ||
         std::ranges::any_of(policy.places, [path](const PolicySet::Place& place) {
           return place.name.starts_with("*/") || IsWithin(path, place.name) ||
                  IsWithin(place.name, path);
         });
}

// The files and directories that are read, under all the names that the gate could judge them by.
base::Result<std::set<std::string>> NamesOfPlaces(const PolicyRules& rules,
                                                  const std::vector<policy::Source>& sources) {
  std::vector<std::string> given = rules.places;
  for (const policy::Source& source : sources) {
    given.push_back(base::UnescapeName(source.file));
  }
  AEGIS_ASSIGN(const std::string mounts, base::ReadFile("/proc/self/mountinfo"));
  std::set<std::string> names;
  for (const std::string& path : given) {
    AEGIS_ASSIGN(const std::string canonical, base::CanonicalPath(path));
    for (const std::string& name : NamesThroughMounts(mounts, canonical)) {
      names.insert(base::EscapeName(name));
    }
  }
  return names;
}

std::optional<std::string> Changeable(const PolicyRules& rules, const PolicySet& policies,
                                      const std::set<std::string>& places) {
  for (const std::string& place : places) {
    const auto may_change = [&place](const auto& policy) { return MayChange(policy, place); };
    if (!IsWithinAny(place, rules.state) &&
        (rules.mode == sandbox::Mode::kWrap ||
         std::ranges::any_of(policies.policies(), may_change))) {
      return place;
    }
  }
  return std::nullopt;
}

// The texts, if nobody else can have put them there. Looked at again behind the reading: a name may
// have come to lead elsewhere in between.
base::Result<std::vector<policy::Source>> ReadOwn(const PolicyRules& rules) {
  AEGIS_TRY(RequireOwnNames(rules.places));
  AEGIS_ASSIGN(auto sources, rules.read());
  AEGIS_TRY(RequireOwnNames(rules.places));
  return sources;
}

// A set that may be put in force, with what the supervisor needs to load it.
base::Result<PolicyUpdate> Check(const PolicyRules& rules, std::vector<policy::Source> sources) {
  PolicyUpdate update{.sources = std::move(sources),
                      .agent = rules.names.agent,
                      .home = rules.names.home,
                      .dir = rules.names.dir};
  policy::Names names = rules.names;
  names.leads_to = [&update, &known = rules.links](const std::string& path) {
    const auto before = known.find(path);
    const bool led = before != known.end() && !before->second.empty();
    return update.links.emplace(path, led ? before->second : policy::LeadsTo(path)).first->second;
  };
  AEGIS_ASSIGN(const PolicySet policies, PolicySet::Load(update.sources, names));
  AEGIS_TRY(RequireGuardedState(policies, rules.state));
  AEGIS_ASSIGN(const auto places, NamesOfPlaces(rules, update.sources));
  if (const auto place = Changeable(rules, policies, places)) {
    return base::Fail(base::Errc::kInvalid,
                      *place + ": they would let the command change the policies themselves");
  }
  if (rules.reading && *rules.reading != ReadingTexts(policies)) {
    return base::Fail(base::Errc::kInvalid,
                      "the run leaves reads to the kernel (level writes): a change of what may be "
                      "read takes effect with the next run");
  }
  update.digest = policies.digest();
  if (rules.mode == sandbox::Mode::kRun) {
    update.outside = FirstOutside(rules.start, policies.bound());
  }
  return update;
}

}  // namespace

std::optional<std::string> ChangeablePlace(const PolicyRules& rules, const PolicySet& policies,
                                           const std::vector<policy::Source>& sources) {
  const auto places = NamesOfPlaces(rules, sources);
  return places ? Changeable(rules, policies, *places)
                : std::optional(base::EscapeName(rules.places.front()));
}

std::vector<std::string> ReadingTexts(const PolicySet& policies) {
  std::vector<std::string> texts;
  for (const PolicySet::Info& policy : policies.policies()) {
    if (policy.applies &&
        (policy.Covers(policy::Action::kFileRead) || policy.Covers(policy::Action::kDirList))) {
      texts.push_back(policy.text);
    }
  }
  std::ranges::sort(texts);
  return texts;
}

std::string FirstOutside(const PolicySet::Bound& start, const PolicySet::Bound& now) {
  const auto escape = [](const std::string& path) { return base::EscapeName(path); };
  for (const std::string& place : now.visible) {
    if (!IsWithinAny(place, start.visible)) {
      return escape(place);
    }
  }
  for (const std::string& place : now.executable) {
    if (!IsWithinAny(place, start.executable)) {
      return escape(place);
    }
  }
  for (const std::string& place : start.hidden) {
    if (IsWithinAny(place, now.visible) && !IsWithinAny(place, now.hidden)) {
      return escape(place);
    }
  }
  return {};
}

std::optional<PolicyUpdate> ReadCandidate(const PolicyRules& rules, const std::string& in_force) {
  auto sources = ReadOwn(rules);
  if (!sources) {
    return PolicyUpdate{.refused = sources.error().message()};
  }
  if (ledger::DigestOfPolicies(TextsOf(*sources)) == in_force) {
    return std::nullopt;
  }
  auto update = Check(rules, *std::move(sources));
  return update ? *std::move(update) : PolicyUpdate{.refused = update.error().message()};
}

}  // namespace aegis::gate
