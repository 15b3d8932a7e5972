#include "advice/set_diff.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <expected>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "advice/differing_policies.h"
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

std::unexpected<base::Error> TooMuch(std::size_t places, std::size_t groups) {
  return base::Fail(base::Errc::kExhausted,
                    "the policies name too much to be compared: " + std::to_string(places) +
                        " places and " + std::to_string(groups) + " groups of names");
}

// Asks both sets, action by action, and keeps what differs.
class Comparison {
 public:
  Comparison(const PolicySet& a, const PolicySet& b, std::vector<std::string> mentions)
      : a_(a), b_(b), mentions_(std::move(mentions)), regions_(mentions_) {}

  base::Result<SetDiff> Run() {
    for (std::size_t i = 0; i < policy::kActionCount; ++i) {
      const auto action = static_cast<Action>(i);
      DifferingPolicies differing(a_, b_, action);
      if (!differing.any()) {
        continue;
      }
      std::vector<std::string_view> on = Attributes(action);
      if (NamesPaths(action)) {
        AEGIS_TRY(ComparePaths(action, differing, on));
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

  base::Result<> ComparePaths(Action action, DifferingPolicies& differing,
                              std::vector<std::string_view>& on) {
    const Combinations combinations = differing.CombinationsFor(regions_);
    // Eight policies without bounds take as long as the rest of a question.
    constexpr std::size_t kEqual = 8;
    if (combinations.all.size() * regions_.places().size() * (differing.unbounded() + kEqual) >
        kMostQuestions * kEqual) {
      return TooMuch(regions_.places().size(), regions_.groups().size());
    }
    if (combinations.partial) {
      on.emplace_back("several names of a path together");
    }
    differing.MarkConcerned(regions_);
    const auto ask = [&](const std::string& path, std::size_t place, const Groups& groups) {
      return differing.Concerns(place, groups) ? Ask({.action = action, .resource = path, .pid = 0})
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
  std::vector<std::string> mentions = MentionsOf(a, b);
  const auto starting = [&mentions](std::string_view with) {
    return static_cast<std::size_t>(std::ranges::count_if(
        mentions, [with](const std::string& one) { return one.starts_with(with); }));
  };
  const std::size_t places = starting("/");
  const std::size_t groups = starting("*/");
  if ((places + 1) * (groups + 1) > kMostQuestions) {
    return TooMuch(places, groups);
  }
  if (FreshName(mentions).empty()) {
    return base::Fail(base::Errc::kExhausted,
                      "the policies name every character that could stand for other names");
  }
  AEGIS_ASSIGN(SetDiff diff, Comparison(a, b, std::move(mentions)).Run());
  std::ranges::stable_sort(diff.differences, Before);
  return diff;
}

}  // namespace aegis::advice
