#pragma once

#include <sched.h>
#include <sys/types.h>

namespace aegis::gate {

// Brings a caller, while it is blocked in a notified call, to the CPU of this thread, and keeps
// this thread there. Where the scheduler would wake a thread on an idle CPU, the wake-up of that
// CPU costs more than the whole call (25 µs and more on a virtual machine).
//
// A caller's CPU affinity is changed between Bring and Release only: it runs nothing of its own
// then. sched_setaffinity(2). One thread uses it.
class SharedCpu {
 public:
  SharedCpu();

  // Whether there is a choice of CPUs and it may be limited.
  bool possible() const { return possible_; }

  // False if the caller can't be brought here; nothing has changed then.
  bool Bring(pid_t caller);

  // Gives the caller of the last Bring the affinity that it had.
  void Release();

  // This thread may run on any of its CPUs again, so that the next caller's wake-up chooses one.
  void Leave();

 private:
  bool Stay();

  bool possible_ = false;
  bool stays_ = false;
  cpu_set_t own_{};   // the affinity that this thread was given
  cpu_set_t here_{};  // the CPU where it stays
  pid_t caller_ = 0;
  cpu_set_t callers_{};  // the affinity that `caller_` had
};

}  // namespace aegis::gate
