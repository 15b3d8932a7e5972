#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "canon/canon.h"
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

// The size of the tree that an earlier export in `directory` is of; 0 if there is none. An error if
// the ledger does not extend it: its files are no part of the new tree then.
base::Result<std::uint64_t> ExportedSize(ledger::Snapshot& snapshot, const std::string& directory,
                                         const ledger::StoredCheckpoint& checkpoint) {
  const std::string path = directory + "/checkpoint";
  const auto text = base::ReadFile(path);
  if (!text && text.error().code() == base::Errc::kNotFound) {
    return 0;
  }
  const auto note = text ? canon::SignedNote::Parse(*text)
                         : base::Result<canon::SignedNote>(base::Fail(text.error()));
  const auto older = note ? ledger::Checkpoint::Parse(note->text)
                          : base::Result<ledger::Checkpoint>(base::Fail(note.error()));
  const auto extends = older ? ledger::ProveExtension(snapshot, *text, checkpoint)
                             : base::Result<std::string>(base::Fail(older.error()));
  if (!extends) {
    return base::Fail(
        base::Error(extends.error()).Within("write beside " + base::EscapeName(path)));
  }
  return older->size;
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
  AEGIS_ASSIGN(const ledger::StoredCheckpoint checkpoint, ledger.CheckpointAll());
  AEGIS_ASSIGN(const std::unique_ptr<ledger::Snapshot> snapshot, ledger.store().OpenSnapshot());
  AEGIS_ASSIGN(const std::uint64_t old_size, ExportedSize(*snapshot, *directory, checkpoint));
  std::uint64_t files = 0;
  AEGIS_TRY(ledger::ExportTiles(*snapshot, old_size, checkpoint,
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
        "directory, only what is new is added; a directory with tiles of another tree is "
        "refused.\n",
    .run = Run,
};

}  // namespace aegis::cli
