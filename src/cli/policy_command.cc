#include <algorithm>
#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/create.h"
#include "cli/json.h"
#include "cli/policies.h"
#include "cli/text.h"
#include "config/config.h"
#include "policy/policy.h"
#include "policy/templates.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::array<Option, 3> kValidateOptions = {{
    {"FILE", Kind::kPositional, "", "A Cedar policy file, or a directory of them"},
    {"--path", Kind::kText, "FILE", "The same"},
    {"--json", Kind::kFlag, "", "As JSON"},
}};

constexpr std::array<Example, 1> kValidateExamples = {{
    {"aegis policy validate strict.cedar", "Exit code 0 if `aegis run` would accept it."},
}};

constexpr std::array<Option, 3> kListOptions = {{
    {"NAME", Kind::kPositional, "", "Configuration (default: the active one)"},
    {"--config", Kind::kText, "NAME", "The same"},
    {"--json", Kind::kFlag, "", "As JSON"},
}};

constexpr std::array<Example, 1> kListExamples = {{
    {"aegis policy list work", "Every policy with its id, effect and file."},
}};

constexpr std::array<Option, 3> kGenerateOptions = {{
    {"TEMPLATE", Kind::kPositional, "", "default-deny, allow-read-only, permit-all or project"},
    {"--template", Kind::kText, "TEMPLATE", "The same"},
    {"--json", Kind::kFlag, "", "As JSON"},
}};

constexpr std::array<Example, 2> kGenerateExamples = {{
    {"aegis policy generate project > mine.cedar", "A policy to start from."},
    {"aegis policy generate programs",
     "What programs need to start, which stands beside the others."},
}};

// The name of the policies that `init` writes beside the templates.
constexpr std::string_view kPrograms = "programs";

nlohmann::ordered_json AsJson(const policy::PolicySet& policies) {
  auto list = nlohmann::ordered_json::array();
  for (const policy::PolicySet::Info& info : policies.policies()) {
    list.push_back({{"id", info.id},
                    {"effect", info.forbid ? "forbid" : "permit"},
                    {"file", info.file},
                    {"reason", info.reason}});
  }
  return list;
}

std::string Policies(std::size_t number) {
  return std::to_string(number) + (number == 1 ? " policy" : " policies");
}

base::Result<int> RunValidate(Context& context, const Args& args) {
  AEGIS_ASSIGN(const auto file, Either(args, "FILE", "--path"));
  if (!file) {
    return context.Usage("which file?");
  }
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(auto files, config::ReadPolicyFiles({*file}));
  std::vector<policy::Source> sources;
  sources.reserve(files.size());
  for (config::PolicyFile& one : files) {
    sources.push_back({.file = std::move(one.path), .text = std::move(one.text)});
  }
  AEGIS_ASSIGN(const auto names, PolicyNames("default", places.user_home, std::nullopt));
  AEGIS_ASSIGN(const auto policies, LoadPolicies(sources, names, std::nullopt));
  if (args.Has("--json")) {
    PrintJson(context.out,
              {{"valid", true}, {"policies", AsJson(policies)}, {"digest", policies.digest()}});
  } else if (!context.quiet) {
    context.out.Line(base::ForDisplay(base::EscapeName(*file)) + ": valid, " +
                     Policies(policies.policies().size()));
  }
  return 0;
}

base::Result<int> RunList(Context& context, const Args& args) {
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(const auto name, ConfigArgument(args));
  AEGIS_ASSIGN(const auto configuration, LoadChosen(places, name));
  AEGIS_ASSIGN(const auto sources, ConfiguredPolicies(configuration));
  AEGIS_ASSIGN(const auto names,
               PolicyNames(configuration.name, places.user_home, configuration.dir));
  AEGIS_ASSIGN(const auto policies, LoadPolicies(sources, names, configuration.state_dir));
  if (args.Has("--json")) {
    PrintJson(context.out, AsJson(policies));
    return 0;
  }
  std::size_t width = 0;
  for (const policy::PolicySet::Info& info : policies.policies()) {
    width = std::max(width, base::ForDisplay(info.id).size());
  }
  for (const policy::PolicySet::Info& info : policies.policies()) {
    const std::string effect = info.forbid ? context.out.Bad("forbid") : context.out.Good("permit");
    std::string line = effect + "  " + Padded(base::ForDisplay(info.id), width) + "  " +
                       base::ForDisplay(info.file);
    if (!info.reason.empty()) {
      line += "  " + context.out.Faint(base::ForDisplay(info.reason));
    }
    context.out.Line(line);
  }
  return 0;
}

base::Result<int> RunGenerate(Context& context, const Args& args) {
  AEGIS_ASSIGN(const auto name, Either(args, "TEMPLATE", "--template"));
  if (!name) {
    return context.Usage("which template? default-deny, allow-read-only, permit-all or project");
  }
  if (*name != kPrograms && !IsTemplate(*name)) {
    return base::Fail(base::Errc::kNotFound, "no policy template " + TemplateHint(*name));
  }
  AEGIS_ASSIGN(const std::string_view text,
               *name == kPrograms ? policy::ProgramsText() : policy::TemplateText(*name));
  if (args.Has("--json")) {
    PrintJson(context.out, {{"template", *name}, {"text", text}});
  } else {
    context.out.Write(text);
  }
  return 0;
}

}  // namespace

const Command kPolicyValidateCommand = {
    .name = "policy validate",
    .summary = "Check a policy file",
    .options = kValidateOptions,
    .examples = kValidateExamples,
    .notes =
        "The error names file, line and column. `~` and `@dir` mean your home directory and where\n"
        "you are.\n",
    .run = RunValidate,
};

const Command kPolicyListCommand = {
    .name = "policy list",
    .summary = "List the policies of a configuration",
    .options = kListOptions,
    .examples = kListExamples,
    .notes = "",
    .run = RunList,
};

const Command kPolicyGenerateCommand = {
    .name = "policy generate",
    .summary = "Print a policy template",
    .options = kGenerateOptions,
    .examples = kGenerateExamples,
    .notes = "",
    .run = RunGenerate,
};

}  // namespace aegis::cli
