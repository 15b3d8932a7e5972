#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/args.h"
#include "cli/context.h"

namespace aegis::cli {

struct Example {
  std::string_view line;
  std::string_view what;
};

// One command: what --help says of it, what it takes, and what it does. Constant data.
struct Command {
  std::string_view name;  // "run", "audit query"
  std::string_view summary;
  std::span<const Option> options;
  std::span<const Example> examples;
  std::string_view notes;  // more for --help, in whole lines; may be empty
  // The exit code when Aegis itself fails; commands that pass on another program's code have one
  // of their own, also for wrong command lines.
  int failure = 1;
  // Gives the exit code; an error is said on stderr and ends with `failure`.
  base::Result<int> (*run)(Context& context, const Args& args) = nullptr;
};

// All commands, in the order of the overview.
std::span<const Command* const> Commands();

// The options that every command takes beside its own.
std::span<const Option> GlobalOptions();

// One value that has two spellings. kInvalid if both are given and differ.
base::Result<std::optional<std::string>> Either(const Args& args, std::string_view one,
                                                std::string_view other);

// Name of a configuration, for commands that take it as `--config NAME` and as a positional
// argument. kInvalid if both are given and differ.
base::Result<std::optional<std::string>> ConfigArgument(const Args& args);

// The text of `aegis --help` and of `aegis COMMAND --help`. `group` is a first word that several
// commands share ("audit"), or empty for the overview.
std::string OverviewHelp(std::string_view group);
std::string CommandHelp(const Command& command);
// "aegis log [NAME] [--last N]".
std::string CommandSynopsis(const Command& command);

extern const Command kSetupCommand;
extern const Command kInitCommand;
extern const Command kRunCommand;
extern const Command kWrapCommand;
extern const Command kWatchCommand;
extern const Command kLogCommand;
extern const Command kReportCommand;
extern const Command kDiffCommand;
extern const Command kStatusCommand;
extern const Command kListCommand;
extern const Command kUseCommand;
extern const Command kConfigShowCommand;
extern const Command kConfigPathCommand;
extern const Command kConfigEditCommand;
extern const Command kCompletionsCommand;
extern const Command kManpageCommand;
extern const Command kPolicyValidateCommand;
extern const Command kPolicyListCommand;
extern const Command kPolicyGenerateCommand;
extern const Command kPolicyImportCommand;
extern const Command kPolicyCompileCommand;
extern const Command kPolicyTestCommand;
extern const Command kPolicyDiffCommand;
extern const Command kPolicyExplainCommand;
extern const Command kPolicyLintCommand;
extern const Command kAuditQueryCommand;
extern const Command kAuditVerifyCommand;
extern const Command kAuditSessionsCommand;
extern const Command kAuditSessionCommand;
extern const Command kAuditTagCommand;
extern const Command kAuditWatchCommand;
extern const Command kAuditExportCommand;
extern const Command kAuditImportCommand;
extern const Command kAuditCheckpointCommand;
extern const Command kAuditProveCommand;
extern const Command kAuditTilesCommand;
extern const Command kAuditKeysCommand;
extern const Command kAuditPurgeCommand;
extern const Command kAuditPolicyHistoryCommand;
extern const Command kAuditWitnessCommand;

}  // namespace aegis::cli
