#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "advice/cedar_text.h"
#include "advice/explain.h"
#include "advice/question.h"
#include "advice/test_file.h"
#include "advice/test_run.h"
#include "base/result.h"
#include "base/text.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/inspection.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/policy_choice.h"
#include "cli/recorded.h"
#include "cli/summary.h"
#include "cli/text.h"
#include "decision/decision.h"
#include "policy/policy.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;
using Info = policy::PolicySet::Info;

constexpr std::array<Option, 13> kOptions = {{
    {"ACTION", Kind::kPositional, "", "FileRead, FileWrite, ..."},
    {"RESOURCE", Kind::kPositional, "", "A path, HOST:PORT, or the name of a tool"},
    {"--last-denied", Kind::kFlag, "", "Explain the newest denial in the ledger instead"},
    {"--entry", Kind::kText, "ID", "Explain the decision SESSION:SEQ in the ledger instead"},
    {"--config", Kind::kText, "NAME", "Configuration (default: the active one)"},
    {"--policy", Kind::kText, "POLICY", "A template or file instead of a configuration"},
    kDirOption,
    kExeOption,
    kArgvOption,
    kPidOption,
    kProtocolOption,
    kClosedOption,
    {"--json", Kind::kFlag, "", "As JSON"},
}};

constexpr std::array<Example, 3> kExamples = {{
    {"aegis policy explain FileWrite ~/notes.md",
     "Which policies decide it, and what would permit it."},
    {"aegis policy explain --last-denied", "The same for what was refused last."},
    {"aegis policy explain --entry 0193f:17 --config work",
     "The same for a decision in the ledger, as `aegis audit query --json` names it."},
}};

// All that is said about one question.
struct Subject {
  PoliciesInQuestion chosen;
  advice::Question question;
  std::optional<std::string> given;          // as it was written; none for a recorded one
  std::optional<RecordedDecision> recorded;  // none for ACTION RESOURCE
};

// What lies in a place now, as far as it can be seen.
struct Below {
  std::size_t count = 0;
  bool more = false;  // there is more than was counted
  std::vector<std::string> examples{};
};

constexpr std::size_t kMostCounted = 10'000;
constexpr std::size_t kExamplesShown = 3;

Below CountBelow(const std::string& place) {
  Below below;
  const std::filesystem::path root = base::UnescapeName(place);
  std::error_code failed;
  const auto options = std::filesystem::directory_options::skip_permission_denied;
  for (std::filesystem::recursive_directory_iterator at(root, options, failed), end;
       !failed && at != end; at.increment(failed)) {
    if (below.count == kMostCounted) {
      below.more = true;
      break;
    }
    ++below.count;
  }
  for (std::filesystem::directory_iterator at(root, failed), end; !failed && at != end;
       at.increment(failed)) {
    below.examples.push_back(base::EscapeName(at->path().filename().string()));
  }
  std::ranges::sort(below.examples);
  below.examples.resize(std::min(below.examples.size(), kExamplesShown));
  return below;
}

base::Result<Subject> FindSubject(Context& context, const Args& args) {
  AEGIS_ASSIGN(PoliciesInQuestion chosen, FindPolicies(context, args, args.Text("--policy")));
  if (!args.Has("--last-denied") && !args.Has("--entry")) {
    AEGIS_ASSIGN(advice::Question question, QuestionOf(context, args, chosen.names));
    return Subject{.chosen = std::move(chosen),
                   .question = std::move(question),
                   .given = base::EscapeName(args.Text("RESOURCE").value_or("")),
                   .recorded = std::nullopt};
  }
  AEGIS_ASSIGN(RecordedDecision recorded,
               FindRecorded(context, *chosen.configuration, args.Text("--entry")));
  if (!recorded.dir.empty() && !args.Has("--dir")) {
    chosen.names.dir = recorded.dir;
  }
  advice::Question question = recorded.question;
  return Subject{.chosen = std::move(chosen),
                 .question = std::move(question),
                 .given = std::nullopt,
                 .recorded = std::move(recorded)};
}

// What is to be done, in words, where no new permit does it.
std::string Remedy(const advice::Explanation& explanation) {
  switch (explanation.decision.reason) {
    case decision::Reason::kPolicyPermit:
      return "";
    case decision::Reason::kNoPermit:
      return "no policy permits it";
    case decision::Reason::kPolicyForbid:
      return explanation.permits.empty()
                 ? "no permit helps while it is forbidden, and none permits it either"
                 : "no permit helps while it is forbidden; narrow what forbids it";
    default:
      return std::string(ReasonText(decision::ReasonCode(explanation.decision.reason)));
  }
}

// The clause that takes a resource out of a forbid.
std::string Exception(const advice::Question& question) {
  return "unless { action == Aegis::Action::" +
         advice::CedarString(policy::ActionName(question.action)) +
         " && resource == Aegis::Resource::" + advice::CedarString(question.resource) + " }";
}

