#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "canon/canon.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/entries.h"
#include "cli/json.h"
#include "cli/text.h"
#include "cli/verification.h"
#include "config/config.h"
#include "ledger/ledger.h"
#include "witness/witness.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::array<Option, 6> kOptions = {{
    {"NAME", Kind::kPositional, "", "Configuration (default: the active one)"},
    {"--config", Kind::kText, "NAME", "The same"},
    {"--checkpoint", Kind::kTexts, "FILE",
     "A checkpoint kept elsewhere, or a witness' file; the ledger must extend it"},
    {"--key", Kind::kTexts, "KEY",
     "A verifier key kept elsewhere; the ledger must be signed by it or its successors"},
    {"--threads", Kind::kNumber, "N", "How many read and hash (default: one for each processor)"},
    {"--json", Kind::kFlag, "", "The report as JSON"},
}};

constexpr std::array<Example, 2> kExamples = {{
    {"aegis audit verify work", "Exit code 0 only if everything verifies."},
    {"aegis audit verify work --checkpoint work.checkpoint",
     "Finds rewritten histories too, if the file was kept where nobody could change it."},
}};

// What a file keeps: one checkpoint, or, if a witness wrote it, the newest of this ledger. One that
// no key of the ledger has signed is taken as it is, so that verification says so. Another kind of
// file says nothing about the ledger.
base::Result<std::string> KeptNote(const std::string& file,
                                   std::span<const canon::VerifierKey> keys) {
  const auto newest = witness::ReadNewest(file, keys);
  if (newest && *newest) {
    return (*newest)->note.Text();
  }
  AEGIS_ASSIGN(std::string text, base::ReadFile(file));
  const auto note = canon::SignedNote::Parse(text);
  const auto checkpoint = note ? ledger::Checkpoint::Parse(note->text) : base::Fail(note.error());
  if (!checkpoint) {
    return base::Fail(base::Errc::kInvalid,
                      base::EscapeName(file) +
                          " holds no checkpoint of this ledger: " + checkpoint.error().message());
  }
  return text;
}

base::Result<> RequireKeys(const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    if (!canon::VerifierKey::Parse(key)) {
      return base::Fail(base::Errc::kInvalid,
                        "--key: \"" + key +
                            "\" is no verifier key: a line NAME+HASH+BASE64, as `aegis audit "
                            "checkpoint --key` prints it");
    }
  }
  return {};
}

base::Result<ledger::VerifyOptions> OptionsOf(const Args& args,
                                              std::span<const canon::VerifierKey> keys) {
  ledger::VerifyOptions options;
  for (const std::string& file : args.Texts("--checkpoint")) {
    AEGIS_ASSIGN(std::string note, KeptNote(file, keys));
    options.kept.push_back(
        {.note = std::move(note), .from = "checkpoint " + base::EscapeName(file)});
  }
  options.pinned_keys = args.Texts("--key");
  AEGIS_TRY(RequireKeys(options.pinned_keys));
  options.threads = static_cast<unsigned>(std::min<std::uint64_t>(
      args.Number("--threads").value_or(0), std::numeric_limits<unsigned>::max()));
  return options;
}

void Print(Context& context, const ledger::VerifyReport& report, const std::string& name) {
  const std::string seen =
      Count(report.sessions, "session") + ", " + std::to_string(report.entries) +
      (report.entries == 1 ? " entry" : " entries") +
      (report.erased == 0 ? std::string()
                          : " (" + std::to_string(report.erased) + " erased by policy)");
  if (Verified(report)) {
    context.out.Line(context.out.Good("valid") + ": " + name + ", " + seen);
    context.out.Line("  " + Vouched(report));
    if (report.absent_policy_sets > 0) {
      context.out.Line("  the texts of " + Count(report.absent_policy_sets, "set") +
                       " of policies are not here: no import brings them");
    }
    return;
  }
  context.out.Line(context.out.Bad("INVALID") + ": " + name + ", " + seen + ", " +
                   Count(report.findings.count(), "finding"));
  for (const ledger::Finding& finding : report.findings.first()) {
    context.out.Line("  " + base::ForDisplay(Describe(finding)));
  }
  for (const ledger::JournalFinding& journal : report.journals) {
    if (IsUndrained(journal)) {
      context.out.Line("  " + base::ForDisplay("unread journal " + base::EscapeName(journal.path) +
                                               ": " + journal.detail));
    }
  }
}

int Conclude(Context& context, const Args& args, const std::string& name,
             const ledger::VerifyReport& report) {
  if (args.Has("--json")) {
    PrintJson(context.out, VerificationJson(report));
  } else {
    Print(context, report, name);
  }
  if (Verified(report)) {
    return 0;
  }
  context.Say("the ledger of \"" + name + "\" does not verify" +
              (report.ok() ? "" : ": " + Describe(report.findings.first().front())));
  return 1;
}

base::Result<int> Run(Context& context, const Args& args) {
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(const auto name, ConfigArgument(args));
  AEGIS_ASSIGN(const auto configuration, LoadChosen(places, name));
  AEGIS_ASSIGN(auto ledger, OpenLedger(context, configuration));
  AEGIS_ASSIGN(const std::vector<canon::VerifierKey> keys, LogKeysOf(ledger));
  AEGIS_ASSIGN(ledger::VerifyOptions options, OptionsOf(args, keys));
  AEGIS_ASSIGN(const ledger::VerifyReport report,
               VerifyLedger(context, places, configuration, ledger, std::move(options)));
  return Conclude(context, args, configuration.name, report);
}

}  // namespace

const Command kAuditVerifyCommand = {
    .name = "audit verify",
    .summary = "Recompute every hash of the ledger; name the first bad entry",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "Exit code 0 only if everything verifies. It finds edited, missing, reordered and forked\n"
        "entries, and names them. Who can write both the ledger and its key can rewrite all of "
        "it:\n"
        "that is found by a checkpoint or key that was kept elsewhere, or by a witness.\n",
    .run = Run,
};

}  // namespace aegis::cli
