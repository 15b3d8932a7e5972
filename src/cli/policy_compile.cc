#include <algorithm>
#include <array>
#include <filesystem>
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
#include "cli/plan_report.h"
#include "cli/policies.h"
#include "cli/text.h"
#include "config/config.h"
#include "gate/run.h"
#include "gate/walls.h"
#include "policy/policy.h"
#include "policy/seatbelt.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

struct Target {
  std::string_view name;
  PlanParts parts;
};

constexpr std::string_view kSeatbelt = "seatbelt";
constexpr std::array<Target, 3> kTargets = {{
    {"plan", {.mounts = true, .landlock = true, .seccomp = true}},
    {"mounts", {.mounts = true}},
    {"landlock", {.landlock = true}},
}};
constexpr std::array<std::string_view, 4> kTargetNames = {"plan", "mounts", "landlock", kSeatbelt};

constexpr std::array<Option, 6> kOptions = {{
    {"POLICY", Kind::kPositional, "", "A template or file instead of the configuration's policies"},
    {"--target", Kind::kText, "TARGET",
     "plan (the default), mounts, landlock, or seatbelt for macOS", kTargetNames},
    {"--config", Kind::kText, "NAME", "Configuration (default: the active one)"},
    {"--dir", Kind::kText, "DIR", "The project, which policies call @dir (default: here)"},
    {"--home", Kind::kText, "DIR", "seatbelt: the home directory on the Mac (default: yours)"},
    {"--json", Kind::kFlag, "", "As JSON"},
}};

constexpr std::array<Example, 3> kExamples = {{
    {"aegis policy compile --config work", "What stands around a run under \"work\"."},
    {"aegis policy compile strict.cedar --target landlock",
     "Where a command may execute at all, under other policies."},
    {"aegis policy compile project --target seatbelt --home /Users/me --dir /Users/me/app > app.sb",
     "On the Mac: sandbox-exec -f app.sb make"},
}};

// As `aegis run` with the same options would start, but for the command and the project.
struct Chosen {
  gate::RunSpec spec;
  std::optional<std::string> dir;
};

base::Result<Chosen> Choose(const Places& places, const Args& args) {
  Chosen chosen{.spec = {}, .dir = args.Text("--dir")};
  gate::RunSpec& spec = chosen.spec;
  spec.config_name = "default";
  spec.aegis_home = places.home.path();
  spec.home = places.user_home;
  spec.program = "/";  // a plan is the same for every program
  const auto policy = args.Text("POLICY");
  AEGIS_ASSIGN(const std::string name, ChooseName(places.home, args.Text("--config")));
  if (!policy || args.Text("--config") || places.home.Has(name)) {
    AEGIS_ASSIGN(auto configuration, LoadChosen(places, name));
    spec.config_name = configuration.name;
    spec.private_dirs = configuration.private_dirs;
    chosen.dir = chosen.dir ? chosen.dir : configuration.dir;
    if (!policy) {
      AEGIS_ASSIGN(spec.policies, ConfiguredPolicies(configuration));
    }
  }
  if (policy) {
    AEGIS_ASSIGN(PolicyChoice choice, ChoosePolicy(*policy));
    spec.private_dirs = PrivateDirs(choice);
    spec.policies = std::move(choice.sources);
  }
  return chosen;
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

base::Result<int> CompilePlan(Context& context, const Args& args, const Target& target) {
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(auto chosen, Choose(places, args));
  gate::RunSpec& spec = chosen.spec;
  AEGIS_ASSIGN(spec.dir, config::ProjectDirectory(places.home, chosen.dir.value_or(".")));
  AEGIS_ASSIGN(const auto names, PolicyNames(spec.config_name, places.user_home, spec.dir));
  AEGIS_TRY(CheckPolicies(spec.policies, names, std::nullopt));
  AEGIS_ASSIGN(const gate::Walls walls, gate::RaiseWalls(spec));
  if (args.Has("--json")) {
    auto document = Head(target.name, spec, walls.policies);
    AddPlan(document, walls.plan, target.parts);
    PrintJson(context.out, document);
  } else {
    PrintPlan(context.out, walls.plan, target.parts);
  }
  return 0;
}

// A directory of another machine: it can't be looked at, so it must be canonical as it stands.
base::Result<std::string> PlainDirectory(std::string_view option, const std::string& dir) {
  const std::filesystem::path path(dir);
  if (!path.is_absolute() || path.lexically_normal().native() != dir ||
      (dir.ends_with('/') && dir != "/")) {
    return base::Fail(base::Errc::kInvalid,
                      std::string(option) + ": \"" + base::EscapeName(dir) +
                          "\" is no absolute path without ., .. and // in it");
  }
  return dir;
}

nlohmann::ordered_json NotesJson(const policy::SeatbeltProfile& profile) {
  auto notes = nlohmann::ordered_json::array();
  for (const policy::SeatbeltProfile::Note& note : profile.notes) {
    notes.push_back({{"policy", note.policy}, {"what", note.what}});
  }
  return notes;
}

base::Result<int> CompileSeatbelt(Context& context, const Args& args) {
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(auto chosen, Choose(places, args));
  gate::RunSpec& spec = chosen.spec;
  std::vector<std::string> state = {base::EscapeName(spec.aegis_home)};
  if (const auto home = args.Text("--home")) {
    AEGIS_ASSIGN(spec.home, PlainDirectory("--home", *home));
    state = {base::EscapeName(spec.home + "/.aegis")};
  }
  if (chosen.dir) {
    AEGIS_ASSIGN(spec.dir, PlainDirectory("--dir", *chosen.dir));
  } else {
    AEGIS_ASSIGN(spec.dir, config::ProjectDirectory(places.home, "."));
  }
  const policy::Names names = {.agent = spec.config_name,
                               .home = base::EscapeName(spec.home),
                               .dir = base::EscapeName(spec.dir)};
  AEGIS_TRY(CheckPolicies(spec.policies, names, std::nullopt));
  AEGIS_ASSIGN(const auto policies, policy::PolicySet::Load(spec.policies, names));
  const policy::SeatbeltProfile profile = policy::CompileSeatbelt(policies.policies(), state);
  if (args.Has("--json")) {
    auto document = Head(kSeatbelt, spec, policies);
    document["home"] = base::EscapeName(spec.home);
    document["profile"] = profile.text;
    document["notes"] = NotesJson(profile);
    PrintJson(context.out, document);
  } else {
    context.out.Write(profile.text);
  }
  return 0;
}

base::Result<int> RunCompile(Context& context, const Args& args) {
  const std::string wanted = args.Text("--target").value_or("plan");
  if (wanted == kSeatbelt) {
    return CompileSeatbelt(context, args);
  }
  if (args.Text("--home")) {
    return context.Usage("--home is for --target seatbelt; a plan is for this machine and user");
  }
  return CompilePlan(context, args, *std::ranges::find(kTargets, wanted, &Target::name));
}

}  // namespace

const Command kPolicyCompileCommand = {
    .name = "policy compile",
    .summary = "Show the walls that a policy makes around a run",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "plan: namespaces, mounts, Landlock and seccomp, as `aegis run` with the same options\n"
        "would make them here and now. What they let through is then judged by the policy.\n"
        "seatbelt: a profile for sandbox-exec(1) of macOS, which holds the part of the policy "
        "that\n"
        "such a profile can say and is never looser; comments in it name what was left out.\n",
    .run = RunCompile,
};

}  // namespace aegis::cli
