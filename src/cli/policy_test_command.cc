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

#include "advice/document.h"
#include "advice/question.h"
#include "advice/test_file.h"
#include "advice/test_run.h"
#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/inspection.h"
#include "cli/json.h"
#include "cli/policies.h"
#include "cli/policy_choice.h"
#include "cli/text.h"
#include "config/config.h"
#include "decision/decision.h"
#include "policy/policy.h"
#include "policy/templates.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::array<Option, 11> kOptions = {{
    {"ACTION", Kind::kPositional, "",
     "FileRead, FileWrite, ...; or a test file (.yaml, .toml), or a directory of them"},
    {"RESOURCE", Kind::kPositional, "", "A path, HOST:PORT, or the name of a tool"},
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

constexpr std::array<Example, 4> kExamples = {{
    {"aegis policy test FileRead ~/.ssh/id_ed25519", "Would the active configuration permit it?"},
    {"aegis policy test --policy project ProcessSpawn git", "Would a template?"},
    {"aegis policy test NetConnect api.example.com:443 --config work", "Would a connection?"},
    {"aegis policy test tests/policies", "All test files of a directory; exit code 0 if all pass."},
}};

// A file with its results, which point into it.
struct FileRun {
  std::string shown;
  advice::TestFile file;
  std::vector<advice::TestResult> results;
};

// The policies that a test file names: templates, or files relative to it.
base::Result<std::vector<policy::Source>> SourcesOf(const advice::TestFile& file,
                                                    const std::string& path) {
  const auto templates = policy::TemplateNames();
  const std::filesystem::path beside = std::filesystem::path(path).parent_path();
  std::vector<policy::Source> sources;
  for (const std::string& name : file.policies) {
    if (name == "programs" || std::ranges::find(templates, name) != templates.end()) {
      AEGIS_ASSIGN(const std::string_view text,
                   name == "programs" ? policy::ProgramsText() : policy::TemplateText(name));
      sources.push_back({.file = "template " + name, .text = std::string(text)});
      continue;
    }
    AEGIS_ASSIGN(auto files,
                 config::ReadPolicyFiles({(beside / base::UnescapeName(name)).string()}));
    for (config::PolicyFile& one : files) {
      sources.push_back({.file = std::move(one.path), .text = std::move(one.text)});
    }
  }
  return sources;
}

base::Result<FileRun> RunFile(const std::string& path) {
  FileRun run{.shown = base::ForDisplay(base::EscapeName(path)), .file = {}, .results = {}};
  const auto format = advice::FormatOf(path);
  if (!format) {
    return base::Fail(base::Errc::kInvalid,
                      run.shown + ": neither an action nor a test file (.yaml, .yml, .toml)");
  }
  AEGIS_ASSIGN(const std::string text, base::ReadFile(path, advice::kMaxDocument));
  AEGIS_ASSIGN(run.file, advice::ReadTestFile(text, run.shown, *format));
  AEGIS_ASSIGN(const auto sources, SourcesOf(run.file, path));
  const policy::Names names{.agent = run.file.agent, .home = run.file.home, .dir = run.file.dir};
  AEGIS_ASSIGN(auto policies, LoadPolicies(sources, names, std::nullopt));
  decision::Decider decider(std::move(policies), advice::GuardsOf(run.file));
  run.results = advice::RunTests(run.file, decider);
  return run;
}

// A test file, or those of a directory in the order of their names.
base::Result<std::vector<std::string>> TestFiles(const std::string& path) {
  std::error_code failed;
  if (!std::filesystem::is_directory(path, failed)) {
    return std::vector{path};
  }
  std::vector<std::string> files;
  for (std::filesystem::directory_iterator at(path, failed), end; !failed && at != end;
       at.increment(failed)) {
    if (advice::FormatOf(at->path().filename().string())) {
      files.push_back(at->path().string());
    }
  }
  if (failed || files.empty()) {
    return base::Fail(
        base::Errc::kNotFound,
        base::EscapeName(path) +
            (failed ? ": " + failed.message() : ": no test file (*.yaml, *.yml, *.toml) here"));
  }
  std::ranges::sort(files);
  return files;
}

nlohmann::ordered_json ResultJson(const FileRun& run, const advice::TestResult& result) {
  const advice::TestCase& test = *result.test;
  nlohmann::ordered_json expected = {{"decision", advice::AnswerName(test.expect)}};
  if (test.reason) {
    expected["reason"] = *test.reason;
  }
  if (test.policies) {
    expected["policies"] = *test.policies;
  }
  return {{"file", run.shown},
          {"line", test.line},
          {"name", test.name},
          {"action", policy::ActionName(test.question.action)},
          {"resource", test.question.resource},
          {"passed", result.passed},
          {"expected", expected},
          {"got",
           {{"decision", advice::AnswerName(advice::AnswerOf(result.got))},
            {"reason", decision::ReasonCode(result.got.reason)},
            {"policies", *result.got.policies},
            {"inspection", InspectionJson(test.question, result.got)}}}};
}

void PrintFailure(Context& context, const FileRun& run, const advice::TestResult& result) {
  const advice::TestCase& test = *result.test;
  std::string what(policy::ActionName(test.question.action));
  what += " " + test.question.resource + (test.name.empty() ? "" : " (" + test.name + ")");
  context.out.Line(run.shown + ":" + std::to_string(test.line) + ": " +
                   base::ForDisplay(what + ": ") +
                   context.out.Bad(base::ForDisplay(advice::Difference(result))));
}

