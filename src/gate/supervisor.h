#pragma once

#include <sys/types.h>

#include <optional>
#include <vector>

#include "base/unique_fd.h"
#include "decision/decision.h"
#include "gate/published_ports.h"
#include "gate/roots.h"
#include "ledger/journal.h"
#include "ledger/masker.h"
#include "sandbox/init.h"
#include "sandbox/plan.h"

namespace aegis::gate {

// What the launcher hands to the process that it forks.
struct SupervisorInput {
  sandbox::Plan plan;
  std::optional<decision::Decider> decider;
  ledger::JournalWriter* journal = nullptr;  // the launcher's, used in the child alone
  ledger::Masker masker;
  Roots roots;                     // host roots opened
  base::UniqueFd launcher_socket;  // SOCK_SEQPACKET
  base::UniqueFd init_control;     // becomes init's
  sandbox::SignalState signals;
  pid_t launcher = 0;
  bool root = false;
  bool network_ordered = false;  // RunSpec's
  std::vector<OpenPort> published;
};

// How a supervisor exits whose memory is used up.
constexpr int kOutOfMemory = 3;

// The supervisor's life, in a process forked for it: enters the sandbox's namespaces, starts init,
// and answers notifications until init is dead. Never returns; the process exits 0 when init ended,
// 1 after it has sent a failure, kOutOfMemory without a word.
[[noreturn]] void RunSupervisor(SupervisorInput input);

}  // namespace aegis::gate
