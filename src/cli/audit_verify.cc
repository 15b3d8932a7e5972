#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
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
#include "cli/witnesses.h"
#include "config/config.h"
#include "ledger/ledger.h"
#include "witness/witness.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;
using nlohmann::ordered_json;

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

// How far the work is, on a terminal only; the line is gone at the end.
class Progress {
 public:
  explicit Progress(const Context& context)
      : shown_(!context.quiet && isatty(STDERR_FILENO) == 1) {}
  ~Progress() {
    if (said_) {
      Say("\r\033[K");
    }
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void Tell(std::uint64_t done, std::uint64_t total) {
    const auto now = std::chrono::steady_clock::now();
    if (!shown_ || now < next_) {
      return;
    }
    next_ = now + std::chrono::milliseconds(200);
    said_ = true;
    Say("\r\033[Kverified " + std::to_string(done) + " of " + std::to_string(total) + " entries (" +
        std::to_string(total == 0 ? 100 : done * 100 / total) + " %)");
  }

 private:
  static void Say(std::string_view text) {
    (void)base::WriteAll(STDERR_FILENO, text);  // a lost progress line is no error
  }
  bool shown_;
  bool said_ = false;
  // What is done sooner needs no progress.
  std::chrono::steady_clock::time_point next_ =
      std::chrono::steady_clock::now() + std::chrono::seconds(1);
};

// The keys that the ledger says are its own; verification tells what is wrong with them.
base::Result<std::vector<canon::VerifierKey>> LogKeysOf(ledger::Ledger& ledger) {
  AEGIS_ASSIGN(const auto snapshot, ledger.store().OpenSnapshot());
  const auto known = ledger::LogKeys::Read(*snapshot);
  std::vector<canon::VerifierKey> keys;
  for (const ledger::LogKey& key : known ? known->log() : std::vector<ledger::LogKey>()) {
    keys.push_back(key.verifier);
  }
  return keys;
}

// What a file keeps: one checkpoint, or, if a witness wrote it, the newest of this ledger. One that
// no key of the ledger has signed is taken as it is, so that verification says so.
base::Result<std::string> KeptNote(const std::string& file,
                                   std::span<const canon::VerifierKey> keys) {
  const auto newest = witness::ReadNewest(file, keys);
  if (newest && *newest) {
    return (*newest)->note.Text();
  }
  return base::ReadFile(file);
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
  options.threads = static_cast<unsigned>(std::min<std::uint64_t>(
      args.Number("--threads").value_or(0), std::numeric_limits<unsigned>::max()));
  return options;
}

bool IsUndrained(const ledger::JournalFinding& journal) {
  return journal.kind == ledger::JournalFinding::Kind::kUndrained;
}

// Entries that could not be read for the ledger were not verified either.
bool Verified(const ledger::VerifyReport& report) {
  return report.ok() && std::ranges::none_of(report.journals, IsUndrained);
}

std::string Describe(const ledger::Finding& finding) {
  std::string text;
  if (!finding.session_id.empty()) {
    text += "session " + finding.session_id + " ";
  }
  if (finding.seq) {
    text += "seq " + std::to_string(*finding.seq) + " ";
  }
  if (finding.id) {
    text += "(row " + std::to_string(*finding.id) + ") ";
  }
  return text + (text.empty() ? "" : ": ") + std::string(ledger::FindingKindName(finding.kind)) +
         ": " + finding.what;
}

ordered_json WitnessJson(const ledger::VerifyReport& report) {
  if (!report.witnessed) {
    return nullptr;
  }
  return {{"entries", report.witnessed->size},
          {"time", report.witnessed->time},
          {"by", report.witnessed->name}};
}

// How far the ledger's word can be held against somebody else's.
std::string Vouched(const ledger::VerifyReport& report) {
  std::string text = report.signed_size
                         ? "signed up to entry " + std::to_string(*report.signed_size)
                         : std::string("no checkpoint yet");
  if (!report.witnessed) {
    return text + "; no witness has seen any of it";
  }
  return text + "; witnessed up to entry " + std::to_string(report.witnessed->size) + " by " +
         base::ForDisplay(report.witnessed->name) + " at " +
         FormatTime(static_cast<std::int64_t>(report.witnessed->time) * 1000);
}

ordered_json AsJson(const ledger::VerifyReport& report) {
  ordered_json findings = ordered_json::array();
  for (const ledger::Finding& finding : report.findings.first()) {
    findings.push_back({{"kind", ledger::FindingKindName(finding.kind)},
                        {"session_id", finding.session_id},
                        {"seq", OrNull(finding.seq)},
                        {"id", OrNull(finding.id)},
                        {"what", finding.what}});
  }
  ordered_json undrained = ordered_json::array();
  for (const ledger::JournalFinding& journal : report.journals) {
    if (IsUndrained(journal)) {
      undrained.push_back({{"path", base::EscapeName(journal.path)}, {"detail", journal.detail}});
    }
  }
  return {{"valid", Verified(report)},
          {"entries", report.entries},
          {"sessions", report.sessions},
          {"erased", report.erased},
          {"checkpoints", report.checkpoints},
          {"signed_entries", OrNull(report.signed_size)},
          {"witnessed", WitnessJson(report)},
          {"bad", report.findings.count()},
          {"findings", findings},
          {"unread_journals", undrained}};
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

// What the configuration's witness files have seen: the ledger must extend it.
base::Result<> AddWitnessFiles(Context& context, const Places& places,
                               const config::Configuration& configuration,
                               std::span<const canon::VerifierKey> keys,
                               ledger::VerifyOptions& options) {
  AEGIS_ASSIGN(const witness::Settings settings, ChooseWitnesses(places, configuration, {}));
  for (const witness::Target& target : settings.targets) {
    const auto* const file = std::get_if<witness::FileTarget>(&target);
    if (file == nullptr) {
      continue;
    }
    const std::string name = "witness " + base::EscapeName(file->path);
    const auto newest = witness::ReadNewest(file->path, keys);
    if (!newest || !*newest) {
      context.Say(name + ": " +
                  (newest ? "has seen nothing of this ledger" : newest.error().message()));
      continue;
    }
    context.Note(name + " has seen the first " + std::to_string((*newest)->checkpoint.size) +
                 " entries");
    options.kept.push_back({.note = (*newest)->note.Text(), .from = name});
  }
  return {};
}

base::Result<ledger::VerifyReport> Verify(const Context& context, ledger::Ledger& ledger,
                                          ledger::VerifyOptions options) {
  Progress progress(context);
  options.progress = [&progress](std::uint64_t done, std::uint64_t total) {
    progress.Tell(done, total);
  };
  return ledger.Verify(options);
}

int Conclude(Context& context, const Args& args, const std::string& name,
             const ledger::VerifyReport& report) {
  if (args.Has("--json")) {
    PrintJson(context.out, AsJson(report));
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
  AEGIS_TRY(AddWitnessFiles(context, places, configuration, keys, options));
  AEGIS_ASSIGN(const ledger::VerifyReport report, Verify(context, ledger, std::move(options)));
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
