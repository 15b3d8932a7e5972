#pragma once

#include <sys/types.h>

#include <chrono>
#include <semaphore>
#include <unordered_map>
#include <unordered_set>

#include "base/result.h"
#include "gate/lifecycle.h"
#include "gate/roots.h"
#include "gate/serving.h"
#include "gate/shared_cpu.h"

namespace aegis::gate {

// Follows the command and everything that descends from it (ptrace(2), PTRACE_SEIZE): nothing is
// made, runs another image or ends without Lifecycle being told, and everything traced is killed
// when the tracing thread dies. Signals and stops take their course as without a tracer.
//
// One thread traces, and reads no memory of what it traces.
class Tracer {
 public:
  Tracer(const Roots& roots, Lifecycle& lifecycle, Serving& serving, SharedCpu& cpu)
      : roots_(roots), lifecycle_(lifecycle), serving_(serving), cpu_(cpu) {}

  // Starts the thread. On success everything that `command` does from now on is traced; it must be
  // a descendant that waits before its execve.
  base::Result<> Start(pid_t command);

  // Waits until nothing that was traced is left, and its end is recorded. False after `patience`.
  bool AwaitEnd(std::chrono::seconds patience) { return ended_.try_acquire_for(patience); }

 private:
  void Follow();
  void Stopped(pid_t tid, int status);
  void Made(pid_t maker, pid_t child);
  void Executed(pid_t pid);
  void Ended(pid_t tid, int status);
  void FirstSeen(pid_t tid);
  void RecordStart(pid_t child, pid_t parent);

  const Roots& roots_;
  Lifecycle& lifecycle_;
  Serving& serving_;
  SharedCpu& cpu_;
  std::unordered_map<pid_t, pid_t> threads_;  // tid -> process
  std::unordered_set<pid_t> early_;           // were seen before their makers reported them
  std::binary_semaphore ended_{0};
};

}  // namespace aegis::gate
