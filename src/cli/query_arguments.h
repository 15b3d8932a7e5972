#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/args.h"
#include "cli/choices.h"
#include "ledger/ledger.h"

// Options that say which entries are meant, the same wherever a command has them. kInvalid, naming
// the option, for a value that could never match.
namespace aegis::cli {

inline constexpr Option kActionOption = {"--action", Option::Kind::kText, "ACTION",
                                         "FileRead, FileWrite, ...", kActionChoices};
inline constexpr Option kDecisionOption = {"--decision", Option::Kind::kText, "DECISION",
                                           "allow or deny", kDecisionChoices};
inline constexpr Option kPathOption = {"--path", Option::Kind::kText, "GLOB",
                                       "Resource or target: * within a segment, ** across, ?"};
inline constexpr Option kSessionOption = {
    "--session", Option::Kind::kText, "ID",
    "Of one session: its id, the beginning of it, or its tag"};
inline constexpr Option kFromOption = {"--from", Option::Kind::kText, "TIME",
                                       "Not before: 2026-11-21, 2026-11-21T14:03:07Z"};
inline constexpr Option kToOption = {"--to", Option::Kind::kText, "TIME", "Before this"};

// The pattern that --path means: `~/` is `home`, a name as the system has it. kInvalid: it is no
// pattern, or can match nothing that is recorded, as every name stands in one form there.
base::Result<ledger::Glob> PathPattern(const std::string& text, const std::string& home);

// --action, --decision and --path, all of which the command must have.
base::Result<> TakeContentFilter(const Args& args, const std::string& home,
                                 ledger::QueryFilter& filter);
// --from and --to.
base::Result<> TakeTimeFilter(const Args& args, ledger::QueryFilter& filter);

}  // namespace aegis::cli
