#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "ledger/ledger.h"
#include "witness/publisher.h"
#include "witness/settings.h"

namespace aegis::witness {

// The launcher's side of witnesses: while a run appends, a checkpoint is made once a second and
// handed over by other threads; what witnesses sign is kept in the ledger. One thread; no process
// forks while it lives.
class Witnessing {
 public:
  // Begins to hand over. `ledger` must outlive it. Where witnesses are required they must take a
  // checkpoint of the ledger as it stands first: kUnavailable, with who did not and why, otherwise.
  static base::Result<std::unique_ptr<Witnessing>> Start(const Settings& settings,
                                                         ledger::Ledger& ledger);

  // Drains; once a second what was drained is signed and handed over. Never waits for a witness.
  void Drain(ledger::Sequencer& sequencer);

  // Hands the last checkpoint over and waits for it a little. What went wrong, for people.
  std::vector<std::string> Finish(const ledger::StoredCheckpoint& last);

 private:
  using Clock = std::chrono::steady_clock;

  Witnessing(const Settings& settings, ledger::Ledger& ledger, std::unique_ptr<Publisher> publisher)
      : settings_(settings), ledger_(ledger), publisher_(std::move(publisher)) {}

  base::Result<> Offer(const ledger::StoredCheckpoint& checkpoint);
  base::Result<> RequireAll();
  void KeepReports();

  Settings settings_;
  ledger::Ledger& ledger_;
  std::unique_ptr<Publisher> publisher_;
  Clock::time_point next_checkpoint_ = Clock::now();
  std::uint64_t offered_ = 0;         // size of the tree that was offered last
  std::uint64_t signed_entries_ = 0;  // of this run, when it was
  std::string keeping_error_;         // why cosignatures could not be kept
};

}  // namespace aegis::witness
