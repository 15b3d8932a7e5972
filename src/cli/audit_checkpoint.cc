#include <array>

#include "base/result.h"
#include "base/text.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/entries.h"
#include "ledger/ledger.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::array<Option, 3> kOptions = {{
    {"NAME", Kind::kPositional, "", "Configuration (default: the active one)"},
    {"--config", Kind::kText, "NAME", "The same"},
    {"--key", Kind::kFlag, "", "Print the key that verifies it instead"},
}};

constexpr std::array<Example, 2> kExamples = {{
    {"aegis audit checkpoint work > work.checkpoint",
     "Keep it elsewhere: `audit verify --checkpoint` finds out whether the ledger still extends "
     "it."},
    {"aegis audit checkpoint work --key > work.vkey", "The verifier key, one line."},
}};

base::Result<int> Run(Context& context, const Args& args) {
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(const auto name, ConfigArgument(args));
  AEGIS_ASSIGN(const auto configuration, LoadChosen(places, name));
  AEGIS_ASSIGN(auto ledger, OpenLedger(context, configuration));
  if (args.Has("--key")) {
    AEGIS_ASSIGN(const ledger::LogKeys keys, KeysOf(ledger));
    context.out.Line(base::ForDisplay(keys.log().back().verifier.Text()));
    return 0;
  }
  AEGIS_ASSIGN(const ledger::StoredCheckpoint checkpoint, ledger.CheckpointAll());
  context.out.Write(checkpoint.note);
  return 0;
}

}  // namespace

const Command kAuditCheckpointCommand = {
    .name = "audit checkpoint",
    .summary = "Print the newest signed checkpoint of the ledger",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "A signed note (c2sp.org/tlog-checkpoint) over all stored entries; it is made if the "
        "newest\n"
        "does not cover them. Whoever keeps one can tell later whether anything before it was\n"
        "changed, cut or replaced.\n",
    .run = Run,
};

}  // namespace aegis::cli
