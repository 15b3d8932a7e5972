#include "advice/set_diff.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "advice/path_comparison.h"
#include "advice/question.h"
#include "advice/regions.h"
#include "base/result.h"
#include "policy/policy.h"

namespace aegis::advice {
namespace {

using policy::Action;
using policy::Outcome;
using policy::PolicySet;
using Groups = PathRegions::Groups;
using Info = PolicySet::Info;

constexpr std::size_t kMostQuestions = 2'000'000;  // about one action: some seconds
constexpr std::size_t kMostCombinedGroups = 6;     // of which every combination is asked about

std::vector<std::string> MentionsOf(const PolicySet& a, const PolicySet& b) {
  std::vector<std::string> mentions = a.mentions();
  std::ranges::move(b.mentions(), std::back_inserter(mentions));
  std::ranges::sort(mentions);
  mentions.erase(std::ranges::unique(mentions).begin(), mentions.end());
  return mentions;
}

std::vector<std::string_view> AttributesOf(const PolicySet::Reads& reads) {
  std::vector<std::string_view> names;
  const auto add = [&names](bool read, std::string_view name) {
    if (read) {
      names.push_back(name);
    }
  };
  add(reads.path, "resource.path");
  add(reads.pid, "context.pid");
  add(reads.exe, "context.exe");
  add(reads.argv, "context.argv");
  add(reads.host, "context.host");
  add(reads.port, "context.port");
  add(reads.protocol, "context.protocol");
  return names;
}

// A policy that may apply to the action in question.
struct Applying {
  const Info* info = nullptr;
  bool differs = false;  // the other set has none of its text
};

std::vector<Applying> ApplyingIn(const PolicySet& set, const PolicySet& other, Action action) {
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

// The policies of both sets that may apply to one action.
class Matter {
 public:
  Matter(const PolicySet& a, const PolicySet& b, Action action)
      : a_(ApplyingIn(a, b, action)), b_(ApplyingIn(b, a, action)) {
    for (const auto* side : {&a_, &b_}) {
      for (const Applying& one : *side) {
        plain_ = plain_ && one.info->total;
        if (one.differs) {
          Add(*one.info);
        }
      }
    }
  }

  bool differs() const { return differs_; }
  // Whether every policy matches all of its places: then one region decides each set's answer.
  bool plain() const { return plain_; }

  // Marks the regions in which a policy that differs may match: elsewhere answers are equal.
  void MarkConcerned(const PathRegions& regions) {
    places_.assign(regions.places().size(), everywhere_);
    groups_.assign(regions.groups().size(), everywhere_);
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      groups_[i] = groups_[i] || names_.contains(regions.groups()[i]);
    }
    const auto concerned = [this](auto group) { return groups_[group]; };
    for (std::size_t i = 0; i < places_.size(); ++i) {
      const std::size_t around = regions.around(i);
      places_[i] = places_[i] || names_.contains(regions.places()[i]) ||
                   (around != kNoRegion && places_[around]) ||
                   std::ranges::any_of(regions.own(i), concerned);
    }
  }
  bool Concerns(std::size_t place, const Groups& groups) const {
    return places_[place] ||
           std::ranges::any_of(groups, [this](auto group) { return groups_[group]; });
  }

  // Pairs of groups of which one decides A's answer and the other B's. For other answers one group
  // is enough.
  std::set<Groups> Pairs(const PathRegions& regions) const {
    std::set<Groups> pairs;
    const auto all = [&](const std::vector<Applying>& side) { return GroupsOf(side, regions); };
    for (const Deciding& one : all(a_)) {
      for (const Deciding& other : all(b_)) {
        if (one.group != other.group && one.effect != other.effect &&
            (one.differs || other.differs)) {
          pairs.insert({std::min(one.group, other.group), std::max(one.group, other.group)});
        }
      }
    }
    return pairs;
  }

 private:
  // A group that a policy names.
  struct Deciding {
    std::uint32_t group = 0;
    Outcome effect = Outcome::kPermit;
    bool differs = false;
    auto operator<=>(const Deciding&) const = default;
  };

  void Add(const Info& info) {
    differs_ = true;
    everywhere_ = everywhere_ || !info.bounded;
    for (const PolicySet::Place& place : info.places) {
      names_.insert(place.name);
    }
  }
  static std::set<Deciding> GroupsOf(const std::vector<Applying>& side,
                                     const PathRegions& regions) {
    std::set<Deciding> deciding;
    for (const Applying& one : side) {
      const Outcome effect = one.info->forbid ? Outcome::kForbid
                             : one.info->ask  ? Outcome::kAsk
                                              : Outcome::kPermit;
      for (const PolicySet::Place& place : one.info->places) {
        const auto found = std::ranges::lower_bound(regions.groups(), place.name);
        if (found != regions.groups().end() && *found == place.name) {
          const auto number = static_cast<std::uint32_t>(found - regions.groups().begin());
          deciding.insert({.group = number, .effect = effect, .differs = one.differs});
        }
      }
    }
    return deciding;
  }

  std::vector<Applying> a_;
  std::vector<Applying> b_;
  bool differs_ = false;
  bool plain_ = true;
  bool everywhere_ = false;      // a policy that differs has no bounds
  std::set<std::string> names_;  // the places of those that have
  std::vector<char> places_;
  std::vector<char> groups_;
};

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

// What to ask about each place.
struct Combinations {
  std::vector<Groups> all;
  bool partial = false;  // others may be answered otherwise
};

Combinations CombinationsFor(const PathRegions& regions, const Matter& matter) {
  const std::size_t groups = regions.groups().size();
  if (!matter.plain() && groups <= kMostCombinedGroups) {
    return {.all = AllCombinations(groups)};
  }
  Combinations chosen{.all = {{}}, .partial = !matter.plain()};
  for (std::uint32_t group = 0; group < groups; ++group) {
    chosen.all.push_back({group});
  }
  const std::set<Groups> pairs = matter.Pairs(regions);
  if ((chosen.all.size() + pairs.size()) * regions.places().size() > kMostQuestions) {
    chosen.partial = true;
  } else {
    chosen.all.insert(chosen.all.end(), pairs.begin(), pairs.end());
  }
  return chosen;
}

// Asks both sets, action by action, and keeps what differs.
class Comparison {
 public:
  Comparison(const PolicySet& a, const PolicySet& b)
      : a_(a), b_(b), mentions_(MentionsOf(a, b)), regions_(mentions_) {}

