#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/create.h"
#include "cli/json.h"
#include "policy/templates.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::array<Option, 3> kOptions = {{
    {"TEMPLATE", Kind::kPositional, "", "default-deny, allow-read-only, permit-all or project"},
    {"--template", Kind::kText, "TEMPLATE", "The same"},
    {"--json", Kind::kFlag, "", "As JSON"},
}};

constexpr std::array<Example, 2> kExamples = {{
    {"aegis policy generate project > mine.cedar", "A policy to start from."},
    {"aegis policy generate programs",
     "What programs need to start, which stands beside the others."},
}};

// The name of the policies that `init` writes beside the templates.
constexpr std::string_view kPrograms = "programs";

base::Result<int> Run(Context& context, const Args& args) {
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

const Command kPolicyGenerateCommand = {
    .name = "policy generate",
    .summary = "Print a policy template",
    .options = kOptions,
    .examples = kExamples,
    .notes = "",
    .run = Run,
};

}  // namespace aegis::cli
