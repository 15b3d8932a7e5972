#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/text.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/create.h"
#include "cli/json.h"
#include "cli/plan_report.h"
#include "cli/policies.h"
#include "cli/text.h"
#include "config/config.h"
#include "gate/run.h"
#include "gate/walls.h"
#include "policy/policy.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

struct Target {
  std::string_view name;
  PlanParts parts;
};

constexpr std::array<Target, 3> kTargets = {{
    {"plan", {.mounts = true, .landlock = true, .seccomp = true}},
    {"mounts", {.mounts = true}},
    {"landlock", {.landlock = true}},
}};
constexpr std::array<std::string_view, 3> kTargetNames = {"plan", "mounts", "landlock"};

constexpr std::array<Option, 5> kOptions = {{
    {"POLICY", Kind::kPositional, "", "A template or file instead of the configuration's policies"},
    {"--target", Kind::kText, "TARGET", "plan (the default), mounts or landlock", kTargetNames},
    {"--config", Kind::kText, "NAME", "Configuration (default: the active one)"},
    {"--dir", Kind::kText, "DIR", "The project, which policies call @dir (default: here)"},
    {"--json", Kind::kFlag, "", "As JSON"},
}};

constexpr std::array<Example, 2> kExamples = {{
    {"aegis policy compile --config work", "What stands around a run under \"work\"."},
    {"aegis policy compile strict.cedar --target landlock",
     "Where a command may execute at all, under other policies."},
}};

// As `aegis run` with the same options would start, but for the command.
base::Result<gate::RunSpec> Specify(const Places& places, const Args& args) {
  gate::RunSpec spec;
  spec.config_name = "default";
  spec.aegis_home = places.home.path();
  spec.home = places.user_home;
  spec.program = "/";  // a plan is the same for every program
  const auto policy = args.Text("POLICY");
  AEGIS_ASSIGN(const std::string name, ChooseName(places.home, args.Text("--config")));
  std::optional<std::string> dir = args.Text("--dir");
  if (!policy || args.Text("--config") || places.home.Has(name)) {
    AEGIS_ASSIGN(auto configuration, LoadChosen(places, name));
    spec.config_name = configuration.name;
    spec.private_dirs = configuration.private_dirs;
    dir = dir ? dir : configuration.dir;
    if (!policy) {
      AEGIS_ASSIGN(spec.policies, ConfiguredPolicies(configuration));
    }
  }
  AEGIS_ASSIGN(spec.dir, config::ProjectDirectory(places.home, dir.value_or(".")));
  if (policy) {
    AEGIS_ASSIGN(PolicyChoice choice, ChoosePolicy(*policy));
    spec.private_dirs = PrivateDirs(choice);
    spec.policies = std::move(choice.sources);
  }
  return spec;
}

nlohmann::ordered_json Head(std::string_view target, const gate::RunSpec& spec,
                            const policy::PolicySet& policies) {
  auto files = nlohmann::ordered_json::array();
  for (const policy::Source& source : spec.policies) {
    files.push_back(source.file);
  }
  return {{"target", target},
          {"config", spec.config_name},
          {"dir", base::EscapeName(spec.dir)},
          {"policies", std::move(files)},
          {"digest", policies.digest()}};
}

base::Result<int> RunCompile(Context& context, const Args& args) {
  const std::string wanted = args.Text("--target").value_or("plan");
  const auto* const target = std::ranges::find(kTargets, wanted, &Target::name);
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(const gate::RunSpec spec, Specify(places, args));
  AEGIS_ASSIGN(const auto names, PolicyNames(spec.config_name, places.user_home, spec.dir));
  AEGIS_TRY(CheckPolicies(spec.policies, names, std::nullopt));
  AEGIS_ASSIGN(const gate::Walls walls, gate::RaiseWalls(spec));
  if (args.Has("--json")) {
    auto document = Head(target->name, spec, walls.policies);
    AddPlan(document, walls.plan, target->parts);
    PrintJson(context.out, document);
  } else {
    PrintPlan(context.out, walls.plan, target->parts);
  }
  return 0;
}

}  // namespace

const Command kPolicyCompileCommand = {
    .name = "policy compile",
    .summary = "Show the walls that a policy makes around a run",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "plan: namespaces, mounts, Landlock and seccomp, as `aegis run` with the same options\n"
        "would make them here and now. What they let through is then judged by the policy.\n",
    .run = RunCompile,
};

}  // namespace aegis::cli
