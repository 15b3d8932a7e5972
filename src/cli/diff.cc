#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/entries.h"
#include "cli/json.h"
#include "cli/session_detail.h"
#include "cli/session_diff.h"
#include "ledger/ledger.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::size_t kMostLines = 20;

constexpr std::array<Option, 5> kOptions = {{
    {"S1", Kind::kPositional, "", "A session: its id, the beginning of it, or its tag"},
    {"S2", Kind::kPositional, "", "Another one"},
    {"--config", Kind::kText, "NAME", "Configuration (default: the active one)"},
    {"--all", Kind::kFlag, "", "Show each name, however many they are"},
    {"--json", Kind::kFlag, "", "As JSON, with each name"},
}};

constexpr std::array<Example, 2> kExamples = {{
    {"aegis diff before after --config work", "Two sessions by their tags."},
    {"aegis diff 0193f2 0193f7 --json", "By the beginnings of their ids."},
}};

base::Result<SessionDetail> Read(Context& context, ledger::Ledger& ledger,
                                 const std::string& wanted) {
  AEGIS_ASSIGN(const ledger::SessionInfo info, ledger.FindSession(wanted));
  const std::string session = "session " + info.session.session_id;
  if (info.state == ledger::SessionState::kRunning) {
    context.Note(session + " is still running: what it did so far is compared");
  }
  if (info.session.erased > 0) {
    context.Note(session + ": " + std::to_string(info.session.erased) +
                 " of its entries were erased, and what they said is not compared");
  }
  return ReadSession(ledger, info, SIZE_MAX);
}

base::Result<int> Run(Context& context, const Args& args) {
  const auto first_id = args.Text("S1");
  const auto second_id = args.Text("S2");
  if (!first_id || !second_id) {
    return context.Usage("which two sessions? as in: aegis diff before after");
  }
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(const auto configuration, LoadChosen(places, args.Text("--config")));
  AEGIS_ASSIGN(auto ledger, OpenLedger(context, configuration));
  AEGIS_ASSIGN(const SessionDetail first, Read(context, ledger, *first_id));
  AEGIS_ASSIGN(const SessionDetail second, Read(context, ledger, *second_id));
  const SessionDiff diff = Compare(first, second);
  if (args.Has("--json")) {
    PrintJson(context.out, DiffJson(first, second, diff));
  } else {
    PrintDiff(context.out, first, second, diff, args.Has("--all") ? SIZE_MAX : kMostLines);
  }
  return diff.equal() ? 0 : kDifferExit;
}

}  // namespace

const Command kDiffCommand = {
    .name = "diff",
    .summary = "Show what two sessions did differently",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "Files that were read, written or deleted, programs that began, hosts, denials, command,\n"
        "policy digest, recording level and how it ended. <: only the first, >: only the second.\n"
        "How often something was done is no difference. Where there are many names, directories\n"
        "stand for them. Exit code: 0 no difference, 1 a difference, 2 it could not be told.\n",
    .failure = kTroubleExit,
    .run = Run,
};

}  // namespace aegis::cli