  base::Result<SetDiff> Run() {
    for (std::size_t i = 0; i < policy::kActionCount; ++i) {
      const auto action = static_cast<Action>(i);
      Matter matter(a_, b_, action);
      if (!matter.differs()) {
        continue;
      }
      std::vector<std::string_view> on = Attributes(action);
      if (NamesPaths(action)) {
        AEGIS_TRY(ComparePaths(action, matter, on));
      } else {
        CompareSamples(action == Action::kNetConnect ? HostSamples(mentions_)
                                                     : ToolSamples(mentions_));
      }
      if (!on.empty()) {
        diff_.dependences.push_back({.action = action, .on = std::move(on)});
      }
    }
    return std::move(diff_);
  }

 private:
  using Key = std::tuple<std::string, bool, std::vector<std::string>, Outcome, Outcome>;

  std::vector<std::string_view> Attributes(Action action) const {
    std::vector<std::string_view> on = AttributesOf(a_.reads(action));
    for (const std::string_view attribute : AttributesOf(b_.reads(action))) {
      if (std::ranges::find(on, attribute) == on.end()) {
        on.push_back(attribute);
      }
    }
    return on;
  }

  Outcomes Ask(const Question& question) const {
    return {.a = a_.Evaluate(question.Request()).outcome,
            .b = b_.Evaluate(question.Request()).outcome};
  }

