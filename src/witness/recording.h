#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "ledger/ledger.h"
#include "witness/settings.h"
#include "witness/witnessing.h"

namespace aegis::witness {

// The ledger while a run appends to it, and the witnesses that are told. The launcher's; one
// thread.
class Recording {
 public:
  // kUnavailable if witnesses are required and one can't be reached.
  static base::Result<Recording> Open(const std::string& state_dir, const Settings& witnesses);

  ledger::Store& store() { return ledger_->store(); }

  // A failure makes every later append fail, and Finish tells it.
  void Drain(ledger::Sequencer& sequencer);

  // Stores the last entries together with a checkpoint over all, and hands it to the witnesses.
  // Gives what went wrong with the checkpoint, for people: the entries are stored all the same. An
  // error: why the ledger has failed.
  base::Result<std::vector<std::string>> Finish(ledger::Sequencer& sequencer);

 private:
  Recording(std::unique_ptr<ledger::Ledger> ledger, std::unique_ptr<Witnessing> witnessing)
      : ledger_(std::move(ledger)), witnessing_(std::move(witnessing)) {}

  std::unique_ptr<ledger::Ledger> ledger_;
  std::unique_ptr<Witnessing> witnessing_;  // null without witnesses
};

}  // namespace aegis::witness
