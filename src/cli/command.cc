#include "cli/command.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "cli/args.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr auto kCommands = std::to_array<const Command*>({
    &kSetupCommand,
    &kInitCommand,
    &kRunCommand,
    &kWrapCommand,
    &kWatchCommand,
    &kLogCommand,
    &kReportCommand,
    &kDiffCommand,
    &kStatusCommand,
    &kListCommand,
    &kUseCommand,
    &kConfigShowCommand,
    &kConfigPathCommand,
    &kConfigEditCommand,
    &kCompletionsCommand,
    &kManpageCommand,
    &kPolicyValidateCommand,
    &kPolicyListCommand,
    &kPolicyGenerateCommand,
    &kPolicyImportCommand,
    &kPolicyCompileCommand,
    &kPolicyTestCommand,
    &kPolicyDiffCommand,
    &kPolicyExplainCommand,
    &kPolicyLintCommand,
    &kAuditQueryCommand,
    &kAuditVerifyCommand,
    &kAuditSessionsCommand,
    &kAuditSessionCommand,
    &kAuditPolicyHistoryCommand,
    &kAuditTagCommand,
    &kAuditWatchCommand,
    &kAuditExportCommand,
    &kAuditImportCommand,
    &kAuditCheckpointCommand,
    &kAuditProveCommand,
    &kAuditTilesCommand,
    &kAuditKeysCommand,
    &kAuditPurgeCommand,
    &kAuditWitnessCommand,
});

constexpr std::array<Option, 3> kGlobalOptions = {{
    {"-h,--help", Kind::kFlag, "", "Show this help"},
    {"-q,--quiet", Kind::kFlag, "", "Say nothing but errors"},
    {"-v,--verbose", Kind::kFlag, "", "Say more"},
}};

constexpr std::size_t kColumn = 28;

void AppendRow(std::string& out, std::string left, std::string_view right) {
  left.resize(std::max(left.size() + 2, kColumn), ' ');
  out.append("  ").append(left).append(right).append("\n");
}

void AppendOptions(std::string& out, std::span<const Option> options) {
  for (const Option& option : options) {
    std::string left(option.names);
    if (const std::size_t comma = left.find(','); comma != std::string::npos) {
      left.insert(comma + 1, " ");
    }
    if (!option.metavar.empty()) {
      left += " " + std::string(option.metavar);
    }
    AppendRow(out, std::move(left), option.help);
  }
}

}  // namespace

std::span<const Command* const> Commands() { return kCommands; }

std::span<const Option> GlobalOptions() { return kGlobalOptions; }

base::Result<std::optional<std::string>> Either(const Args& args, std::string_view one,
                                                std::string_view other) {
  const auto first = args.Text(one);
  const auto second = args.Text(other);
  if (first && second && *first != *second) {
    return base::Fail(base::Errc::kInvalid, std::string(one) + " and " + std::string(other) +
                                                " differ: \"" + *first + "\" and \"" + *second +
                                                "\"");
  }
  return first ? first : second;
}

base::Result<std::optional<std::string>> ConfigArgument(const Args& args) {
  const auto positional = args.Text("NAME");
  const auto option = args.Text("--config");
  if (positional && option && *positional != *option) {
    return base::Fail(base::Errc::kInvalid, "two configurations are named: \"" + *positional +
                                                "\" and \"" + *option + "\"");
  }
  return option ? option : positional;
}

std::string OverviewHelp(std::string_view group) {
  std::string out;
  if (group.empty()) {
    out +=
        "aegis: runs an AI agent so that it touches only what a policy permits, and records "
        "what it touched\n\nUsage: aegis COMMAND [OPTION]... [-- PROGRAM [ARGUMENT]...]\n\n";
  } else {
    out += "Usage: aegis " + std::string(group) + " COMMAND [OPTION]...\n\n";
  }
  const std::string prefix = group.empty() ? "" : std::string(group) + " ";
  for (const Command* command : Commands()) {
    if (command->name.starts_with(prefix)) {
      AppendRow(out, std::string(command->name), command->summary);
    }
  }
  out += "\nOptions of every command:\n";
  AppendOptions(out, kGlobalOptions);
  if (group.empty()) {
    AppendRow(out, "--version", "Show the version");
    out += "\nState lies in $AEGIS_HOME (default: ~/.aegis). `aegis COMMAND --help` says more.\n";
  }
  return out;
}

std::string CommandSynopsis(const Command& command) {
  std::string out = "aegis " + std::string(command.name);
  for (const Option& option : command.options) {
    const std::string key(OptionKey(option));
    switch (option.kind) {
      case Kind::kFlag:
        out += " [" + key + "]";
        break;
      case Kind::kText:
      case Kind::kNumber:
      case Kind::kCount:
        out += " [" + key + " " + std::string(option.metavar) + "]";
        break;
      case Kind::kTexts:
        out += " [" + key + " " + std::string(option.metavar) + "]...";
        break;
      case Kind::kPositional:
        out += " [" + key + "]";
        break;
      case Kind::kCommand:
        out += " -- " + key;
        break;
    }
  }
  return out;
}

std::string CommandHelp(const Command& command) {
  std::string out = std::string(command.summary) + "\n\nUsage: " + CommandSynopsis(command) + "\n";
  if (!command.notes.empty()) {
    out += "\n" + std::string(command.notes);
  }
  out += "\nOptions:\n";
  AppendOptions(out, command.options);
  AppendOptions(out, kGlobalOptions);
  if (!command.examples.empty()) {
    out += "\nExamples:\n";
    for (const Example& example : command.examples) {
      out += "  " + std::string(example.line) + "\n      " + std::string(example.what) + "\n";
    }
  }
  return out;
}

}  // namespace aegis::cli
