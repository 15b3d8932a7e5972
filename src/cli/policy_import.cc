#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/create.h"
#include "cli/foreign_policies.h"
#include "cli/json.h"
#include "cli/policies.h"
#include "cli/policy_rows.h"
#include "cli/text.h"
#include "config/config.h"
#include "policy/policy.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;
using Info = policy::PolicySet::Info;

constexpr std::array<Option, 5> kOptions = {{
    {"PATH", Kind::kPositional, "", "A policy file, a directory of them, or - for standard input"},
    {"--config", Kind::kText, "NAME", "Configuration (default: the active one)"},
    {"--name", Kind::kText, "FILE", "What the file will be called (default: as it is)"},
    {"--force", Kind::kFlag, "", "Replace files of the same names"},
    {"--json", Kind::kFlag, "", "As JSON"},
}};

constexpr std::array<Example, 2> kExamples = {{
    {"aegis policy import strict.cedar --config work", "Add a file to the configuration \"work\"."},
    {"aegis policy generate project | aegis policy import - --name project.cedar",
     "Add what comes from standard input."},
}};

// What the policies of a configuration will be.
struct Outcome {
  std::vector<policy::Source> sources;
  std::vector<std::string> replaced;  // names of files
};

std::string TargetOf(const std::string& directory, const std::string& name) {
  return base::EscapeName(directory + "/" + name);
}

// The configured policies with the files among them, in the order in which a run reads them.
base::Result<Outcome> Merge(const config::Configuration& configuration,
                            const std::string& directory, const ForeignPolicies& foreign) {
  Outcome outcome{.sources = {}, .replaced = config::TakenNames(directory, foreign.files)};
  const auto is_new = [&](const policy::Source& source) {
    return std::ranges::any_of(foreign.files, [&](const config::NewPolicyFile& file) {
      return TargetOf(directory, file.name) == source.file;
    });
  };
  for (const std::string& path : configuration.policy_paths) {
    auto there = ReadSources({path});
    // The last policy may have been taken away, to be replaced by what comes now.
    if (!there && (path != directory || there.error().code() != base::Errc::kNotFound)) {
      return base::Fail(std::move(there).error());
    }
    std::vector<policy::Source> sources = std::move(there).value_or(std::vector<policy::Source>());
    if (path == directory) {
      std::erase_if(sources, is_new);
      for (const config::NewPolicyFile& file : foreign.files) {
        sources.push_back({.file = TargetOf(directory, file.name), .text = file.text});
      }
      std::ranges::sort(sources, {}, [](const policy::Source& source) {
        return base::UnescapeName(source.file);
      });
    }
    std::ranges::move(sources, std::back_inserter(outcome.sources));
  }
  std::ranges::move(AllowedNetworks(configuration), std::back_inserter(outcome.sources));
  return outcome;
}

// Refused under the name of the file that the user knows, not of what it will be.
base::Result<> CheckAlone(const ForeignPolicies& foreign, const policy::Names& names) {
  std::vector<policy::Source> sources;
  sources.reserve(foreign.files.size());
  for (std::size_t i = 0; i < foreign.files.size(); ++i) {
    sources.push_back({.file = foreign.origins[i], .text = foreign.files[i].text});
  }
  return CheckPolicies(sources, names, std::nullopt);
}

// What a person should look at twice.
std::vector<std::string> Warnings(const std::vector<Info>& added,
                                  const policy::PolicySet& policies) {
  std::vector<std::string> warnings;
  for (const Info& info : added) {
    if (!info.forbid && info.applies && info.total && !info.bounded) {
      warnings.push_back("policy \"" + info.id + "\" permits " + ActionsOf(info) +
                         " on everything");
    }
  }
  const auto blocks = [](const Info& info) {
    return info.forbid && info.applies && info.total && !info.bounded &&
           info.actions == (1U << policy::kActionCount) - 1;
  };
  const auto& all = policies.policies();
  if (const auto found = std::ranges::find_if(all, blocks); found != all.end()) {
    warnings.push_back("policy \"" + found->id + "\" in " + found->file +
                       " forbids everything: no permit has an effect beside it");
  }
  return warnings;
}

void Show(Context& context, const Args& args, const config::Configuration& configuration,
          const Outcome& outcome, const std::vector<Info>& added,
          const policy::PolicySet& policies) {
  const std::vector<std::string> warnings = Warnings(added, policies);
  if (args.Has("--json")) {
    PrintJson(context.out, {{"config", configuration.name},
                            {"digest", policies.digest()},
                            {"replaced", outcome.replaced},
                            {"added", PolicyRows(added)},
                            {"warnings", warnings}});
    return;
  }
  for (const std::string& warning : warnings) {
    context.Note(warning);
  }
  if (context.quiet) {
    return;
  }
  for (const std::string& line : PolicyLines(context.out, added)) {
    context.out.Line(line);
  }
  context.out.Line("imported " + Policies(added.size()) + " into " + configuration.name +
                   ", digest " + policies.digest());
}

base::Result<int> Import(Context& context, const Args& args, const std::string& path) {
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(const auto configuration, LoadChosen(places, args.Text("--config")));
  AEGIS_ASSIGN(const std::string directory, config::PolicyDirectory(configuration));
  AEGIS_ASSIGN(const ForeignPolicies foreign, ReadForeignPolicies(path, args.Text("--name")));
  AEGIS_ASSIGN(const policy::Names names,
               PolicyNames(configuration.name, places.user_home, configuration.dir));
  AEGIS_TRY(CheckAlone(foreign, names));
  AEGIS_ASSIGN(const auto lock, config::LockPolicies(configuration));
  AEGIS_ASSIGN(const Outcome outcome, Merge(configuration, directory, foreign));
  if (!outcome.replaced.empty() && !args.Has("--force")) {
    return base::Fail(base::Errc::kExists,
                      TargetOf(directory, outcome.replaced.front()) +
                          " exists already, nothing was changed (--force replaces it)");
  }
  AEGIS_ASSIGN(const auto policies, LoadPolicies(outcome.sources, names, configuration.state_dir));
  AEGIS_TRY(RequireGuarded(policies, places.home.path()));
  std::vector<Info> added;
  for (const Info& info : policies.policies()) {
    const auto here = [&](const config::NewPolicyFile& file) {
      return TargetOf(directory, file.name) == info.file;
    };
    if (std::ranges::any_of(foreign.files, here)) {
      added.push_back(info);
    }
  }
  AEGIS_TRY(config::InstallPolicyFiles(directory, foreign.files));
  Show(context, args, configuration, outcome, added, policies);
  return 0;
}

base::Result<int> Run(Context& context, const Args& args) {
  const auto path = args.Text("PATH");
  return path ? Import(context, args, *path)
              : context.Usage("which policies? a file, a directory, or -");
}

}  // namespace

const Command kPolicyImportCommand = {
    .name = "policy import",
    .summary = "Add policy files to a configuration",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "The whole resulting set is checked first; nothing is changed if it is refused. Several\n"
        "files come into force together. Links in a directory are refused, and a file of the same\n"
        "name is kept unless --force is given.\n",
    .run = Run,
};

}  // namespace aegis::cli