  void CompareSamples(const std::vector<Sample>& samples) {
    std::vector<Outcomes> answers;
    answers.reserve(samples.size());
    for (const Sample& sample : samples) {
      answers.push_back(Ask(sample.question));
      const Outcomes& here = answers.back();
      const auto same = [&](std::size_t around) { return here.Same(answers[around]); };
      const bool expected =
          sample.around.empty() ? here.agree() : std::ranges::all_of(sample.around, same);
      if (!expected) {
        Tell(sample.region, sample.question);
      }
    }
  }

  base::Result<> ComparePaths(Action action, Matter& matter, std::vector<std::string_view>& on) {
    const Combinations combinations = CombinationsFor(regions_, matter);
    if (combinations.all.size() * regions_.places().size() > kMostQuestions) {
      return base::Fail(
          base::Errc::kExhausted,
          "the policies name too much to be compared: " + std::to_string(regions_.places().size()) +
              " places and " + std::to_string(regions_.groups().size()) + " groups of names");
    }
    if (combinations.partial) {
      on.emplace_back("combinations of name groups");
    }
    matter.MarkConcerned(regions_);
    const auto ask = [&](const std::string& path, std::size_t place, const Groups& groups) {
      return matter.Concerns(place, groups) ? Ask({.action = action, .resource = path, .pid = 0})
                                            : Outcomes();
    };
    PathComparison(regions_, combinations.all, ask)
        .Run([&](const Region& region, const std::string& path) {
          Tell(region, {.action = action, .resource = path, .pid = 0});
        });
    return {};
  }

  // One row for each region and its answers, whatever the actions.
  void Tell(const Region& region, const Question& question) {
    const policy::Verdict a = a_.Evaluate(question.Request());
    const policy::Verdict b = b_.Evaluate(question.Request());
    const Key key{region.name, region.subtree, region.groups, a.outcome, b.outcome};
    const auto [told, fresh] = told_.try_emplace(key, diff_.differences.size());
    if (fresh) {
      diff_.differences.push_back({.actions = {},
                                   .region = region,
                                   .a = {.outcome = a.outcome, .policies = {}},
                                   .b = {.outcome = b.outcome, .policies = {}}});
    }
    Difference& difference = diff_.differences[told->second];
    difference.actions.push_back(question.action);
    Merge(a.policies, difference.a.policies);
    Merge(b.policies, difference.b.policies);
  }
  static void Merge(const std::vector<std::string>& from, std::vector<std::string>& to) {
    for (const std::string& id : from) {
      if (std::ranges::find(to, id) == to.end()) {
        to.push_back(id);
      }
    }
  }

  const PolicySet& a_;
  const PolicySet& b_;
  std::vector<std::string> mentions_;
  PathRegions regions_;
  SetDiff diff_;
  std::map<Key, std::size_t> told_;  // which difference
};

// The order in which people look: regions without groups by name, what lies in one behind it.
bool Before(const Difference& a, const Difference& b) {
  const auto key = [](const Difference& one) {
    return std::tuple(one.region.groups.size(), !one.region.name.starts_with('/'), one.region.name,
                      one.region.groups, !one.region.subtree);
  };
  return key(a) < key(b);
}

}  // namespace

bool Difference::exception() const { return Alike(a.outcome, b.outcome); }

bool Alike(Outcome a, Outcome b) {
  const auto refused = [](Outcome one) { return one != Outcome::kPermit && one != Outcome::kAsk; };
  return a == b || (refused(a) && refused(b));
}

base::Result<SetDiff> CompareSets(const PolicySet& a, const PolicySet& b) {
  AEGIS_ASSIGN(SetDiff diff, Comparison(a, b).Run());
  std::ranges::stable_sort(diff.differences, Before);
  return diff;
}

}  // namespace aegis::advice
