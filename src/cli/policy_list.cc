#include <array>
#include <string>

#include "base/result.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/create.h"
#include "cli/json.h"
#include "cli/policies.h"
#include "cli/policy_rows.h"
#include "cli/text.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::array<Option, 3> kOptions = {{
    {"NAME", Kind::kPositional, "", "Configuration (default: the active one)"},
    {"--config", Kind::kText, "NAME", "The same"},
    {"--json", Kind::kFlag, "", "As JSON"},
}};

constexpr std::array<Example, 1> kExamples = {{
    {"aegis policy list work", "Every policy: effect, id, actions, file and line."},
}};

base::Result<int> Run(Context& context, const Args& args) {
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(const auto name, ConfigArgument(args));
  AEGIS_ASSIGN(const auto configuration, LoadChosen(places, name));
  AEGIS_ASSIGN(const auto sources, ConfiguredPolicies(configuration));
  AEGIS_ASSIGN(const auto names,
               PolicyNames(configuration.name, places.user_home, configuration.dir));
  AEGIS_ASSIGN(const auto policies, LoadPolicies(sources, names, configuration.state_dir));
  if (args.Has("--json")) {
    PrintJson(context.out, {{"config", configuration.name},
                            {"digest", policies.digest()},
                            {"files", FileRows(sources)},
                            {"policies", PolicyRows(policies.policies())}});
    return 0;
  }
  for (const std::string& line : PolicyLines(context.out, policies.policies())) {
    context.out.Line(line);
  }
  context.out.Line(Count(sources.size(), "file") + ", digest " + policies.digest());
  return 0;
}

}  // namespace

const Command kPolicyListCommand = {
    .name = "policy list",
    .summary = "List the policies of a configuration",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "The digest is over the names and texts of the files, in their order: sessions record "
        "it.\n",
    .run = Run,
};

}  // namespace aegis::cli
