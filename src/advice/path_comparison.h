#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "advice/regions.h"
#include "advice/set_diff.h"
#include "policy/policy.h"

namespace aegis::advice {

// What both sets answer, and whether that is the same as elsewhere.
struct Outcomes {
  policy::Outcome a = policy::Outcome::kNoPermit;
  policy::Outcome b = policy::Outcome::kNoPermit;

  bool agree() const { return Alike(a, b); }
  // All agreements are one: there is nothing to tell.
  bool Same(const Outcomes& other) const {
    return (agree() && other.agree()) || (Alike(a, other.a) && Alike(b, other.b));
  }
};

// Finds where two sets differ on one action on paths: asks about each place with each combination
// of groups, and tells as few regions as say it all.
class PathComparison {
 public:
  using Groups = PathRegions::Groups;
  // The outcomes for a path below or at a place, in groups.
  using Ask = std::function<Outcomes(const std::string& path, std::size_t place, const Groups&)>;
  // A region that differs, or is an exception, and a path in it.
  using Tell = std::function<void(Region region, const std::string& path)>;

  // `combinations`: the empty one first, then by size; with each, those without one of its groups.
  PathComparison(const PathRegions& regions, const std::vector<Groups>& combinations, Ask ask);

  void Run(const Tell& tell);

 private:
  const std::optional<Outcomes>& Answer(std::size_t place, std::size_t combination) const {
    return answers_[place * combinations_.size() + combination];
  }
  void AskAll();
  std::optional<Outcomes> Implied(std::size_t place, std::size_t combination) const;
  bool Matters(std::size_t combination) const;
  std::vector<std::vector<std::size_t>> Subsets(std::size_t place, std::size_t combination) const;
  Outcomes Reading(std::size_t place, std::size_t combination) const;
  std::vector<std::size_t> Note(std::size_t combination, bool everywhere);
  void TellCombination(std::size_t combination, const Tell& tell);
  void TellPlacesAlone(const Tell& tell);

  const PathRegions& regions_;
  const std::vector<Groups>& combinations_;
  std::map<Groups, std::size_t> numbers_;  // of combinations
  Ask ask_;
  std::vector<std::optional<Outcomes>> answers_;       // by place, then combination
  std::vector<std::map<std::size_t, Outcomes>> told_;  // of each place, by combination
};

}  // namespace aegis::advice
