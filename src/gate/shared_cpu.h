#pragma once

#include <sched.h>
#include <sys/types.h>

#include <atomic>

namespace aegis::gate {

// Keeps this thread and one of its callers on one CPU. Where the scheduler would wake a thread on
// an idle CPU, the wake-up of that CPU costs more than the whole call (25 µs and more on a virtual
// machine).
//
// The caller's affinity is another one while the CPU is shared: what asks for it, sets one, is made
// by the caller or comes after it must be told of here. sched_setaffinity(2). One thread uses it,
// but for Free.
class SharedCpu {
 public:
  SharedCpu();
  ~SharedCpu() { Part(); }
  SharedCpu(const SharedCpu&) = delete;
  SharedCpu& operator=(const SharedCpu&) = delete;

  // Brings the thread `caller`, which is blocked in a notified call, to the CPU of this thread, and
  // keeps both there. False if that can't be: nothing has changed then.
  bool Share(pid_t caller);

  // Both may run where they could before.
  void Part();

  // The thread is dead.
  void Gone(pid_t tid) { caller_ = tid == caller_ ? 0 : caller_; }

  // A thread was made, or has taken the place of another one: what it inherits of a shared CPU is
  // taken from it. Any thread.
  void Free(pid_t tid) const;

  // Parts for good: the agent has begun to set affinities itself.
  void LeaveAlone();

 private:
  bool Stay();

  cpu_set_t own_{};   // what this thread was given, and with it the command
  cpu_set_t here_{};  // the CPU that is shared
  pid_t caller_ = 0;  // 0: none
  bool stays_ = false;
  std::atomic<bool> possible_ = false;  // there is a choice of CPUs, and it may be limited
  std::atomic<bool> has_shared_ = false;
};

}  // namespace aegis::gate
