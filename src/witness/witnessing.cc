#include "witness/witnessing.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "canon/canon.h"
#include "ledger/ledger.h"
#include "witness/publisher.h"
#include "witness/settings.h"
#include "witness/sink.h"
#include "witness/target.h"

namespace aegis::witness {
namespace {

using base::Result;

// A checkpoint leaves the machine within a second of its entries.
constexpr std::chrono::milliseconds kInterval(900);
// How long a run's end, or a beginning that requires them, waits for witnesses.
constexpr std::chrono::milliseconds kPatience(2000);

std::vector<std::string> Failures(const Publisher& publisher) {
  std::vector<std::string> failures;
  for (const SinkState& state : publisher.States()) {
    if (state.offered != state.published) {
      failures.push_back("witness " + base::ForDisplay(TargetText(state.target)) +
                         " has not taken the last checkpoint" +
                         (state.error.empty() ? std::string() : ": " + state.error));
    }
  }
  return failures;
}

}  // namespace

Result<std::unique_ptr<Witnessing>> Witnessing::Start(const Settings& settings,
                                                      ledger::Ledger& ledger) {
  AEGIS_ASSIGN(auto sinks, MakeSinks(settings));
  AEGIS_ASSIGN(auto publisher, Publisher::Start(std::move(sinks)));
  std::unique_ptr<Witnessing> made(new Witnessing(settings, ledger, std::move(publisher)));
  if (settings.required) {
    AEGIS_TRY(made->RequireAll());
  }
  return made;
}

Result<> Witnessing::RequireAll() {
  AEGIS_ASSIGN(const ledger::LedgerSigner signer,
               ledger::LedgerSigner::Open(ledger_.directory(), ledger_.store()));
  AEGIS_ASSIGN(const ledger::StoredCheckpoint checkpoint,
               ledger::CheckpointOfAll(ledger_.store(), signer));
  AEGIS_TRY(ledger_.NoteCheckpoint(checkpoint));
  AEGIS_TRY(Offer(checkpoint));
  const bool taken = publisher_->Flush(Clock::now() + kPatience);
  KeepReports();
  if (taken) {
    return {};
  }
  const std::vector<std::string> failures = Failures(*publisher_);
  return base::Fail(base::Errc::kUnavailable,
                    failures.empty() ? "a witness did not answer in time" : failures.front());
}

Result<> Witnessing::Offer(const ledger::StoredCheckpoint& checkpoint) {
  AEGIS_ASSIGN(const canon::SignedNote note, canon::SignedNote::Parse(checkpoint.note));
  AEGIS_ASSIGN(const ledger::Checkpoint body, ledger::Checkpoint::Parse(note.text));
  const std::string path = ledger_.directory() + "/audit.db";
  publisher_->Offer({.origin = body.origin,
                     .size = body.size,
                     .root = body.root,
                     .note = checkpoint.note,
                     .prove_consistency = [path, size = body.size](std::uint64_t old_size) {
                       return ledger::ProveByPath(path, old_size, size);
                     }});
  offered_ = checkpoint.size;
  return {};
}

void Witnessing::Drain(ledger::Sequencer& sequencer) {
  if (Clock::now() < next_checkpoint_) {
    (void)sequencer.Drain();  // a failure makes every later append fail, and Finish tells it
    KeepReports();
    return;
  }
  // The key is held for this moment only, so that it can be changed while the run goes on.
  const auto signer = ledger::LedgerSigner::Open(ledger_.directory(), ledger_.store());
  if (signer) {
    sequencer.SignNext(signer->AsCheckpointSigner());
  }
  (void)sequencer.Drain();
  sequencer.SignNext(nullptr);  // there may have been nothing to sign
  std::optional<ledger::StoredCheckpoint> made = sequencer.checkpoint();
  const bool new_one = made && made->size != offered_;
  if (!new_one && signer && sequencer.entries() > signed_entries_) {
    // They were drained when the next checkpoint was not due yet.
    const auto all = ledger::CheckpointOfAll(ledger_.store(), *signer);
    made = all ? std::optional(*all) : std::nullopt;
  }
  if (made && made->size != offered_) {
    (void)Offer(*made);                   // it was made just now, and parses
    (void)ledger_.NoteCheckpoint(*made);  // the next one is noted again
    signed_entries_ = sequencer.entries();
    next_checkpoint_ = Clock::now() + kInterval;
  }
  KeepReports();
}

void Witnessing::KeepReports() {
  for (const Report& report : publisher_->Poll()) {
    if (!report.outcome || report.outcome->empty()) {
      continue;
    }
    const auto kept = ledger::KeepCosignatures(ledger_.store(), report.submission->size,
                                               *report.outcome, settings_.keys);
    if (!kept) {
      keeping_error_ = kept.error().message();
    }
  }
}

std::vector<std::string> Witnessing::Finish(const ledger::StoredCheckpoint& last) {
  if (auto offered = Offer(last); !offered) {
    return {"no witness was told: " + offered.error().message()};
  }
  (void)publisher_->Flush(Clock::now() + kPatience);
  KeepReports();
  std::vector<std::string> failures = Failures(*publisher_);
  if (!keeping_error_.empty()) {
    failures.push_back("a witness's signature could not be kept: " + keeping_error_);
  }
  return failures;
}

}  // namespace aegis::witness