nlohmann::ordered_json RefWithText(const Info& info) {
  nlohmann::ordered_json json = PolicyRef(info);
  json["text"] = info.text;
  return json;
}

nlohmann::ordered_json RuleJson(const advice::NewRule& rule, const std::vector<Info>& policies) {
  auto forbids = nlohmann::ordered_json::array();
  for (const std::size_t number : rule.forbids) {
    forbids.push_back(PolicyRef(policies.at(number)));
  }
  nlohmann::ordered_json below = nullptr;
  if (!rule.place.empty()) {
    Below counted = CountBelow(rule.place);
    below = {{"count", counted.count},
             {"more", counted.more},
             {"examples", std::move(counted.examples)}};
  }
  return {{"text", rule.text},
          {"place", rule.place.empty() ? nlohmann::ordered_json(nullptr)
                                       : nlohmann::ordered_json(rule.place)},
          {"opens", rule.opens},
          {"below", below},
          {"forbids", forbids}};
}

nlohmann::ordered_json EntryRef(const RecordedDecision& recorded, const std::string& digest) {
  return {{"session_id", recorded.session_id},
          {"seq", recorded.seq},
          {"time", FormatTime(recorded.ts_unix_ms)},
          {"decision", recorded.decision},
          {"reason", recorded.reason},
          {"policy_digest", recorded.policy_digest},
          {"policies_changed", recorded.policy_digest != digest}};
}

nlohmann::ordered_json AsJson(const Subject& subject, const policy::PolicySet& policies,
                              const advice::Explanation& explanation) {
  const std::vector<Info>& all = policies.policies();
  nlohmann::ordered_json json = {
      {"action", policy::ActionName(subject.question.action)},
      {"resource", subject.question.resource},
      {"given", OrNull(subject.given)},
      {"entry", subject.recorded ? EntryRef(*subject.recorded, policies.digest())
                                 : nlohmann::ordered_json(nullptr)},
      {"decision", advice::AnswerName(advice::AnswerOf(explanation.decision))},
      {"reason", decision::ReasonCode(explanation.decision.reason)},
      {"detail", explanation.detail},
      {"inspection", InspectionJson(subject.question, explanation.decision)},
      {"policy_digest", policies.digest()}};
  const auto refs = [&all](const std::vector<std::size_t>& numbers) {
    auto list = nlohmann::ordered_json::array();
    for (const std::size_t number : numbers) {
      list.push_back(RefWithText(all.at(number)));
    }
    return list;
  };
  json["permits"] = refs(explanation.permits);
  json["forbids"] = refs(explanation.forbids);
  json["errors"] = refs(explanation.errors);
  json["remedy"] = Remedy(explanation);
  json["exception"] = explanation.decision.reason == decision::Reason::kPolicyForbid
                          ? nlohmann::ordered_json(Exception(subject.question))
                          : nlohmann::ordered_json(nullptr);
  json["nearest"] = nlohmann::ordered_json::array();
  for (const advice::Near& near : explanation.nearest) {
    nlohmann::ordered_json ref = PolicyRef(all.at(near.policy));
    ref["why"] = near.why;
    json["nearest"].push_back(std::move(ref));
  }
  json["rules"] = nlohmann::ordered_json::array();
  for (const advice::NewRule& rule : explanation.rules) {
    json["rules"].push_back(RuleJson(rule, all));
  }
  return json;
}

