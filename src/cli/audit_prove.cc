#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/file.h"
#include "base/result.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/entries.h"
#include "ledger/ledger.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::array<Option, 5> kOptions = {{
    {"NAME", Kind::kPositional, "", "Configuration (default: the active one)"},
    {"--config", Kind::kText, "NAME", "The same"},
    {"--index", Kind::kCount, "I", "That the ledger holds its I-th entry, counted from 0"},
    {"--entry", Kind::kText, "ID", "The same for SESSION:SEQ, or for an entry's hash"},
    {"--consistency", Kind::kText, "FILE", "That the ledger extends the checkpoint in FILE"},
}};

constexpr std::array<Example, 3> kExamples = {{
    {"aegis audit prove work --index 41 > 41.tlog-proof", "By position, as in an export."},
    {"aegis audit prove work --entry 0193:7", "By session and seq."},
    {"aegis audit prove work --consistency old.checkpoint", "Hashes in base64, one a line."},
}};

// The session of SESSION:SEQ is named as everywhere else.
base::Result<std::optional<std::string>> EntryArgument(ledger::Ledger& ledger, const Args& args) {
  auto entry = args.Text("--entry");
  const std::size_t colon = entry ? entry->rfind(':') : std::string::npos;
  if (colon == std::string::npos) {
    return entry;
  }
  AEGIS_ASSIGN(const ledger::SessionInfo info, ledger.FindSession(entry->substr(0, colon)));
  return info.session.session_id + entry->substr(colon);
}

base::Result<std::string> Prove(ledger::Snapshot& snapshot, const Args& args,
                                const std::optional<std::string>& entry,
                                const ledger::StoredCheckpoint& checkpoint) {
  if (const auto file = args.Text("--consistency")) {
    AEGIS_ASSIGN(const std::string older, base::ReadFile(*file));
    return ledger::ProveExtension(snapshot, older, checkpoint);
  }
  std::uint64_t index = args.Number("--index").value_or(0);
  if (entry) {
    AEGIS_ASSIGN(index, ledger::FindIndex(snapshot, *entry));
  }
  return ledger::ProveEntry(snapshot, index, checkpoint);
}

base::Result<int> Run(Context& context, const Args& args) {
  const int given = (args.Has("--index") ? 1 : 0) + (args.Has("--entry") ? 1 : 0) +
                    (args.Has("--consistency") ? 1 : 0);
  if (given != 1) {
    return context.Usage("one of --index, --entry and --consistency says what to prove");
  }
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(const auto name, ConfigArgument(args));
  AEGIS_ASSIGN(const auto configuration, LoadChosen(places, name));
  AEGIS_ASSIGN(auto ledger, OpenLedger(context, configuration));
  AEGIS_ASSIGN(const auto entry, EntryArgument(ledger, args));
  AEGIS_ASSIGN(const ledger::StoredCheckpoint checkpoint, ledger.CheckpointAll());
  AEGIS_ASSIGN(const std::unique_ptr<ledger::Snapshot> snapshot, ledger.store().OpenSnapshot());
  AEGIS_ASSIGN(const std::string proof, Prove(*snapshot, args, entry, checkpoint));
  context.out.Write(proof);
  return 0;
}

}  // namespace

const Command kAuditProveCommand = {
    .name = "audit prove",
    .summary = "Print a proof that an entry is in the ledger, or that it extends a checkpoint",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "Proofs are for the newest checkpoint (`audit checkpoint`). That of an entry is a\n"
        "c2sp.org/tlog-proof and holds the checkpoint; docs/ledger-format.md says what the leaf "
        "is.\n",
    .run = Run,
};

}  // namespace aegis::cli
