#pragma once

#include <atomic>
#include <cstdint>

#include "base/unique_fd.h"
#include "gate/listener.h"

namespace aegis::gate {

// Opens that may block (a FIFO without its peer), each on a helper thread, so that the receive loop
// never waits: the peer's open comes through the same loop. A caller that is killed or interrupted
// releases its helper within a tenth of a second.
class BlockingOpens {
 public:
  explicit BlockingOpens(const Listener& listener, int own_fds)
      : listener_(listener), own_fds_(own_fds) {}

  struct Opening {
    base::UniqueFd object;  // O_PATH
    base::UniqueFd held;    // a FIFO: opened for reading without waiting; may be invalid
    int flags = 0;
    bool close_on_exec = false;
  };

  // Answers the notification once the object is open. ENOMEM when too many are waiting.
  Reply Start(std::uint64_t id, Opening opening);

  // Once per process, before the first Start: the signal that wakes helpers to look around.
  static void InstallWakeSignal();

 private:
  void Run(std::uint64_t id, Opening opening) const;

  static constexpr int kMaxWaiting = 256;

  const Listener& listener_;
  int own_fds_;
  std::atomic<int> waiting_ = 0;
};

}  // namespace aegis::gate