// The text of a policy, indented; a line of its own for each of its lines.
void PrintText(Output& out, std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out.Line("      " + out.Faint(base::ForDisplay(text.substr(0, end))));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void PrintMatching(Output& out, const std::vector<Info>& all, std::string_view title,
                   const std::vector<std::size_t>& numbers) {
  if (numbers.empty()) {
    return;
  }
  out.Line(title);
  for (const std::size_t number : numbers) {
    out.Line("  " + PolicyLine(all.at(number)));
    PrintText(out, all.at(number).text);
  }
}

void PrintRule(Output& out, const std::vector<Info>& all, const advice::NewRule& rule) {
  out.Line(rule.place.empty() ? "This would permit it:" : "This would permit more:");
  out.Line("  " + out.Strong(rule.text));
  for (const std::string& opened : rule.opens) {
    out.Line("  - " + base::ForDisplay(opened));
  }
  if (!rule.place.empty()) {
    const Below below = CountBelow(rule.place);
    std::string examples;
    for (const std::string& example : below.examples) {
      examples.append(examples.empty() ? " (" : ", ").append(example);
    }
    out.Line(
        "  - now there: " + std::string(below.more ? "more than " : "") +
        std::to_string(below.count) + (below.count == 1 ? " name" : " names") +
        base::ForDisplay(examples.empty()
                             ? ""
                             : examples + (below.count > below.examples.size() ? ", ...)" : ")")));
  }
  for (const std::size_t number : rule.forbids) {
    out.Line("  - still forbidden in parts: " + PolicyLine(all.at(number)));
  }
}

void PrintHead(Context& context, const Subject& subject, const std::string& digest,
               const advice::Explanation& explanation) {
  const std::string answer(advice::AnswerName(advice::AnswerOf(explanation.decision)));
  std::string line(policy::ActionName(subject.question.action));
  line.append(" ").append(subject.question.resource).append("  ");
  line.append(decision::ReasonCode(explanation.decision.reason));
  Output& out = context.out;
  out.Line((explanation.decision.allowed() ? out.Good(answer) : out.Bad(answer)) + "  " +
           base::ForDisplay(line));
  if (subject.given && *subject.given != subject.question.resource) {
    out.Line("  named so for: " + base::ForDisplay(*subject.given));
  }
  if (const auto text = InspectionText(subject.question, explanation.decision); !text.empty()) {
    out.Line("  " + std::string(text));
  }
  if (subject.recorded) {
    const RecordedDecision& recorded = *subject.recorded;
    out.Line("  recorded as " + recorded.decision + " " + recorded.reason + " at " +
             FormatTime(recorded.ts_unix_ms) + ", entry " + recorded.session_id + ":" +
             std::to_string(recorded.seq));
    if (recorded.policy_digest != digest) {
      out.Line("  the policies are others than then: this explains those of now");
    }
  }
}

void Print(Context& context, const Subject& subject, const policy::PolicySet& policies,
           const advice::Explanation& explanation) {
  const std::vector<Info>& all = policies.policies();
  Output& out = context.out;
  PrintHead(context, subject, policies.digest(), explanation);
  PrintMatching(out, all, "Forbidden by:", explanation.forbids);
  PrintMatching(out, all, "Could not be evaluated:", explanation.errors);
  PrintMatching(out, all, "Permitted by:", explanation.permits);
  if (!explanation.detail.empty()) {
    out.Line("  " + base::ForDisplay(explanation.detail));
  }
  if (const std::string remedy = Remedy(explanation); !remedy.empty()) {
    out.Line("So: " + remedy + ".");
  }
  if (explanation.decision.reason == decision::Reason::kPolicyForbid) {
    out.Line("  " + out.Strong(Exception(subject.question)));
  }
  for (const advice::Near& near : explanation.nearest) {
    out.Line("Near: " + PolicyLine(all.at(near.policy)) + ": " + base::ForDisplay(near.why));
  }
  for (const advice::NewRule& rule : explanation.rules) {
    PrintRule(out, all, rule);
  }
}

// What is wrong with the words, if anything.
std::string_view Misuse(const Args& args) {
  const bool recorded = args.Has("--last-denied") || args.Has("--entry");
  if (args.Has("--last-denied") && args.Has("--entry")) {
    return "one of --last-denied and --entry";
  }
  if (recorded && (args.Has("ACTION") || args.Has("--policy"))) {
    return "--last-denied and --entry say by themselves what to explain, by a configuration";
  }
  if (!recorded && !args.Has("RESOURCE")) {
    return "which ACTION and RESOURCE, or --last-denied?";
  }
  return {};
}

base::Result<int> Run(Context& context, const Args& args) {
  if (const std::string_view misuse = Misuse(args); !misuse.empty()) {
    return context.Usage(misuse);
  }
  AEGIS_ASSIGN(const Subject subject, FindSubject(context, args));
  AEGIS_ASSIGN(auto policies, LoadThem(subject.chosen));
  // What a run without a network refused is asked about as there.
  const bool closed =
      args.Has("--no-network") ||
      (subject.recorded &&
       subject.recorded->reason == decision::ReasonCode(decision::Reason::kNetworkClosed));
  decision::Decider decider(std::move(policies), GuardsOf(subject.chosen.places, closed));
  AEGIS_ASSIGN(const advice::Explanation explanation,
               advice::Explain(decider, subject.chosen.names, subject.question));
  if (args.Has("--json")) {
    PrintJson(context.out, AsJson(subject, decider.policies(), explanation));
  } else {
    Print(context, subject, decider.policies(), explanation);
  }
  return 0;
}

}  // namespace

const Command kPolicyExplainCommand = {
    .name = "policy explain",
    .summary = "Say why something is permitted or refused, and what would change it",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "Names the policies that match with file, line and text; where none permits, the nearest "
        "ones,\n"
        "the smallest policy that would, and what else it would open. It is judged by the "
        "policies as\n"
        "they are now; for a decision in the ledger, it says whether they have changed since.\n",
    .run = Run,
};

}  // namespace aegis::cli
