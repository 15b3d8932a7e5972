#include "advice/path_comparison.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "advice/regions.h"
#include "advice/set_diff.h"

namespace aegis::advice {
namespace {

using Groups = PathRegions::Groups;

Groups Without(const Groups& groups, const Groups& others) {
  Groups left;
  std::ranges::set_difference(groups, others, std::back_inserter(left));
  return left;
}

Groups Without(const Groups& groups, std::size_t index) {
  Groups fewer = groups;
  fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(index));
  return fewer;
}

}  // namespace

PathComparison::PathComparison(const PathRegions& regions, const std::vector<Groups>& combinations,
                               Ask ask)
    : regions_(regions), combinations_(combinations), ask_(std::move(ask)) {
  for (std::size_t i = 0; i < combinations_.size(); ++i) {
    numbers_.emplace(combinations_[i], i);
  }
  answers_.resize(regions_.places().size() * combinations_.size());
  told_.resize(regions_.places().size());
}

void PathComparison::Run(const Tell& tell) {
  AskAll();
  for (std::size_t combination = 0; combination < combinations_.size(); ++combination) {
    if (Matters(combination)) {
      TellCombination(combination, tell);
    }
  }
  TellPlacesAlone(tell);
}

void PathComparison::AskAll() {
  for (std::size_t place = 0; place < regions_.places().size(); ++place) {
    for (std::size_t i = 0; i < combinations_.size(); ++i) {
      std::optional<Outcomes>& answer = answers_[place * combinations_.size() + i];
      const Groups others = Without(combinations_[i], regions_.own(place));
      if (others.size() == combinations_[i].size()) {
        answer = ask_(regions_.PathIn(place, others), place, others);
      } else if (const auto same = numbers_.find(others); same != numbers_.end()) {
        answer = Answer(place, same->second);  // smaller, and so known
      }
    }
  }
}

// What the combinations with one group less say: that they differ, if one of them does.
std::optional<Outcomes> PathComparison::Implied(std::size_t place, std::size_t combination) const {
  std::optional<Outcomes> implied;
  for (std::size_t i = 0; i < combinations_[combination].size(); ++i) {
    const auto fewer = numbers_.find(Without(combinations_[combination], i));
    if (fewer == numbers_.end()) {
      continue;
    }
    const std::optional<Outcomes>& answer = Answer(place, fewer->second);
    if (answer && (!implied || implied->agree())) {
      implied = answer;
    }
  }
  return implied;
}

// Whether a combination says anything anywhere that fewer groups don't.
bool PathComparison::Matters(std::size_t combination) const {
  if (combinations_[combination].empty()) {
    return true;
  }
  for (std::size_t place = 0; place < regions_.places().size(); ++place) {
    const std::optional<Outcomes>& answer = Answer(place, combination);
    const std::optional<Outcomes> implied = Implied(place, combination);
    if (answer && (!implied || !answer->Same(*implied))) {
      return true;
    }
  }
  return false;
}

// The combinations that a path of this combination below the place is in, by size, the largest
// first.
std::vector<std::vector<std::size_t>> PathComparison::Subsets(std::size_t place,
                                                              std::size_t combination) const {
  Groups all;
  std::ranges::set_union(combinations_[combination], regions_.own(place), std::back_inserter(all));
  std::vector<std::vector<std::size_t>> by_size{{0}};
  std::vector<Groups> last{{}};
  while (!last.empty()) {
    std::vector<Groups> next;
    std::vector<std::size_t> found;
    for (const Groups& groups : last) {
      const auto behind =
          groups.empty() ? all.begin() : std::ranges::upper_bound(all, groups.back());
      for (auto group = behind; group != all.end(); ++group) {
        Groups larger = groups;
        larger.push_back(*group);
        if (const auto number = numbers_.find(larger); number != numbers_.end()) {
          found.push_back(number->second);
          next.push_back(std::move(larger));
        }
      }
    }
    by_size.push_back(std::move(found));
    last = std::move(next);
  }
  std::ranges::reverse(by_size);
  return by_size;
}

// What somebody reads from the regions told so far.
Outcomes PathComparison::Reading(std::size_t place, std::size_t combination) const {
  for (const std::vector<std::size_t>& subsets : Subsets(place, combination)) {
    for (std::size_t at = place; at != kNoRegion; at = regions_.around(at)) {
      std::optional<Outcomes> read;
      for (const std::size_t subset : subsets) {
        const auto told = told_[at].find(subset);
        if (told != told_[at].end() && (!read || read->agree())) {
          read = told->second;
        }
      }
      if (read) {
        return *read;
      }
    }
  }
  return {};
}

// Notes where the answers of a combination are to be told: where they are others than one reads so
// far. `everywhere`: first what holds everywhere, so that fewer places need to be exceptions.
std::vector<std::size_t> PathComparison::Note(std::size_t combination, bool everywhere) {
  std::vector<std::size_t> places;
  for (std::size_t place = 0; place < regions_.places().size(); ++place) {
    const std::optional<Outcomes>& answer = Answer(place, combination);
    const bool first = everywhere && place == 0;
    if (answer && (first || !answer->Same(Reading(place, combination)))) {
      told_[place].emplace(combination, *answer);
      places.push_back(place);
    }
  }
  return places;
}

void PathComparison::TellCombination(std::size_t combination, const Tell& tell) {
  const auto forget = [&](const std::vector<std::size_t>& places) {
    for (const std::size_t place : places) {
      told_[place].erase(combination);
    }
  };
  const Groups& groups = combinations_[combination];
  std::vector<std::size_t> places = Note(combination, false);
  if (places.size() > 2 && !groups.empty()) {
    forget(places);
    std::vector<std::size_t> fewer = Note(combination, true);
    if (fewer.size() > places.size()) {
      forget(fewer);
      fewer = Note(combination, false);
    }
    places = std::move(fewer);
  }
  Region region{.subtree = true};
  region.groups.reserve(groups.size());
  for (const auto group : groups) {
    region.groups.push_back(regions_.groups()[group]);
  }
  for (const std::size_t place : places) {
    region.name = regions_.places()[place];
    tell(region, regions_.PathIn(place, groups));
  }
}

// Places that are answered otherwise than what lies below them.
void PathComparison::TellPlacesAlone(const Tell& tell) {
  for (std::size_t place = 0; place < regions_.places().size(); ++place) {
    const std::string& name = regions_.places()[place];
    const std::optional<Outcomes>& below = Answer(place, 0);
    if (below && !ask_(name, place, {}).Same(*below)) {
      tell({.name = name}, name);
    }
  }
}

}  // namespace aegis::advice
