#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/entries.h"
#include "cli/text.h"
#include "ledger/ledger.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::array<Option, 3> kOptions = {{
    {"NAME", Kind::kPositional, "", "Configuration (default: the active one)"},
    {"--config", Kind::kText, "NAME", "The same"},
    {"--out", Kind::kText, "DIR", "Where to write; made if it is missing"},
}};

constexpr std::array<Example, 1> kExamples = {{
    {"aegis audit tiles work --out /srv/www/work-log", "Any web server can serve it then."},
}};

// The size that an earlier export in `directory` has reached; 0 if there is none that is ours.
std::uint64_t ExportedSize(const std::string& directory, const std::string& origin) {
  const auto text = base::ReadFile(directory + "/checkpoint");
  const auto note = text ? canon::SignedNote::Parse(*text)
                         : base::Result<canon::SignedNote>(base::Fail(text.error()));
  const auto checkpoint = note ? ledger::Checkpoint::Parse(note->text)
                               : base::Result<ledger::Checkpoint>(base::Fail(note.error()));
  return checkpoint && checkpoint->origin == origin ? checkpoint->size : 0;
}

base::Result<> Put(const std::string& directory, const std::string& path,
                   std::string_view content) {
  const std::string file = directory + "/" + path;
  AEGIS_TRY(base::MakeDirectories(file.substr(0, file.rfind('/')), 0755));
  return base::WriteFileAtomic(file, content, 0644);
}

base::Result<int> Run(Context& context, const Args& args) {
  const auto directory = args.Text("--out");
  if (!directory || directory->empty()) {
    return context.Usage("--out DIR says where to write");
  }
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(const auto name, ConfigArgument(args));
  AEGIS_ASSIGN(const auto configuration, LoadChosen(places, name));
  AEGIS_ASSIGN(auto ledger, OpenLedger(context, configuration));
  AEGIS_ASSIGN(ledger::LedgerSigner* const signer, ledger.Signer());
  AEGIS_ASSIGN(const ledger::StoredCheckpoint checkpoint,
               ledger::CheckpointOfAll(ledger.store(), *signer));
  AEGIS_TRY(ledger.NoteCheckpoint(checkpoint));
  const std::uint64_t old_size = ExportedSize(*directory, signer->verifier().name);
  AEGIS_ASSIGN(const std::unique_ptr<ledger::Snapshot> snapshot, ledger.store().OpenSnapshot());
  std::uint64_t files = 0;
  AEGIS_TRY(ledger::ExportTiles(*snapshot, std::min(old_size, checkpoint.size), checkpoint,
                                [&](const std::string& path, std::string_view content) {
                                  ++files;
                                  return Put(*directory, path, content);
                                }));
  context.Note(Count(files, "file") + " written, for a tree of " + std::to_string(checkpoint.size) +
               " entries");
  return 0;
}

}  // namespace

const Command kAuditTilesCommand = {
    .name = "audit tiles",
    .summary = "Write the ledger's tree as static files that log verifiers read",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "c2sp.org/tlog-tiles: checkpoint, tile/LEVEL/INDEX, tile/entries/INDEX. The entries in it "
        "are\n"
        "leaves (hash, seq, session, tenant); contents stay here. Written again into the same\n"
        "directory, only what is new is added.\n",
    .run = Run,
};

}  // namespace aegis::cli
