#include <array>

#include "base/result.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/launch.h"
#include "cli/published_ports.h"
#include "cli/witnesses.h"
#include "config/config.h"
#include "gate/run.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::array<Option, 10> kOptions = {{
    {"--dir", Kind::kText, "DIR", "The project, which policies call @dir (default: here)"},
    {"--policy", Kind::kText, "POLICY",
     "A template or file to judge by (default: the configuration's own, permit-all if new)"},
    {"--name", Kind::kText, "NAME", "Configuration to record in (default: the program's name)"},
    {"--config", Kind::kText, "NAME", "The same"},
    {"--seatbelt", Kind::kFlag, "", "Refuse what the policy does not permit, as `aegis run` does"},
    kPublishOption,
    {"--tag", Kind::kText, "TAG", "A word to find the session by"},
    kWitnessOption,
    kWitnessKeyOption,
    {"COMMAND", Kind::kCommand, "", "The command and its arguments"},
}};

constexpr std::array<Example, 2> kExamples = {{
    {"aegis wrap -- make -j2", "Record what a build touches, in the configuration \"make\"."},
    {"aegis wrap --policy project --name try -- ./agent",
     "See what `project` would refuse, before it does."},
}};

base::Result<int> Run(Context& context, const Args& args) {
  if (args.command().empty()) {
    return context.Usage("which command? it follows `--`, as in: aegis wrap -- make");
  }
  if (!args.Texts("--publish").empty() && !args.Has("--seatbelt")) {
    return context.Usage("--publish needs --seatbelt: without it programs listen on the machine");
  }
  AEGIS_ASSIGN(const auto name, Either(args, "--name", "--config"));
  return Launch(context, {.mode = args.Has("--seatbelt") ? gate::Mode::kRun : gate::Mode::kWrap,
                          .name = name.value_or(config::NameForProgram(args.command().front())),
                          .default_policy = "permit-all",
                          .make_missing = true,
                          .policy = args.Text("--policy"),
                          .dir = args.Text("--dir"),
                          .publish = args.Texts("--publish"),
                          .tag = args.Text("--tag").value_or(""),
                          .witnesses = WitnessFlagsOf(args),
                          .argv = args.command()});
}

}  // namespace

const Command kWrapCommand = {
    .name = "wrap",
    .summary = "Run a command and record what it does; refuse nothing",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "The same gate as `aegis run`, and it never refuses; what the policies would have denied "
        "is\n"
        "recorded as such. Two exceptions: Aegis' own state stays masked, and setuid programs "
        "gain\n"
        "nothing. What would blind the record is closed as in run: io_uring, new namespaces, "
        "mounts\n"
        "and file handles. Network, environment and temporary directories are the caller's. A "
        "NAME\n"
        "that is missing is made. Exit codes are those of `aegis run`. --seatbelt, known from\n"
        "macOS, makes it a run: the walls are namespaces, Landlock and seccomp here.\n",
    .failure = kAegisFailed,
    .run = Run,
};

}  // namespace aegis::cli
