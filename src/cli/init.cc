#include <unistd.h>

#include <array>
#include <iostream>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/text.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/create.h"
#include "cli/wizard.h"
#include "config/config.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::array<Option, 4> kOptions = {{
    {"NAME", Kind::kPositional, "", "Name of the configuration (default: default)"},
    {"--name", Kind::kText, "NAME", "The same"},
    {"--policy", Kind::kText, "POLICY",
     "default-deny (the default), allow-read-only, permit-all, project, or a file"},
    {"--dir", Kind::kText, "DIR", "The project (default: where `aegis run` is started)"},
}};

constexpr std::array<Example, 2> kExamples = {{
    {"aegis init work --policy project --dir ~/src/app",
     "The sensible default for a coding agent on one project."},
    {"aegis init", "Asks, on a terminal; else \"default\", which permits nothing yet."},
}};

base::Result<std::string> NameOf(const Args& args) {
  AEGIS_ASSIGN(const auto given, Either(args, "NAME", "--name"));
  std::string name = given.value_or("default");
  AEGIS_TRY(config::CheckName(name));
  return name;
}

// Somebody who can be asked.
bool OnTerminal() { return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1; }

base::Result<std::optional<NewConfiguration>> Asked(Context& context, const Places& places,
                                                    const Args& args) {
  const auto ask = [&](const std::string& text) -> std::optional<std::string> {
    context.out.Write(text);
    static_cast<void>(context.out.Flush());
    std::string line;
    return std::getline(std::cin, line) ? std::optional(line) : std::nullopt;
  };
  return AskForConfiguration(places, {.dir = args.Text("--dir"), .policy = args.Text("--policy")},
                             ask);
}

base::Result<NewConfiguration> Given(const Places& places, const Args& args) {
  NewConfiguration wanted;
  AEGIS_ASSIGN(wanted.name, NameOf(args));
  AEGIS_ASSIGN(wanted.policy, ChoosePolicy(args.Text("--policy").value_or("default-deny")));
  if (const auto dir = args.Text("--dir")) {
    AEGIS_ASSIGN(wanted.dir, config::ProjectDirectory(places.home, *dir));
  }
  return wanted;
}

base::Result<int> Make(Context& context, const Places& places, const NewConfiguration& wanted) {
  AEGIS_TRY(CreateConfiguration(places.home, places.user_home, wanted));
  if (context.quiet) {
    return 0;
  }
  context.out.Line("made configuration " + wanted.name + " in " +
                   base::ForDisplay(places.home.StateDir(wanted.name)));
  context.out.Line("policy: " + base::ForDisplay(wanted.policy.name));
  if (wanted.policy.is_template && wanted.policy.name == "default-deny") {
    context.out.Line(
        "This policy permits nothing, not even to start a program. For a coding agent "
        "see: aegis policy generate project");
  }
  context.out.Line("next: aegis run --config " + wanted.name + " -- COMMAND");
  return 0;
}

base::Result<int> Run(Context& context, const Args& args) {
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  const bool named = args.Has("NAME") || args.Has("--name");
  if (named || context.quiet || !OnTerminal()) {
    AEGIS_ASSIGN(const NewConfiguration wanted, Given(places, args));
    return Make(context, places, wanted);
  }
  AEGIS_ASSIGN(const auto wanted, Asked(context, places, args));
  if (!wanted) {
    context.Say("nothing was made");
    return 1;
  }
  return Make(context, places, *wanted);
}

}  // namespace

const Command kInitCommand = {
    .name = "init",
    .summary = "Make a configuration",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "Writes $AEGIS_HOME/NAME with aegis.toml, policies/*.cedar, an empty ledger (audit.db)\n"
        "and sandbox/. An existing NAME is refused and stays as it is.\n"
        "On a terminal and without a NAME it asks for all of it; Enter takes what stands in\n"
        "brackets, and Ctrl-C or Ctrl-D ends it with nothing made.\n",
    .run = Run,
};

}  // namespace aegis::cli
