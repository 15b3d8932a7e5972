#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>

#include "base/unique_fd.h"
#include "gate/dialling.h"
#include "gate/inet_address.h"
#include "gate/listener.h"
#include "gate/network.h"
#include "gate/roots.h"
#include "gate/tracer.h"

namespace aegis::gate {

// Calls that may block (the open of a FIFO without its peer, the connect to a socket with a full
// backlog), each on a helper thread, so that the receive loop never waits: the peer's call comes
// through the same loop. A caller that is killed, stopped or interrupted by a signal releases its
// helper within 50 ms, and the kernel makes the call again where it would have made it again.
class BlockingCalls {
 public:
  // Needs InstallWakeSignal().
  BlockingCalls(const Listener& listener, const Roots& roots, Tracer& tracer, Network& network)
      : listener_(listener), roots_(roots), tracer_(tracer), network_(network) {}

  struct Opening {
    pid_t tid = 0;          // the caller
    base::UniqueFd object;  // O_PATH
    base::UniqueFd held;    // a FIFO: opened for reading without waiting; may be invalid
    int flags = 0;
    bool close_on_exec = false;
  };
  struct Connecting {
    pid_t tid = 0;          // the caller
    base::UniqueFd socket;  // shared with it
    base::UniqueFd object;  // O_PATH: the Unix socket that listens
  };

  struct Dialling {
    pid_t tid = 0;            // the caller
    base::UniqueFd socket;    // TCP, connecting
    SocketAddress address;    // where to
    Replacement replacement;  // when it is connected
    // Of a socket that may not be connected again: its state says how it went.
    bool outside = true;
  };

  // Answers the notification once the object is open. ENOMEM when too many are waiting.
  Reply Open(std::uint64_t id, Opening opening);
  // The same once it is connected, or the socket's own time is over (SO_SNDTIMEO). EAGAIN when too
  // many are waiting.
  Reply Connect(std::uint64_t id, Connecting connecting);
  // The same for TCP. A caller that is interrupted gets the socket as it is, and waits for it when
  // the kernel makes its call again.
  Reply Dial(std::uint64_t id, Dialling dialling);

 private:
  // Whether a signal is to be delivered to the caller.
  enum class Signal : std::uint8_t { kNone, kPerhaps, kCertain };
  // One attempt: the errno of the call, 0 if it was answered, EINTR if the helper was woken.
  using Attempt = std::function<int()>;

  template <typename Body>
  bool StartHelper(Body body);
  // `leave`: what is done before an interrupted caller is answered.
  void Wait(std::uint64_t id, pid_t tid, int interrupted, const Attempt& attempt,
            const std::function<void()>& leave = {}) const;
  void RunOpen(std::uint64_t id, Opening opening) const;
  void RunConnect(std::uint64_t id, Connecting connecting) const;
  void RunDial(std::uint64_t id, const Dialling& dialling) const;
  Signal LookForSignal(pid_t tid) const;

  static constexpr int kMaxWaiting = 256;

  const Listener& listener_;
  const Roots& roots_;
  Tracer& tracer_;
  Network& network_;
  std::atomic<int> waiting_ = 0;
};

}  // namespace aegis::gate
