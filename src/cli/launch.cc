#include "cli/launch.h"

#include <unistd.h>

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "cli/context.h"
#include "cli/create.h"
#include "cli/masking.h"
#include "cli/policies.h"
#include "cli/published_ports.h"
#include "cli/retention.h"
#include "cli/summary.h"
#include "cli/tags.h"
#include "cli/text.h"
#include "cli/witnesses.h"
#include "config/config.h"
#include "gate/run.h"
#include "policy/policy.h"
#include "witness/target.h"

namespace aegis::cli {
namespace {

using PolicyReading = base::Result<std::vector<policy::Source>>;

base::Result<config::Configuration> Configure(const Places& places, const LaunchRequest& request) {
  AEGIS_ASSIGN(const std::string name, ChooseName(places.home, request.name));
  if (request.make_missing && !places.home.Has(name)) {
    const bool wrap = request.mode == gate::Mode::kWrap;
    AEGIS_TRY(
        MakeMissing(places, name,
                    wrap ? request.policy.value_or(request.default_policy) : request.default_policy,
                    wrap ? request.dir : std::nullopt));
  }
  return config::LoadConfiguration(places.home, name, places.user_home);
}

// Settles what policies are read from: later readings go there, wherever links, or the working
// directory, lead by then. An agent may move those. `fixed` stand behind what is read, as they are.
base::Result<> SettlePlaces(const std::vector<std::string>& given,
                            const std::vector<policy::Source>& fixed, gate::RunSpec& spec) {
  const auto last_name = [](const std::string& path) { return path.substr(path.rfind('/') + 1); };
  bool renamed = false;
  std::vector<std::string> settled;
  for (const std::string& path : given) {
    auto place = base::CanonicalPath(path);
    if (!place) {
      return {};  // it was read, by a descriptor perhaps, but has no name to look at again
    }
    renamed = renamed || last_name(*place) != last_name(path);
    settled.push_back(*std::move(place));
  }
  spec.policy_places = std::move(settled);
  spec.read_policies = [places = spec.policy_places, fixed]() -> PolicyReading {
    AEGIS_ASSIGN(auto sources, ReadSources(places));
    sources.insert(sources.end(), fixed.begin(), fixed.end());
    return sources;
  };
  // Sets are told apart by the names of their files, too: it begins with those of later readings.
  if (renamed) {
    AEGIS_ASSIGN(spec.policies, spec.read_policies());
  }
  return {};
}

// The policies of the run, and the directories that are private under them.
base::Result<> ApplyPolicies(const LaunchRequest& request,
                             const config::Configuration& configuration, gate::RunSpec& spec) {
  if (!request.policy) {
    AEGIS_ASSIGN(spec.policies, ConfiguredPolicies(configuration));
    spec.private_dirs = configuration.private_dirs;
    return SettlePlaces(configuration.policy_paths, AllowedNetworks(configuration), spec);
  }
  AEGIS_ASSIGN(PolicyChoice choice, ChoosePolicy(*request.policy));
  spec.private_dirs = PrivateDirs(choice);
  spec.policies = std::move(choice.sources);
  return choice.is_template ? base::Result<>() : SettlePlaces({*request.policy}, {}, spec);
}

base::Result<gate::RunSpec> Specify(Context& context, const Places& places,
                                    const LaunchRequest& request,
                                    config::Configuration configuration) {
  gate::RunSpec spec;
  spec.mode = request.mode;
  const std::string dir = request.dir ? *request.dir : configuration.dir.value_or(".");
  AEGIS_ASSIGN(spec.dir, config::ProjectDirectory(places.home, dir));
  AEGIS_TRY(ApplyPolicies(request, configuration, spec));
  AEGIS_ASSIGN(const policy::Names names,
               PolicyNames(configuration.name, places.user_home, spec.dir));
  AEGIS_TRY(CheckAndMark(spec.policies, names, configuration.state_dir));
  // An edit is as untrusted as what the run began with.
  spec.read_policies = [read = std::move(spec.read_policies), names,
                        state_dir = configuration.state_dir]() -> PolicyReading {
    AEGIS_ASSIGN(auto sources, read());
    AEGIS_TRY(CheckAndMark(sources, names, state_dir));
    return sources;
  };
  AEGIS_ASSIGN(spec.witness, ChooseWitnesses(places, configuration, request.witnesses));
  AEGIS_ASSIGN(spec.masker, ConfiguredMasker(configuration));
  spec.config_name = std::move(configuration.name);
  spec.aegis_home = places.home.path();
  spec.state_dir = std::move(configuration.state_dir);
  spec.home = places.user_home;
  spec.network_ordered = configuration.network_ordered;
  spec.tag = request.tag;
  spec.argv = request.argv;
  if (request.mode == gate::Mode::kRun) {
    const bool writes = request.level ? *request.level == "writes" : configuration.reads_unrecorded;
    spec.no_network = request.no_network;
    spec.level = writes ? gate::Level::kWrites : gate::Level::kFull;
    auto filtered = config::FilterEnvironment(context.environment, configuration.env_pass);
    spec.env = std::move(filtered.kept);
    spec.dropped_env = std::move(filtered.dropped);
  } else {
    spec.env = context.environment;
    spec.private_dirs.clear();
  }
  return spec;
}

std::string Listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text.append(text.empty() ? "" : ", ").append(name);
  }
  return text;
}

