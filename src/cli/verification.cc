#include "cli/verification.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "canon/canon.h"
#include "cli/context.h"
#include "cli/json.h"
#include "cli/text.h"
#include "cli/witnesses.h"
#include "config/config.h"
#include "ledger/ledger.h"
#include "witness/witness.h"

namespace aegis::cli {
namespace {

using nlohmann::ordered_json;

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

ordered_json WitnessJson(const ledger::VerifyReport& report) {
  if (!report.witnessed) {
    return nullptr;
  }
  return {{"entries", report.witnessed->size},
          {"time", report.witnessed->time},
          {"by", report.witnessed->name}};
}

// What the configuration's witness files have seen: the ledger must extend it.
base::Result<> AddWitnessFiles(Context& context, const Places& places,
                               const config::Configuration& configuration, ledger::Ledger& ledger,
                               ledger::VerifyOptions& options) {
  AEGIS_ASSIGN(const std::vector<canon::VerifierKey> keys, LogKeysOf(ledger));
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

}  // namespace

base::Result<std::vector<canon::VerifierKey>> LogKeysOf(ledger::Ledger& ledger) {
  AEGIS_ASSIGN(const auto snapshot, ledger.store().OpenSnapshot());
  const auto known = ledger::LogKeys::Read(*snapshot);
  std::vector<canon::VerifierKey> keys;
  for (const ledger::LogKey& key : known ? known->log() : std::vector<ledger::LogKey>()) {
    keys.push_back(key.verifier);
  }
  return keys;
}

bool IsUndrained(const ledger::JournalFinding& journal) {
  return journal.kind == ledger::JournalFinding::Kind::kUndrained;
}

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
  if (finding.id && *finding.id > 0) {
    text += "(row " + std::to_string(*finding.id) + ") ";
  }
  return text + (text.empty() ? "" : ": ") + std::string(ledger::FindingKindName(finding.kind)) +
         ": " + finding.what;
}

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

ordered_json VerificationJson(const ledger::VerifyReport& report) {
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
          {"policy_sets", report.policy_sets},
          {"absent_policy_sets", report.absent_policy_sets},
          {"checkpoints", report.checkpoints},
          {"signed_entries", OrNull(report.signed_size)},
          {"witnessed", WitnessJson(report)},
          {"bad", report.findings.count()},
          {"findings", findings},
          {"unread_journals", undrained}};
}

base::Result<ledger::VerifyReport> VerifyLedger(Context& context, const Places& places,
                                                const config::Configuration& configuration,
                                                ledger::Ledger& ledger,
                                                ledger::VerifyOptions options) {
  AEGIS_TRY(AddWitnessFiles(context, places, configuration, ledger, options));
  Progress progress(context);
  options.progress = [&progress](std::uint64_t done, std::uint64_t total) {
    progress.Tell(done, total);
  };
  return ledger.Verify(options);
}

}  // namespace aegis::cli