base::Result<int> TestAll(Context& context, const Args& args, const std::string& path) {
  for (const char* const option :
       {"--config", "--policy", "--dir", "--exe", "--pid", "--protocol", "--no-network"}) {
    if (args.Has(option)) {
      return context.Usage(std::string(option) +
                           " is for ACTION RESOURCE; a test file says its own");
    }
  }
  AEGIS_ASSIGN(const auto files, TestFiles(path));
  std::size_t cases = 0;
  std::size_t failed = 0;
  auto list = nlohmann::ordered_json::array();
  for (const std::string& file : files) {
    AEGIS_ASSIGN(const FileRun run, RunFile(file));
    for (const advice::TestResult& result : run.results) {
      cases += 1;
      failed += result.passed ? 0 : 1;
      if (args.Has("--json")) {
        list.push_back(ResultJson(run, result));
      } else if (!result.passed) {
        PrintFailure(context, run, result);
      }
    }
  }
  if (args.Has("--json")) {
    PrintJson(context.out,
              {{"passed", failed == 0}, {"cases", cases}, {"failed", failed}, {"results", list}});
  } else if (!context.quiet) {
    const std::string verdict = failed == 0 ? context.out.Good("all passed")
                                            : context.out.Bad(std::to_string(failed) + " failed");
    context.out.Line(Count(cases, "case") + ", " + verdict);
  }
  return failed == 0 ? 0 : 1;
}

nlohmann::ordered_json AnswerJson(const advice::Question& question, const std::string& given,
                                  const decision::Decider& decider,
                                  const decision::Decision& decision, const std::string& detail) {
  auto policies = nlohmann::ordered_json::array();
  for (const auto* const info : WithIds(decider.policies(), *decision.policies)) {
    policies.push_back(PolicyRef(*info));
  }
  return {{"action", policy::ActionName(question.action)},
          {"resource", question.resource},
          {"given", given},
          {"decision", advice::AnswerName(advice::AnswerOf(decision))},
          {"reason", decision::ReasonCode(decision.reason)},
          {"policies", policies},
          {"detail", detail},
          {"inspection", InspectionJson(question, decision)},
          {"policy_digest", decider.policies().digest()}};
}

void PrintAnswer(Context& context, const advice::Question& question, const std::string& given,
                 const decision::Decider& decider, const decision::Decision& decision,
                 const std::string& detail) {
  const std::string answer(advice::AnswerName(advice::AnswerOf(decision)));
  std::string line = std::string(policy::ActionName(question.action)) + " " + question.resource;
  line.append("  ").append(decision::ReasonCode(decision.reason));
  context.out.Line((decision.allowed() ? context.out.Good(answer) : context.out.Bad(answer)) +
                   "  " + base::ForDisplay(line));
  if (question.resource != given) {
    context.out.Line("  named so for: " + base::ForDisplay(given));
  }
  if (const auto text = InspectionText(question, decision); !text.empty()) {
    context.out.Line("  " + std::string(text));
  }
  for (const auto* const info : WithIds(decider.policies(), *decision.policies)) {
    context.out.Line("  " + PolicyLine(*info));
  }
  if (!detail.empty()) {
    context.out.Line("  " + base::ForDisplay(detail));
  }
}

base::Result<int> Ask(Context& context, const Args& args) {
  AEGIS_ASSIGN(PoliciesInQuestion chosen, FindPolicies(context, args, args.Text("--policy")));
  AEGIS_ASSIGN(const advice::Question question, QuestionOf(context, args, chosen.names));
  AEGIS_ASSIGN(auto policies, LoadThem(chosen));
  decision::Decider decider(std::move(policies), GuardsOf(chosen.places, args.Has("--no-network")));
  const decision::Decision decision = decider.Decide(question.Request());
  const std::string detail = decision.reason == decision::Reason::kPolicyError
                                 ? decider.policies().Evaluate(question.Request()).detail
                                 : std::string();
  const std::string given = base::EscapeName(args.Text("RESOURCE").value_or(""));
  if (args.Has("--json")) {
    PrintJson(context.out, AnswerJson(question, given, decider, decision, detail));
  } else if (!context.quiet) {
    PrintAnswer(context, question, given, decider, decision, detail);
  }
  return decision.allowed() ? 0 : 1;
}

base::Result<int> Run(Context& context, const Args& args) {
  const auto first = args.Text("ACTION");
  if (!first) {
    return context.Usage("which test file, or which ACTION and RESOURCE?");
  }
  if (args.Has("RESOURCE")) {
    return Ask(context, args);
  }
  if (policy::ParseAction(*first)) {
    return context.Usage(*first + " of which resource?");
  }
  return TestAll(context, args, *first);
}

}  // namespace

const Command kPolicyTestCommand = {
    .name = "policy test",
    .summary = "Ask what policies decide, once or by a file of cases",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "Nothing is run, and nothing is recorded. Names are those that the gate would ask for: "
        "`~`,\n"
        "`@dir`, relative paths and links are resolved. What holds under `aegis run` whatever the\n"
        "policies say holds here too. Exit code 0: allowed, or all cases passed; 1: denied, would "
        "ask\n"
        "a person, or a case failed; 2: it could not be told. docs/policy.md says what a test "
        "file holds.\n",
    .failure = kTroubleExit,
    .run = Run,
};

}  // namespace aegis::cli
