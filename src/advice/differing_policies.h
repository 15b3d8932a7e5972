#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "advice/regions.h"
#include "policy/policy.h"

namespace aegis::advice {

// The most questions about one action that are asked of two sets: some seconds.
inline constexpr std::size_t kMostQuestions = 500'000;

// Combinations of name groups to ask about at each place: the empty one first, then by size, with
// each those without one of its groups.
struct Combinations {
  std::vector<PathRegions::Groups> all{};
  bool partial = false;  // others may be answered otherwise
};

// Which policies of two sets may apply to one action, and which of them the other set lacks: what
// answers can differ by. The sets must outlive it.
class DifferingPolicies {
 public:
  using Groups = PathRegions::Groups;

  DifferingPolicies(const policy::PolicySet& a, const policy::PolicySet& b, policy::Action action);

  bool any() const { return any_; }
  // How many policies every question has to look at, whatever its path.
  std::size_t unbounded() const { return unbounded_; }

  // Enough to find every difference, unless partial: where every policy matches all of its places,
  // one region decides each set's answer, so that pairs do. Else all, if the groups are few. Where
  // pairs of groups are many, only those are asked about by which answers can differ; where both
  // agree may then be left out.
  Combinations CombinationsFor(const PathRegions& regions) const;

  // Marks the regions in which a policy that differs may match: elsewhere answers are equal.
  void MarkConcerned(const PathRegions& regions);
  // Whether a path below or at the place, in groups, is in a region that was marked.
  bool Concerns(std::size_t place, const Groups& groups) const;

 private:
  struct Applying {
    const policy::PolicySet::Info* info = nullptr;
    bool differs = false;  // the other set has none of its text
  };
  struct Deciding;

  static std::vector<Applying> ApplyingIn(const policy::PolicySet& set,
                                          const policy::PolicySet& other, policy::Action action);
  static std::set<Deciding> GroupsOf(const std::vector<Applying>& side, const PathRegions& regions);
  void Add(const policy::PolicySet::Info& info);
  std::optional<std::set<Groups>> Pairs(const PathRegions& regions, std::size_t most) const;

  std::vector<Applying> a_;
  std::vector<Applying> b_;
  std::size_t unbounded_ = 0;
  bool any_ = false;
  bool plain_ = true;            // every policy matches all of its places
  bool everywhere_ = false;      // one that differs has no bounds
  std::set<std::string> names_;  // the places of those that have
  std::vector<char> places_;     // that are concerned
  std::vector<char> groups_;
};

}  // namespace aegis::advice
