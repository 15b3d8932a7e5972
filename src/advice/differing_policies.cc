#include "advice/differing_policies.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "advice/regions.h"
#include "policy/policy.h"

namespace aegis::advice {
namespace {

using Groups = PathRegions::Groups;
using policy::Action;
using policy::Outcome;
using policy::PolicySet;
using Info = PolicySet::Info;

constexpr std::size_t kMostCombinedGroups = 6;  // of which every combination is asked about
constexpr std::size_t kFewQuestions = 20'000;   // that cost no time worth saving

// Every combination of so many groups, by size.
std::vector<Groups> AllCombinations(std::size_t groups) {
  std::vector<Groups> all;
  all.reserve(std::size_t{1} << groups);
  for (std::uint32_t bits = 0; bits < std::uint32_t{1} << groups; ++bits) {
    Groups& combination = all.emplace_back();
    for (std::uint32_t group = 0; group < groups; ++group) {
      if ((bits >> group & 1U) != 0) {
        combination.push_back(group);
      }
    }
  }
  std::ranges::stable_sort(all, {}, &Groups::size);
  return all;
}

std::set<Groups> AllPairs(std::size_t groups) {
  std::set<Groups> pairs;
  for (std::uint32_t one = 0; one < groups; ++one) {
    for (std::uint32_t other = one + 1; other < groups; ++other) {
      pairs.insert({one, other});
    }
  }
  return pairs;
}

Outcome EffectOf(const Info& info) {
  if (info.forbid) {
    return Outcome::kForbid;
  }
  return info.ask ? Outcome::kAsk : Outcome::kPermit;
}

}  // namespace

// A group that a policy names.
struct DifferingPolicies::Deciding {
  std::uint32_t group = 0;
  Outcome effect = Outcome::kPermit;
  bool differs = false;
  auto operator<=>(const Deciding&) const = default;
};

DifferingPolicies::DifferingPolicies(const PolicySet& a, const PolicySet& b, Action action)
    : a_(ApplyingIn(a, b, action)), b_(ApplyingIn(b, a, action)) {
  for (const auto* side : {&a_, &b_}) {
    for (const Applying& one : *side) {
      plain_ = plain_ && one.info->total;
      unbounded_ += one.info->bounded ? 0U : 1U;
      if (one.differs) {
        Add(*one.info);
      }
    }
  }
}

std::vector<DifferingPolicies::Applying> DifferingPolicies::ApplyingIn(const PolicySet& set,
                                                                       const PolicySet& other,
                                                                       Action action) {
  const auto applies = [action](const Info& info) { return info.applies && info.Covers(action); };
  std::set<std::string_view> others;
  for (const Info& info : other.policies()) {
    if (applies(info)) {
      others.insert(info.text);
    }
  }
  std::vector<Applying> applying;
  for (const Info& info : set.policies()) {
    if (applies(info)) {
      applying.push_back({.info = &info, .differs = !others.contains(info.text)});
    }
  }
  return applying;
}

void DifferingPolicies::Add(const Info& info) {
  any_ = true;
  everywhere_ = everywhere_ || !info.bounded;
  for (const PolicySet::Place& place : info.places) {
    names_.insert(place.name);
  }
}

Combinations DifferingPolicies::CombinationsFor(const PathRegions& regions) const {
  const std::size_t groups = regions.groups().size();
  if (!plain_ && groups <= kMostCombinedGroups) {
    return {.all = AllCombinations(groups)};
  }
  Combinations chosen{.all = {{}}, .partial = !plain_};
  chosen.all.reserve(groups + 1);
  for (std::uint32_t group = 0; group < groups; ++group) {
    chosen.all.push_back({group});
  }
  const std::size_t most = kMostQuestions / regions.places().size();
  const bool few = groups * groups * regions.places().size() <= kFewQuestions;
  const std::optional<std::set<Groups>> pairs =
      few ? AllPairs(groups) : Pairs(regions, most - chosen.all.size());
  chosen.partial = chosen.partial || !pairs;
  if (pairs) {
    chosen.all.insert(chosen.all.end(), pairs->begin(), pairs->end());
  }
  return chosen;
}

// Pairs of groups of which one decides A's answer and the other B's. For other answers one group is
// enough. Nothing if there are more than so many.
std::optional<std::set<Groups>> DifferingPolicies::Pairs(const PathRegions& regions,
                                                         std::size_t most) const {
  std::set<Groups> pairs;
  const std::set<Deciding> others = GroupsOf(b_, regions);
  for (const Deciding& one : GroupsOf(a_, regions)) {
    for (const Deciding& other : others) {
      if (one.group != other.group && one.effect != other.effect &&
          (one.differs || other.differs)) {
        pairs.insert({std::min(one.group, other.group), std::max(one.group, other.group)});
      }
      if (pairs.size() > most) {
        return std::nullopt;
      }
    }
  }
  return pairs;
}

std::set<DifferingPolicies::Deciding> DifferingPolicies::GroupsOf(const std::vector<Applying>& side,
                                                                  const PathRegions& regions) {
  std::set<Deciding> deciding;
  for (const Applying& one : side) {
    for (const PolicySet::Place& place : one.info->places) {
      const auto found = std::ranges::lower_bound(regions.groups(), place.name);
      if (found != regions.groups().end() && *found == place.name) {
        const auto number = static_cast<std::uint32_t>(found - regions.groups().begin());
        deciding.insert({.group = number, .effect = EffectOf(*one.info), .differs = one.differs});
      }
    }
  }
  return deciding;
}

void DifferingPolicies::MarkConcerned(const PathRegions& regions) {
  const auto marked = static_cast<char>(everywhere_);
  places_.assign(regions.places().size(), marked);
  groups_.assign(regions.groups().size(), marked);
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    groups_[i] = static_cast<char>(everywhere_ || names_.contains(regions.groups()[i]));
  }
  for (std::size_t i = 0; i < places_.size(); ++i) {
    const std::size_t around = regions.around(i);
    places_[i] = static_cast<char>(
        everywhere_ || names_.contains(regions.places()[i]) ||
        (around != kNoRegion && places_[around] != 0) ||
        std::ranges::any_of(regions.own(i), [this](auto group) { return groups_[group] != 0; }));
  }
}

bool DifferingPolicies::Concerns(std::size_t place, const Groups& groups) const {
  return places_[place] != 0 ||
         std::ranges::any_of(groups, [this](auto group) { return groups_[group] != 0; });
}

}  // namespace aegis::advice
