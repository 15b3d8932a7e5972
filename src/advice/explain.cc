#include "advice/explain.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "advice/carriers.h"
#include "advice/cedar_text.h"
#include "advice/places.h"
#include "advice/question.h"
#include "base/result.h"
#include "decision/decision.h"
#include "policy/policy.h"
#include "policy/templates.h"

namespace aegis::advice {
namespace {

using decision::Reason;
using policy::Action;
using policy::Outcome;
using policy::PolicySet;
using Info = PolicySet::Info;

constexpr std::size_t kMaxNear = 3;

// Some policies of a set by themselves, each as a source of its own.
struct Part {
  std::vector<std::size_t> numbers;
  PolicySet set;
};

base::Result<Part> PartOf(const PolicySet& all, const policy::Names& names,
                          const std::function<bool(const Info&)>& wanted) {
  std::vector<std::size_t> numbers;
  std::vector<policy::Source> sources;
  for (std::size_t i = 0; i < all.policies().size(); ++i) {
    if (wanted(all.policies()[i])) {
      numbers.push_back(i);
      sources.push_back({.file = std::to_string(i) + ".cedar", .text = all.policies()[i].text});
    }
  }
  AEGIS_ASSIGN(PolicySet set, PolicySet::Load(sources, names));
  return Part{.numbers = std::move(numbers), .set = std::move(set)};
}

// The policies of one kind that match a question; those that can't be evaluated go to `errors`.
class Matcher {
 public:
  Matcher(const PolicySet& all, const policy::Names& names, const Question& question)
      : all_(all), names_(names), question_(question) {}

  // A whole part is asked at once; where it errs, each of its policies alone.
  base::Result<std::vector<std::size_t>> Matching(const std::function<bool(const Info&)>& wanted,
                                                  std::vector<std::size_t>& errors) const {
    const auto may = [&](const Info& info) {
      return wanted(info) && info.applies && info.Covers(question_.action);
    };
    AEGIS_ASSIGN(const Part part, PartOf(all_, names_, may));
    const policy::Verdict verdict = part.set.Evaluate(question_.Request());
    if (verdict.outcome == Outcome::kError) {
      return OneByOne(part.numbers, errors);
    }
    std::vector<std::size_t> matching;
    for (std::size_t i = 0; i < part.numbers.size(); ++i) {
      const std::string& id = part.set.policies()[i].id;
      if (std::ranges::find(verdict.policies, id) != verdict.policies.end()) {
        matching.push_back(part.numbers[i]);
      }
    }
    return matching;
  }

 private:
  base::Result<std::vector<std::size_t>> OneByOne(const std::vector<std::size_t>& numbers,
                                                  std::vector<std::size_t>& errors) const {
    std::vector<std::size_t> matching;
    for (const std::size_t number : numbers) {
      const Info* const one = &all_.policies()[number];
      AEGIS_ASSIGN(const Part part,
                   PartOf(all_, names_, [one](const Info& info) { return &info == one; }));
      const Outcome outcome = part.set.Evaluate(question_.Request()).outcome;
      if (outcome == Outcome::kError) {
        errors.push_back(number);
      } else if (outcome != Outcome::kNoPermit) {
        matching.push_back(number);
      }
    }
    return matching;
  }

