#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <future>
#include <mutex>
#include <semaphore>
#include <unordered_map>
#include <unordered_set>
#include <vector>

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
// One thread traces, and reads no memory of what it traces. SIGUSR2, which must have a handler and
// be blocked when it starts (InstallWakeSignal), wakes it.
class Tracer {
 public:
  Tracer(const Roots& roots, Lifecycle& lifecycle, Serving& serving, SharedCpu& cpu)
      : roots_(roots), lifecycle_(lifecycle), serving_(serving), cpu_(cpu) {}

  // Starts the thread. On success everything that `command` does from now on is traced; it must be
  // a descendant that waits before its execve.
  base::Result<> Start(pid_t command);

  // Waits until nothing that was traced is left, and its end is recorded. False after `patience`.
  bool AwaitEnd(std::chrono::seconds patience) { return ended_.try_acquire_for(patience); }

  // From any other thread: lets `tid` look for signals and stops when its system call returns, as
  // if a signal had come. Only then may the call return ERESTARTSYS: the kernel makes it again, or
  // EINTR of it. False: it is not traced (any more), or the tracing thread does not come to it.
  bool Interrupt(pid_t tid);

  // From any thread: whether job control stops this process, as far as one of its threads was
  // reported. A thread that waits in the kernel may be what the stop still waits for.
  bool Stopping(pid_t process) const;

 private:
  // Of another thread, which waits for the answer.
  struct Wish {
    pid_t tid = 0;
    std::promise<bool> granted{};
  };

  void GrantWishes();
  pid_t AwaitEvent(int& status);
  void SetStopping(pid_t process, bool stopping);
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
  std::atomic<pid_t> thread_ = 0;             // the one that traces
  mutable std::mutex shared_;                 // over the two below
  std::vector<Wish> wishes_;
  std::unordered_set<pid_t> stopping_;  // processes; changed by the tracing thread alone
  std::binary_semaphore ended_{0};
};

}  // namespace aegis::gate
