#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>

#include "base/unique_fd.h"
#include "gate/listener.h"
#include "gate/shared_cpu.h"
#include "gate/sharing_choice.h"

namespace aegis::gate {

// Gives opened files to the callers that wait for them, and keeps the way between caller and
// supervisor short: a caller that makes call after call shares the supervisor's CPU meanwhile
// (10 µs instead of 50 for an open on a virtual machine); callers that take turns keep their CPUs.
//
// Used by the receive loop, or while it stands still.
class Handover {
 public:
  // `cpu` is the receive loop's.
  Handover(const Listener& listener, SharedCpu& cpu);

  // A call of the thread `caller` begins.
  void Begin(pid_t caller);

  // `fd` becomes the lowest free descriptor of the caller, and its call `id` returns the number.
  // 0, or the errno to answer with (EMFILE). A caller that is gone is no error.
  int Give(std::uint64_t id, int fd, bool close_on_exec);

  // No CPU is shared for a while: the agent looks at affinities, which must be its own.
  void Part();

  // From now on no caller's affinity is touched: the agent has begun to set affinities itself.
  void LeaveAffinityAlone();

  // Becomes readable while a CPU is shared, from time to time: Look is due then.
  int timer() const { return timer_.get(); }

  // Parts from a caller that has not called since the last look.
  void Look();

 private:
  void SetTimer(std::chrono::milliseconds period);

  const Listener& listener_;
  SharedCpu& cpu_;
  base::UniqueFd timer_;
  SharingChoice choice_;
  std::uint64_t calls_ = 0;
  std::uint64_t seen_calls_ = 0;  // at the last look
};

}  // namespace aegis::gate
