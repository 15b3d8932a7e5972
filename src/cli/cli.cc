#include "cli/cli.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/completions.h"
#include "cli/context.h"
#include "cli/version.h"
#include "config/config.h"

namespace aegis::cli {
namespace {

// Commands that users of other versions know and this build lacks.
constexpr auto kNotInThisBuild = std::to_array<std::string_view>({
    "alerts",
    "daemon",
    "fleet",
    "hook",
    "monitor",
    "pilot",
    "telegram",
});

constexpr auto kGroups = std::to_array<std::string_view>({"audit", "config", "policy"});

bool Contains(std::span<const std::string_view> list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

const Command* FindCommand(std::string_view name) {
  const auto found = std::ranges::find(Commands(), name, &Command::name);
  return found == Commands().end() ? nullptr : *found;
}

// What was meant by a name that no command has: one of a few typing errors away, or, for a second
// word alone, the command that ends with it.
std::string_view Meant(std::string_view name) {
  std::vector<std::string_view> names(kGroups.begin(), kGroups.end());
  for (const Command* command : Commands()) {
    names.push_back(command->name);
    if (command->name.ends_with(" " + std::string(name))) {
      return command->name;
    }
  }
  return config::Nearest(name, names);
}

int Unknown(Context& context, const std::string& name) {
  if (Contains(kNotInThisBuild, name)) {
    context.Say("\"" + name + "\" is not in this build");
    return kUsageExit;
  }
  const std::string_view nearest = Meant(name);
  const std::string hint =
      nearest.empty() ? "" : "; did you mean \"aegis " + std::string(nearest) + "\"?";
  context.Say("unknown command \"" + name + "\"" + hint + " (see: aegis --help)");
  return kUsageExit;
}

int Invoke(Context& context, const Command& command, std::span<const std::string> words) {
  context.command = &command;
  std::vector<Option> options(command.options.begin(), command.options.end());
  options.insert(options.end(), GlobalOptions().begin(), GlobalOptions().end());
  const auto args = ParseArgs(options, words);
  if (!args) {
    return context.Usage(args.error().message());
  }
  if (args->Has("--help")) {
    context.out.Write(CommandHelp(command));
    return 0;
  }
  context.quiet = context.quiet || args->Has("--quiet");
  context.verbose = context.verbose || args->Has("--verbose");
  auto result = command.run(context, *args);
  if (!result) {
    context.Say(result.error().message());
    return command.failure;
  }
  return *result;
}

int Overview(Context& context, std::string_view group, bool asked) {
  (asked ? context.out : context.err).Write(OverviewHelp(group));
  return asked ? 0 : kUsageExit;
}

// A word before the command's name: true if it was one of the global options.
bool TakeGlobal(Context& context, std::string_view word) {
  if (word == "-q" || word == "--quiet") {
    context.quiet = true;
  } else if (word == "-v" || word == "--verbose") {
    context.verbose = true;
  } else {
    return false;
  }
  return true;
}

bool AsksForHelp(std::string_view word) { return word == "-h" || word == "--help"; }

int Dispatch(Context& context, std::span<const std::string> words) {
  while (!words.empty() && TakeGlobal(context, words.front())) {
    words = words.subspan(1);
  }
  if (words.empty()) {
    return Overview(context, "", false);
  }
  std::string name = words.front();
  words = words.subspan(1);
  if (name == "help" && !words.empty() && words.front() != "help") {
    std::vector<std::string> asked(words.begin(), words.end());
    asked.emplace_back("--help");
    return Dispatch(context, asked);
  }
  if (AsksForHelp(name) || name == "help") {
    return Overview(context, "", true);
  }
  if (name == "-V" || name == "--version" || name == "version") {
    context.out.Line("aegis " + std::string(kVersion));
    return 0;
  }
  if (name == "__complete") {
    return PrintCompletions(context, words);
  }
  if (name.starts_with('-')) {
    return context.Usage("unknown option \"" + name + "\"");
  }
  if (Contains(kGroups, name)) {
    if (words.empty() || AsksForHelp(words.front())) {
      return Overview(context, name, !words.empty());
    }
    name += " " + words.front();
    words = words.subspan(1);
  }
  const Command* const command = FindCommand(name);
  return command == nullptr ? Unknown(context, name) : Invoke(context, *command, words);
}

}  // namespace

int Main(std::span<const std::string> words, Context& context) {
  const int code = Dispatch(context, words);
  auto flushed = context.out.Flush();
  static_cast<void>(context.err.Flush());
  if (!flushed) {
    context.Say(std::move(flushed).error().Within("standard output").message());
    return code == 0 ? 1 : code;
  }
  return code;
}

}  // namespace aegis::cli
