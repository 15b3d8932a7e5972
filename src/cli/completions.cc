#include "cli/completions.h"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/complete.h"
#include "cli/completion_scripts.h"
#include "cli/context.h"
#include "cli/text.h"
#include "config/config.h"
#include "ledger/ledger.h"
#include "policy/templates.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::uint64_t kSessionsOffered = 20;

constexpr auto kShells = std::to_array<std::string_view>({"bash", "zsh", "fish"});

constexpr std::array<Option, 2> kOptions = {{
    {"SHELL", Kind::kPositional, "", "bash, zsh or fish", kShells},
    {"--shell", Kind::kText, "SHELL", "The same", kShells},
}};

constexpr std::array<Example, 3> kExamples = {{
    {"source <(aegis completions bash)", "In this shell, or in ~/.bashrc for good."},
    {"aegis completions zsh > ~/.zfunc/_aegis", "A directory of $fpath."},
    {"aegis completions fish > ~/.config/fish/completions/aegis.fish", "Where fish looks."},
}};

// What lies on this machine. Errors are no names: nobody could be told.
class NamesOfMachine final : public NameSource {
 public:
  explicit NamesOfMachine(const Context& context) : context_(context) {}

  std::vector<Candidate> Configurations() const override {
    std::vector<Candidate> candidates;
    const auto places = FindPlaces(context_);
    const auto names = places ? places->home.Names() : std::vector<std::string>{};
    for (const std::string& name : names.value_or(std::vector<std::string>{})) {
      candidates.push_back({.word = name, .about = "configuration"});
    }
    return candidates;
  }

  std::vector<Candidate> Sessions(std::string_view config) const override {
    std::vector<Candidate> candidates;
    static_cast<void>(CollectSessions(config, candidates));
    return candidates;
  }

  std::vector<Candidate> Templates() const override {
    const auto names = policy::TemplateNames();
    std::vector<Candidate> candidates;
    candidates.reserve(names.size());
    for (const std::string_view name : names) {
      candidates.push_back({.word = std::string(name), .about = "template"});
    }
    return candidates;
  }

 private:
  base::Result<> CollectSessions(std::string_view config,
                                 std::vector<Candidate>& candidates) const {
    AEGIS_ASSIGN(const Places places, FindPlaces(context_));
    const std::optional<std::string> given =
        config.empty() ? std::nullopt : std::optional(std::string(config));
    AEGIS_ASSIGN(const std::string name, ChooseName(places.home, given));
    AEGIS_TRY(places.home.CheckState(name));
    AEGIS_ASSIGN(auto ledger,
                 ledger::Ledger::Open(places.home.StateDir(name), ledger::Ledger::Mode::kRead));
    return ledger.Sessions(
        kSessionsOffered, [&](const ledger::SessionInfo& info) -> base::Result<bool> {
          candidates.push_back({.word = info.session.session_id,
                                .about = FormatTime(info.session.started_ms) + " " +
                                         info.session.command.value_or("")});
          return true;
        });
  }

  const Context& context_;
};

base::Result<int> Run(Context& context, const Args& args) {
  AEGIS_ASSIGN(const auto shell, Either(args, "SHELL", "--shell"));
  if (!shell) {
    return context.Usage("which shell? bash, zsh or fish");
  }
  context.out.Write(*shell == "bash"  ? BashCompletion()
                    : *shell == "zsh" ? ZshCompletion()
                                      : FishCompletion());
  return 0;
}

}  // namespace

int PrintCompletions(Context& context, std::span<const std::string> words) {
  const NamesOfMachine names(context);
  const Completion completion = Complete(Commands(), words, names);
  for (const Candidate& one : completion.candidates) {
    context.out.Line(base::ForDisplay(one.word) + "\t" + base::ForDisplay(one.about));
  }
  switch (completion.shell) {
    case ShellWords::kNone:
      break;
    case ShellWords::kFiles:
      context.out.Line(":files");
      break;
    case ShellWords::kDirectories:
      context.out.Line(":directories");
      break;
    case ShellWords::kCommand:
      context.out.Line(":command " + std::to_string(completion.command_at));
      break;
  }
  return 0;
}

const Command kCompletionsCommand = {
    .name = "completions",
    .summary = "Print a completion script for a shell",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "Completes commands, options, their values, configurations, sessions, templates, files,\n"
        "and after `--` the command that is run. `make install` and packages install it.\n",
    .run = Run,
};

}  // namespace aegis::cli
