#include "cli/policy_diff_report.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "advice/set_diff.h"
#include "base/text.h"
#include "cli/judged_sessions.h"
#include "cli/output.h"
#include "cli/policy_rows.h"
#include "cli/text.h"
#include "policy/policy.h"

namespace aegis::cli {
namespace {

using Info = policy::PolicySet::Info;
using nlohmann::ordered_json;
using policy::Outcome;

constexpr std::size_t kChangeWidth = 18;  // "permit -> forbid"

std::string_view NameOf(Outcome outcome) {
  switch (outcome) {
    case Outcome::kPermit:
      return "permit";
    case Outcome::kForbid:
      return "forbid";
    case Outcome::kNoPermit:
      return "none";
    case Outcome::kAsk:
      return "ask";
    case Outcome::kError:
      break;
  }
  return "error";
}

ordered_json RulesJson(const std::vector<RuleChange>& rules) {
  auto rows = ordered_json::array();
  for (const RuleChange& rule : rules) {
    rows.push_back({{"change", rule.change},
                    {"id", rule.policy.id},
                    {"effect", rule.policy.forbid ? "forbid" : "permit"},
                    {"file", rule.policy.file},
                    {"line", rule.policy.line}});
  }
  return rows;
}

ordered_json AnswerJson(const advice::SetAnswer& answer) {
  return {{"answer", NameOf(answer.outcome)}, {"policies", answer.policies}};
}

ordered_json DifferencesJson(const std::vector<advice::Difference>& differences) {
  auto rows = ordered_json::array();
  for (const advice::Difference& difference : differences) {
    auto actions = ordered_json::array();
    for (const policy::Action action : difference.actions) {
      actions.push_back(policy::ActionName(action));
    }
    rows.push_back({{"actions", std::move(actions)},
                    {"place", difference.region.name},
                    {"subtree", difference.region.subtree},
                    {"groups", difference.region.groups},
                    {"exception", difference.exception()},
                    {"a", AnswerJson(difference.a)},
                    {"b", AnswerJson(difference.b)}});
  }
  return rows;
}

ordered_json SessionsJson(const JudgedSessions& judged) {
  auto rows = ordered_json::array();
  for (const JudgedAction& one : judged.differing) {
    rows.push_back({{"action", one.action},
                    {"resource", one.resource},
                    {"a", NameOf(one.a)},
                    {"b", NameOf(one.b)},
                    {"count", one.count}});
  }
  return {{"sessions", judged.sessions},
          {"actions", judged.actions},
          {"distinct", judged.distinct},
          {"differing", std::move(rows)}};
}

std::string ActionList(const std::vector<policy::Action>& actions) {
  std::string text;
  for (const policy::Action action : actions) {
    text.append(text.empty() ? "" : ", ").append(policy::ActionName(action));
  }
  return text;
}

std::string RegionText(const advice::Region& region) {
  std::string text = region.name.empty() ? "all others" : region.name;
  if (region.subtree && region.name.starts_with('/')) {
    text += region.name == "/" ? "**" : "/**";
  }
  for (const std::string& group : region.groups) {
    text += (&group == &region.groups.front() ? " in " : " and ") + group;
  }
  return base::ForDisplay(text);
}

// "permit -> none", by its colour whether B gives less or more.
std::string Change(const Output& out, Outcome a, Outcome b) {
  if (advice::Alike(a, b)) {
    return out.Faint(Padded("both " + std::string(b == a ? NameOf(a) : "refuse"), kChangeWidth));
  }
  const std::string text =
      Padded(std::string(NameOf(a)) + " -> " + std::string(NameOf(b)), kChangeWidth);
  const bool more = b == Outcome::kPermit || (b == Outcome::kAsk && a != Outcome::kPermit);
  return more ? out.Good(text) : out.Bad(text);
}

void PrintMore(Output& out, std::size_t all, std::size_t most) {
  if (all > most) {
    out.Line("... and " + std::to_string(all - most) + " more (see --all)");
  }
}

void PrintRules(Output& out, const std::vector<RuleChange>& rules, std::size_t most) {
  for (std::size_t i = 0; i < std::min(rules.size(), most); ++i) {
    const Info& policy = rules[i].policy;
    out.Line(Padded(std::string(rules[i].change), 8) + (policy.forbid ? "forbid" : "permit") +
             "  " + base::ForDisplay(policy.id) + "  " + ActionsOf(policy) + "  " +
             base::ForDisplay(policy.file) + ":" + std::to_string(policy.line));
  }
  PrintMore(out, rules.size(), most);
}

void PrintAnswers(Output& out, const advice::SetDiff& answers, std::size_t most) {
  const auto& rows = answers.differences;
  for (std::size_t i = 0; i < std::min(rows.size(), most); ++i) {
    out.Line(Change(out, rows[i].a.outcome, rows[i].b.outcome) + RegionText(rows[i].region) + "  " +
             out.Faint(ActionList(rows[i].actions)));
  }
  PrintMore(out, rows.size(), most);
  std::map<std::string, std::vector<policy::Action>> dependent;
  for (const advice::Dependence& one : answers.dependences) {
    std::string on;
    for (const std::string_view attribute : one.on) {
      on.append(on.empty() ? "" : ", ").append(attribute);
    }
    dependent[on].push_back(one.action);
  }
  for (const auto& [on, actions] : dependent) {
    out.Line("answers on " + ActionList(actions) + " may also depend on " + on);
  }
}

void PrintSessions(Output& out, const JudgedSessions& judged, std::size_t most) {
  out.Line(Count(judged.sessions.size(), "session") + ", " + Count(judged.actions, "action") +
           ", " + std::to_string(judged.distinct) + " of them distinct: " +
           std::to_string(judged.differing.size()) + " answered differently");
  for (std::size_t i = 0; i < std::min(judged.differing.size(), most); ++i) {
    const JudgedAction& one = judged.differing[i];
    out.Line(Change(out, one.a, one.b) + one.action + " " + base::ForDisplay(one.resource) + "  " +
             out.Faint(Count(one.count, "time")));
  }
  PrintMore(out, judged.differing.size(), most);
}

}  // namespace

std::vector<RuleChange> RuleChanges(const policy::PolicySet& a, const policy::PolicySet& b) {
  const auto by_id = [](const policy::PolicySet& set) {
    std::map<std::string_view, const Info*> policies;
    for (const Info& info : set.policies()) {
      policies.emplace(info.id, &info);
    }
    return policies;
  };
  const auto before = by_id(a);
  const auto now = by_id(b);
  std::vector<RuleChange> changes;
  for (const Info& info : a.policies()) {
    if (!now.contains(info.id)) {
      changes.push_back({.change = "removed", .policy = info});
    }
  }
  for (const Info& info : b.policies()) {
    const auto old = before.find(info.id);
    if (old == before.end()) {
      changes.push_back({.change = "added", .policy = info});
    } else if (old->second->text != info.text) {
      changes.push_back({.change = "changed", .policy = info});
    }
  }
  return changes;
}

bool PolicyDiff::equal() const {
  return answers.differences.empty() && answers.dependences.empty() &&
         (!sessions || sessions->differing.empty());
}

ordered_json PolicyDiffJson(const PolicyDiff& diff) {
  auto dependences = ordered_json::array();
  for (const advice::Dependence& one : diff.answers.dependences) {
    dependences.push_back({{"action", policy::ActionName(one.action)}, {"on", one.on}});
  }
  ordered_json document = {{"equal", diff.equal()},
                           {"rules", RulesJson(diff.rules)},
                           {"differences", DifferencesJson(diff.answers.differences)},
                           {"dependences", std::move(dependences)}};
  if (diff.sessions) {
    document["recorded"] = SessionsJson(*diff.sessions);
  }
  return document;
}

void PrintPolicyDiff(Output& out, const PolicyDiff& diff, std::size_t most) {
  PrintRules(out, diff.rules, most);
  PrintAnswers(out, diff.answers, most);
  if (diff.sessions) {
    PrintSessions(out, *diff.sessions, most);
  }
  if (diff.equal()) {
    out.Line(diff.rules.empty() ? "no difference" : "no difference in what is answered");
  }
}

}  // namespace aegis::cli
