#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>

#include "base/unique_fd.h"
#include "gate/listener.h"
#include "gate/roots.h"
#include "gate/tracer.h"

namespace aegis::gate {

// Opens that may block (a FIFO without its peer), each on a helper thread, so that the receive loop
// never waits: the peer's open comes through the same loop. A caller that is killed, stopped or
// interrupted by a signal releases its helper within 50 ms, and the kernel makes the call again
// where it would have made it again.
class BlockingOpens {
 public:
  // Needs InstallWakeSignal().
  BlockingOpens(const Listener& listener, const Roots& roots, Tracer& tracer)
      : listener_(listener), roots_(roots), tracer_(tracer) {}

  struct Opening {
    pid_t tid = 0;          // the caller
    base::UniqueFd object;  // O_PATH
    base::UniqueFd held;    // a FIFO: opened for reading without waiting; may be invalid
    int flags = 0;
    bool close_on_exec = false;
  };

  // Answers the notification once the object is open. ENOMEM when too many are waiting.
  Reply Start(std::uint64_t id, Opening opening);

 private:
  // Whether a signal is to be delivered to the caller.
  enum class Signal : std::uint8_t { kNone, kPerhaps, kCertain };

  void Run(std::uint64_t id, Opening opening) const;
  Signal LookForSignal(pid_t tid) const;

  static constexpr int kMaxWaiting = 256;

  const Listener& listener_;
  const Roots& roots_;
  Tracer& tracer_;
  std::atomic<int> waiting_ = 0;
};

}  // namespace aegis::gate