// A policy that the command could change would judge the next run.
void WarnOfPoliciesInProject(Context& context, const gate::RunSpec& spec) {
  const std::string below = spec.dir == "/" ? spec.dir : spec.dir + "/";
  for (const policy::Source& source : spec.policies) {
    const auto path = base::CanonicalPath(base::UnescapeName(source.file));
    if (path && path->starts_with(below) && !path->starts_with(spec.aegis_home + "/")) {
      context.Note("policy " + source.file +
                   " lies in the project, where the command may change it");
    }
  }
}

// What the command could change says nothing about it.
void WarnOfWitnessesInProject(Context& context, const gate::RunSpec& spec) {
  const std::string below = spec.dir == "/" ? spec.dir : spec.dir + "/";
  for (const witness::Target& target : spec.witness.targets) {
    const auto* const file = std::get_if<witness::FileTarget>(&target);
    if (file == nullptr) {
      continue;
    }
    const std::size_t slash = file->path.rfind('/');
    const auto directory =
        base::CanonicalPath(slash == std::string::npos ? "." : file->path.substr(0, slash + 1));
    if (directory && (*directory + "/").starts_with(below)) {
      context.Note("witness " + base::EscapeName(file->path) +
                   " lies in the project, where the command may change it");
    }
  }
}

// What the user must know before the command starts.
void Announce(Context& context, const config::Configuration& configuration,
              const gate::RunSpec& spec) {
  if (!configuration.without_effect.empty()) {
    context.Note(base::EscapeName(configuration.file) +
                 ": without effect in this version: " + Listed(configuration.without_effect));
  }
  if (!configuration.mapped.empty()) {
    context.Note(base::EscapeName(configuration.file) +
                 ": taken as what Aegis does here: " + Listed(configuration.mapped));
  }
  if (!spec.dropped_env.empty()) {
    context.Note("withheld from the command: " + Listed(spec.dropped_env) +
                 " (env_pass in aegis.toml makes exceptions)");
  }
  if (spec.mode == gate::Mode::kRun) {
    WarnOfPoliciesInProject(context, spec);
  }
  WarnOfWitnessesInProject(context, spec);
  if (context.verbose) {
    context.Note("configuration " + spec.config_name + ", project " + base::EscapeName(spec.dir) +
                 ", program " + base::EscapeName(spec.program) + ", " +
                 Count(spec.policies.size(), "policy file"));
  }
}

int CodeOf(const base::Error& error) {
  switch (error.code()) {
    case base::Errc::kNotFound:
      return kNotFound;
    case base::Errc::kDenied:
      return kNotExecutable;
    default:
      return kAegisFailed;
  }
}

}  // namespace

base::Result<> MakeMissing(const Places& places, const std::string& name, const std::string& policy,
                           const std::optional<std::string>& dir) {
  NewConfiguration wanted{.name = name, .dir = std::nullopt, .policy = {}};
  AEGIS_ASSIGN(wanted.policy, ChoosePolicy(policy));
  if (dir) {
    AEGIS_ASSIGN(wanted.dir, config::ProjectDirectory(places.home, *dir));
  }
  auto made = CreateConfiguration(places.home, places.user_home, wanted);
  if (!made && made.error().code() != base::Errc::kExists) {
    return made;
  }
  return {};
}

base::Result<int> Launch(Context& context, const LaunchRequest& request) {
  AEGIS_TRY(CheckTag("--tag", request.tag));
  AEGIS_ASSIGN(const auto published, ParsePublished(request.publish));
  // First of all, so that a mistyped command makes and records nothing.
  const auto program = config::ResolveProgram(request.argv.front(),
                                              config::FindVariable(context.environment, "PATH"));
  if (!program) {
    context.Say(program.error().message());
    return CodeOf(program.error());
  }
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(config::Configuration configuration, Configure(places, request));
  AEGIS_ASSIGN(gate::RunSpec spec, Specify(context, places, request, configuration));
  spec.program = *program;
  AEGIS_TRY(AddPublished(context, published, configuration, spec));
  spec.policy_notice = [&context](bool kept, const std::string& text) {
    if (kept) {
      context.Say(text);
    } else {
      context.Note(text);
    }
  };
  spec.level_notice = [&context](const std::string& why) {
    context.Say("recording in full, not at level writes: reads stay with the gate: " + why);
  };
  if (::isatty(STDERR_FILENO) == 1) {
    spec.scan_notice = [&context](const std::string& directory) {
      context.Note("looking through " + base::EscapeName(directory) +
                   " for names that policies forbid; later runs will be quicker");
    };
  }
  Announce(context, configuration, spec);
  auto outcome = gate::RunAgent(spec);
  if (!outcome) {
    context.Say(outcome.error().message());
    return kAegisFailed;
  }
  Summarise(context, spec, *outcome);
  ApplyRetention(context, configuration);
  return outcome->exit_code;
}

}  // namespace aegis::cli
