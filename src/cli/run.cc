#include "gate/run.h"

#include <array>

#include "base/result.h"
#include "cli/args.h"
#include "cli/choices.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/launch.h"
#include "cli/published_ports.h"
#include "cli/witnesses.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::array<Option, 11> kOptions = {{
    {"--config", Kind::kText, "NAME",
     "Configuration (default: what `aegis use` chose, or default)"},
    {"--name", Kind::kText, "NAME", "The same"},
    {"--policy", Kind::kText, "POLICY",
     "A template or file instead of the configuration's policies"},
    {"--dir", Kind::kText, "DIR", "The project, which policies call @dir (default: here)"},
    {"--level", Kind::kText, "LEVEL",
     "What is recorded: full, or writes, which leaves plain reads to the kernel", kLevelChoices},
    {"--no-network", Kind::kFlag, "", "Refuse every connection, whatever the policies permit"},
    kPublishOption,
    {"--tag", Kind::kText, "TAG", "A word to find the session by"},
    kWitnessOption,
    kWitnessKeyOption,
    {"COMMAND", Kind::kCommand, "", "The command and its arguments"},
}};

constexpr std::array<Example, 4> kExamples = {{
    {"aegis run -- git status",
     "Without configuration: the policy is `project` for this directory."},
    {"aegis run --config work -- python3 agent.py", "Under the configuration \"work\"."},
    {"aegis run --publish 8080:3000 -- npm run dev",
     "The server at port 3000 inside is at 127.0.0.1:8080 outside."},
    {"aegis run --policy ./strict.cedar --tag try -- make", "Under other policies, this once."},
}};

base::Result<int> Run(Context& context, const Args& args) {
  if (args.command().empty()) {
    return context.Usage("which command? it follows `--`, as in: aegis run -- git status");
  }
  AEGIS_ASSIGN(const auto name, Either(args, "--config", "--name"));
  bool make_missing = false;
  if (!name) {
    AEGIS_ASSIGN(const Places places, FindPlaces(context));
    AEGIS_ASSIGN(const auto active, places.home.Active());
    make_missing = !active;
  }
  return Launch(context, {.mode = gate::Mode::kRun,
                          .name = name,
                          .default_policy = "project",
                          .make_missing = make_missing,
                          .policy = args.Text("--policy"),
                          .dir = args.Text("--dir"),
                          .level = args.Text("--level"),
                          .no_network = args.Has("--no-network"),
                          .publish = args.Texts("--publish"),
                          .tag = args.Text("--tag").value_or(""),
                          .witnesses = WitnessFlagsOf(args),
                          .argv = args.command()});
}

}  // namespace

const Command kRunCommand = {
    .name = "run",
    .summary = "Run a command; what the policies do not permit is refused",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "Without --config, and where `aegis use` chose nothing, the configuration \"default\" is\n"
        "made with the template `project`. A connection is made where a rule permits it\n"
        "(NetConnect); loopback inside is the run's own. --publish [ADDRESS:]HOSTPORT:PORT makes "
        "a\n"
        "port of the machine lead to a server there; PORT alone is the same port on both sides, "
        "and\n"
        "HOSTPORT 0 a free one, which is said. Variables of the environment that look\n"
        "like credentials are withheld and named; env_pass in aegis.toml makes exceptions.\n"
        "At --level writes plain reads that a static rule of the policy permits are left to the\n"
        "kernel and not recorded one by one; where the policy does not allow for that, everything\n"
        "is recorded, and it is said why.\n"
        "Exit code: the command's own, 128 + n for signal n; 125: Aegis failed and nothing ran;\n"
        "126: the command may not or cannot be executed; 127: it was not found.\n",
    .failure = kAegisFailed,
    .run = Run,
};

}  // namespace aegis::cli