  const PolicySet& all_;
  const policy::Names& names_;
  const Question& question_;
};

std::string ActionsOf(const Info& info) {
  std::string text;
  for (std::size_t i = 0; i < policy::kActionCount; ++i) {
    const auto action = static_cast<Action>(i);
    if (info.Covers(action)) {
      text.append(text.empty() ? "" : ", ").append(policy::ActionName(action));
    }
  }
  return text;
}

// How far a permit that does not match is from doing so: smaller is nearer. Nothing if it is none.
struct Distance {
  int kind = 0;           // 0 its conditions fail; 1 another action here; 2 this action elsewhere
  std::size_t steps = 0;  // components to leave and to enter
  std::string why;
};

std::optional<Distance> DistanceOf(const Info& info, const Question& question) {
  const bool same_action = info.Covers(question.action);
  const bool here = MayHold(info, question);
  if (same_action && here) {
    return Distance{
        .kind = 0, .steps = 0, .why = "would permit it, but its conditions do not hold"};
  }
  if (here && !same_action && info.bounded && NamesPaths(question.action)) {
    return Distance{.kind = 1, .steps = 0, .why = "permits " + ActionsOf(info) + " here"};
  }
  if (!same_action || !NamesPaths(question.action)) {
    return std::nullopt;
  }
  std::optional<Distance> nearest;
  for (const PolicySet::Place& place : info.places) {
    const std::size_t shared = SharedComponents(place.name, question.resource);
    if (!place.name.starts_with('/') || shared == 0) {
      continue;
    }
    const std::size_t steps = Components(place.name) + Components(question.resource) - 2 * shared;
    if (!nearest || steps < nearest->steps) {
      nearest = Distance{.kind = 2,
                         .steps = steps,
                         .why = "permits " + std::string(policy::ActionName(question.action)) +
                                (place.subtree ? " in " : " on ") + place.name};
    }
  }
  return nearest;
}

std::vector<Near> Nearest(const PolicySet& policies, const Question& question) {
  std::vector<std::tuple<int, std::size_t, std::size_t, std::string>> all;
  for (std::size_t i = 0; i < policies.policies().size(); ++i) {
    const Info& info = policies.policies()[i];
    if (info.forbid || !info.applies) {
      continue;
    }
    if (auto distance = DistanceOf(info, question)) {
      all.emplace_back(distance->kind, distance->steps, i, std::move(distance->why));
    }
  }
  std::ranges::sort(all);
  std::vector<Near> nearest;
  for (auto& [kind, steps, number, why] : all) {
    if (nearest.size() == kMaxNear) {
      break;
    }
    nearest.push_back({.policy = number, .why = std::move(why)});
  }
  return nearest;
}

// The forbids that hold for some of what lies in a place.
std::vector<std::size_t> ForbidsWithin(const PolicySet& policies, Action action,
                                       std::string_view place) {
  std::vector<std::size_t> within;
  for (std::size_t i = 0; i < policies.policies().size(); ++i) {
    const Info& info = policies.policies()[i];
    if (info.forbid && info.applies && info.Covers(action) && MayTouch(info, place)) {
      within.push_back(i);
    }
  }
  return within;
}

std::string ParentOf(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return std::string(path.substr(0, slash == 0 ? 1 : slash));
}

std::vector<NewRule> NewRules(const PolicySet& policies, const policy::Names& names,
                              const Question& question) {
  std::vector<NewRule> rules;
  // A path with a `*` is compared as a whole: aliases stand in heads only.
  const bool star = NamesPaths(question.action) && question.resource.find('*') != std::string::npos;
  const std::string name = star ? question.resource : Aliased(question.resource, names);
  rules.push_back({.text = PermitText(question.action, name, false),
                   .place = {},
                   .forbids = {},
                   .opens = Opened(policies, names, question)});
  if (!NamesPaths(question.action) || Components(question.resource) < 2) {
    return rules;
  }
  const std::string place = ParentOf(question.resource);
  if (place.find('*') != std::string::npos) {
    return rules;
  }
  Question parent = question;
  parent.resource = place;
  rules.push_back({.text = PermitText(question.action, Aliased(place, names), true),
                   .place = place,
                   .forbids = ForbidsWithin(policies, question.action, place),
                   .opens = {"a subtree: " + place + " and all below it, also what comes later"}});
  return rules;
}

// The template `project` knows secrets and startup files by their places.
std::optional<std::string> ProjectForbids(const policy::Names& names, const Question& question) {
  const auto text = policy::TemplateText("project");
  if (!text) {
    return std::nullopt;
  }
  const auto project =
      PolicySet::Load({{.file = "project.cedar", .text = std::string(*text)}}, names);
  if (!project) {
    return std::nullopt;
  }
  policy::Verdict verdict = project->Evaluate(question.Request());
  if (verdict.outcome != Outcome::kForbid) {
    return std::nullopt;
  }
  return "the template project forbids this (" + verdict.policies.front() + "): " + verdict.detail;
}

bool MayBePermitted(const PolicySet& policies, Action action, const std::string& resource) {
  return policies.Evaluate({.action = action, .resource = resource, .context = {.pid = 1}})
             .outcome == Outcome::kPermit;
}

}  // namespace

std::vector<std::string> Opened(const PolicySet& policies, const policy::Names& names,
                                const Question& question) {
  std::vector<std::string> opens;
  if (auto secret = ProjectForbids(names, question)) {
    opens.push_back(*std::move(secret));
  }
  const std::string& resource = question.resource;
  switch (question.action) {
    case Action::kNetConnect: {
      opens.emplace_back("whatever the agent can read can be sent there");
      const std::string_view what = CarrierKind(question.host.empty() ? resource : question.host);
      if (!what.empty()) {
        opens.push_back("it can carry anything to anyone: " + std::string(what));
      }
      break;
    }
    case Action::kFileWrite:
      if (MayBePermitted(policies, Action::kProcessSpawn, resource)) {
        opens.emplace_back(
            "what is written there may be executed: ProcessSpawn is permitted on it");
      }
      break;
    case Action::kProcessSpawn:
      opens.emplace_back("the program does all that the other policies permit");
      if (MayBePermitted(policies, Action::kFileWrite, resource)) {
        opens.emplace_back("the agent can change it: FileWrite is permitted on it");
      }
      break;
    case Action::kDirList:
      opens.emplace_back("the names in this directory, not what is in them");
      break;
    default:
      break;
  }
  return opens;
}

base::Result<Explanation> Explain(decision::Decider& decider, const policy::Names& names,
                                  const Question& question) {
  const PolicySet& policies = decider.policies();
  Explanation explanation{.decision = decider.Decide(question.Request())};
  const Matcher matcher(policies, names, question);
  AEGIS_ASSIGN(explanation.forbids,
               matcher.Matching([](const Info& info) { return info.forbid; }, explanation.errors));
  // Permits that ask are alone in a verdict with others: each kind by itself.
  AEGIS_ASSIGN(explanation.permits,
               matcher.Matching([](const Info& info) { return !info.forbid && !info.ask; },
                                explanation.errors));
  AEGIS_ASSIGN(const auto asking,
               matcher.Matching([](const Info& info) { return info.ask; }, explanation.errors));
  explanation.permits.insert(explanation.permits.end(), asking.begin(), asking.end());
  std::ranges::sort(explanation.permits);
  std::ranges::sort(explanation.errors);
  if (explanation.decision.reason == Reason::kPolicyError) {
    explanation.detail = policies.Evaluate(question.Request()).detail;
  }
  if (explanation.decision.reason == Reason::kNoPermit) {
    explanation.nearest = Nearest(policies, question);
    explanation.rules = NewRules(policies, names, question);
  }
  return explanation;
}

}  // namespace aegis::advice
