#include "witness/recording.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "ledger/ledger.h"
#include "witness/settings.h"
#include "witness/witnessing.h"

namespace aegis::witness {

base::Result<Recording> Recording::Open(const std::string& state_dir, const Settings& witnesses) {
  AEGIS_ASSIGN(auto opened, ledger::Ledger::Open(state_dir, ledger::Ledger::Mode::kCreate));
  auto ledger = std::make_unique<ledger::Ledger>(std::move(opened));
  std::unique_ptr<Witnessing> witnessing;
  if (!witnesses.targets.empty()) {
    AEGIS_ASSIGN(witnessing, Witnessing::Start(witnesses, *ledger));
  }
  return Recording(std::move(ledger), std::move(witnessing));
}

void Recording::Drain(ledger::Sequencer& sequencer) {
  if (witnessing_) {
    witnessing_->Drain(sequencer);
  } else {
    (void)sequencer.Drain();
  }
}

base::Result<std::vector<std::string>> Recording::Finish(ledger::Sequencer& sequencer) {
  std::vector<std::string> warnings;
  const auto warn = [&warnings](const base::Error& error) {
    warnings.push_back("no checkpoint was made: " + error.message());
  };
  const auto signer = ledger_->Signer();
  if (signer) {
    sequencer.SignNext((*signer)->AsCheckpointSigner());
  } else {
    warn(signer.error());
  }
  AEGIS_TRY(sequencer.Finish());
  if (sequencer.sign_error()) {
    warn(*sequencer.sign_error());
  }
  if (sequencer.checkpoint()) {
    if (const auto noted = ledger_->NoteCheckpoint(*sequencer.checkpoint()); !noted) {
      warn(noted.error());
    }
    if (witnessing_) {
      const std::vector<std::string> failures = witnessing_->Finish(*sequencer.checkpoint());
      warnings.insert(warnings.end(), failures.begin(), failures.end());
    }
  }
  return warnings;
}

}  // namespace aegis::witness
