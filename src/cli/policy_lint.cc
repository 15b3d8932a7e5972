#include <array>
#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>
#include <vector>

#include "advice/lint.h"
#include "base/result.h"
#include "base/text.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/json.h"
#include "cli/policy_choice.h"
#include "cli/text.h"
#include "policy/policy.h"

namespace aegis::cli {
namespace {

using advice::Finding;
using advice::Severity;
using Kind = Option::Kind;

constexpr std::array<Option, 5> kOptions = {{
    {"FILE", Kind::kPositional, "", "A template, policy file, or directory of them"},
    {"--config", Kind::kText, "NAME", "A configuration instead (default: the active one)"},
    kDirOption,
    {"--strict", Kind::kFlag, "", "Fail on warnings too"},
    {"--json", Kind::kFlag, "", "As JSON"},
}};

constexpr std::array<Example, 2> kExamples = {{
    {"aegis policy lint", "What is odd about the policies of the active configuration?"},
    {"aegis policy lint --strict mine.cedar", "For CI: exit code 0 only without warnings."},
}};

advice::FileKind LookAt(const std::string& path) {
  std::error_code failed;
  const auto status = std::filesystem::status(base::UnescapeName(path), failed);
  if (status.type() == std::filesystem::file_type::not_found) {
    return advice::FileKind::kMissing;
  }
  return status.type() == std::filesystem::file_type::directory ? advice::FileKind::kDirectory
                                                                : advice::FileKind::kOther;
}

struct Counts {
  std::size_t errors = 0;
  std::size_t warnings = 0;
  std::size_t hints = 0;
};

Counts CountOf(const std::vector<Finding>& findings) {
  Counts counts;
  for (const Finding& finding : findings) {
    counts.errors += finding.severity == Severity::kError ? 1 : 0;
    counts.warnings += finding.severity == Severity::kWarning ? 1 : 0;
    counts.hints += finding.severity == Severity::kHint ? 1 : 0;
  }
  return counts;
}

nlohmann::ordered_json AsJson(const policy::PolicySet& policies,
                              const std::vector<Finding>& findings, const Counts& counts) {
  auto list = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    list.push_back({{"severity", advice::SeverityName(finding.severity)},
                    {"code", finding.code},
                    {"policy", PolicyRef(policies.policies().at(finding.policy))},
                    {"message", finding.message},
                    {"advice", finding.advice}});
  }
  return {{"errors", counts.errors},
          {"warnings", counts.warnings},
          {"hints", counts.hints},
          {"findings", list},
          {"policy_digest", policies.digest()}};
}

void Print(Context& context, const policy::PolicySet& policies,
           const std::vector<Finding>& findings, const Counts& counts) {
  for (const Finding& finding : findings) {
    const auto& info = policies.policies().at(finding.policy);
    const std::string severity(advice::SeverityName(finding.severity));
    context.out.Line(base::ForDisplay(info.file + ":" + std::to_string(info.line)) + ": " +
                     (finding.severity == Severity::kHint ? severity : context.out.Bad(severity)) +
                     " " + std::string(finding.code) + " " + base::ForDisplay(info.id) + ": " +
                     base::ForDisplay(finding.message));
    context.out.Line("    " + context.out.Faint(base::ForDisplay(finding.advice)));
  }
  context.out.Line(Count(policies.policies().size(), "rule") + ": " +
                   Count(counts.errors, "error") + ", " + Count(counts.warnings, "warning") + ", " +
                   Count(counts.hints, "hint"));
}

base::Result<int> Run(Context& context, const Args& args) {
  if (args.Has("FILE") && args.Has("--config")) {
    return context.Usage("one of FILE and --config");
  }
  AEGIS_ASSIGN(const PoliciesInQuestion chosen, FindPolicies(context, args, args.Text("FILE")));
  AEGIS_ASSIGN(const auto policies, LoadThem(chosen));
  const auto findings = advice::Lint(policies, chosen.names, LookAt);
  const Counts counts = CountOf(findings);
  if (args.Has("--json")) {
    PrintJson(context.out, AsJson(policies, findings, counts));
  } else if (!context.quiet) {
    Print(context, policies, findings, counts);
  }
  return counts.errors + (args.Has("--strict") ? counts.warnings : 0) == 0 ? 0 : 1;
}

}  // namespace

const Command kPolicyLintCommand = {
    .name = "policy lint",
    .summary = "Find policies that do not do what they seem to",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "Each finding names the policy with its file and line, a code that stays the same, and "
        "what\n"
        "to do; docs/policy.md lists the codes. Exit code 1 if there is an error, with --strict "
        "also\n"
        "if there is a warning. Nothing is changed.\n",
    .run = Run,
};

}  // namespace aegis::cli
