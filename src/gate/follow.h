#pragma once

#include <signal.h>
#include <sys/types.h>

#include <optional>

#include "base/result.h"
#include "base/unique_fd.h"
#include "ledger/sequencer.h"

namespace aegis::gate {

// How the command ended, as far as it is known.
struct CommandEnd {
  std::optional<int> status;      // as from waitpid(2); none when the supervisor died first
  std::optional<int> exec_error;  // errno of the execve that failed
};

// The launcher's side while the command runs: drains the journal, passes signals on, stops and goes
// on with the job. One thread.
class Follower {
 public:
  // Blocks the signals it will pass on; what arrives from here on is kept for Follow.
  static base::Result<Follower> Start();

  // Until the supervisor is dead. `control`: the other end of init's control socket. A ledger that
  // fails makes the journal refuse (sequencer.h); the run then starves, and the error comes back
  // from Sequencer::Finish.
  CommandEnd Follow(pid_t supervisor, int control, ledger::Sequencer& sequencer);

 private:
  explicit Follower(base::UniqueFd signals) : signals_(std::move(signals)) {}

  void PassSignals(int control, pid_t supervisor);
  void TakeEvents(int control, CommandEnd& end);
  void StopWithCommand();

  base::UniqueFd signals_;
  bool supervisor_dead_ = false;
  bool continued_ = false;  // SIGCONT came since the last look
  bool stopped_ = false;    // the command is stopped, as far as init said
};

}  // namespace aegis::gate
