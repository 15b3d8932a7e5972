#include <array>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/result.h"
#include "base/text.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/entries.h"
#include "cli/json.h"
#include "ledger/ledger.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::array<Option, 4> kOptions = {{
    {"NAME", Kind::kPositional, "", "Configuration (default: the active one)"},
    {"--config", Kind::kText, "NAME", "The same"},
    {"--rotate", Kind::kFlag, "", "Replace the key by a fresh one, which the old one endorses"},
    {"--json", Kind::kFlag, "", "As JSON, with the endorsements"},
}};

constexpr std::array<Example, 2> kExamples = {{
    {"aegis audit keys work", "Every key that ever signed, and those of witnesses."},
    {"aegis audit keys work --rotate", "From here on, another key signs."},
}};

base::Result<> Rotate(ledger::Ledger& ledger) {
  AEGIS_TRY(
      ledger.CheckpointAll());  // noted, so that what the old key signed last is not forgotten
  AEGIS_ASSIGN(ledger::LedgerSigner* const signer, ledger.Signer());
  return signer->Rotate(ledger.directory(), ledger.store());
}

base::Result<int> Run(Context& context, const Args& args) {
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(const auto name, ConfigArgument(args));
  AEGIS_ASSIGN(const auto configuration, LoadChosen(places, name));
  AEGIS_ASSIGN(auto ledger, OpenLedger(context, configuration));
  if (args.Has("--rotate")) {
    AEGIS_TRY(Rotate(ledger));
  }
  AEGIS_TRY(KeysOf(ledger));
  AEGIS_ASSIGN(const std::unique_ptr<ledger::Snapshot> snapshot, ledger.store().OpenSnapshot());
  nlohmann::ordered_json document = nlohmann::ordered_json::array();
  const bool json = args.Has("--json");
  AEGIS_TRY(snapshot->Keys([&](const base::Result<ledger::StoredKey>& key) -> base::Result<bool> {
    if (!key) {
      return base::Fail(key.error());
    }
    if (json) {
      document.push_back({{"id", key->id},
                          {"role", key->role},
                          {"verifier", key->verifier},
                          {"endorsement", key->endorsement}});
    } else {
      context.out.Line(base::ForDisplay(key->verifier));
    }
    return true;
  }));
  if (json) {
    PrintJson(context.out, document);
  }
  return 0;
}

}  // namespace

const Command kAuditKeysCommand = {
    .name = "audit keys",
    .summary = "Print the keys that verify the ledger's checkpoints, or change to a new one",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "Verifier keys (c2sp.org/signed-note), one a line: the ledger's own in their order, each\n"
        "endorsed by the one before, and those of witnesses. Keep one elsewhere: `audit verify\n"
        "--key` fails unless it, or one that it endorsed, has signed the ledger.\n",
    .run = Run,
};

}  // namespace aegis::cli
