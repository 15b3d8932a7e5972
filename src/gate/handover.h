#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>

#include "gate/handover_choice.h"
#include "gate/listener.h"
#include "gate/shared_cpu.h"

namespace aegis::gate {

// Gives opened files to the callers that wait for them, from the receive loop, in whichever of two
// ways costs less on this machine.
//
// At once, one call of the kernel does all, but it wakes the caller on an idle CPU if there is one,
// and then the supervisor on another: 50 µs on a virtual machine. Together, caller and supervisor
// stay on one CPU: the caller takes the descriptor there and waits on, its affinity is given back,
// and the answer lets it go on (10 µs). That is for a caller that opens one file after another;
// callers that take turns keep their CPUs.
class Handover {
 public:
  explicit Handover(const Listener& listener) : listener_(listener) {}

  // `fd` becomes the lowest free descriptor of the thread `caller`, and its call `id` returns the
  // number. 0, or the errno to answer with (EMFILE). A caller that is gone is no error.
  int Give(pid_t caller, std::uint64_t id, int fd, bool close_on_exec);

  // From now on no caller's affinity is touched: the agent has begun to set affinities itself.
  void LeaveAffinityAlone() { may_share_ = false; }

 private:
  bool MayShare(pid_t caller);
  void Learn(std::chrono::steady_clock::duration time);
  int Together(std::chrono::steady_clock::time_point start, std::uint64_t id, int fd,
               bool close_on_exec);

  const Listener& listener_;
  SharedCpu cpu_;
  HandoverChoice choice_;
  bool may_share_ = true;
  pid_t last_caller_ = 0;
  int in_a_row_ = 0;  // handovers to last_caller_
};

}  // namespace aegis::gate
