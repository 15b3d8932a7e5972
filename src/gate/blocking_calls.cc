#include "gate/blocking_calls.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "base/unique_fd.h"
#include "gate/dialling.h"
#include "gate/listener.h"
#include "gate/network.h"
#include "gate/process_status.h"
#include "gate/tracer.h"
#include "gate/wake_signal.h"

namespace aegis::gate {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kLookMs = 25;

// The kernel's own, between a system call and the delivery of a signal: the call is made again, or
// returns EINTR, as the handler's SA_RESTART says. A program whose thread does not look for signals
// would see it: Tracer::Interrupt makes it look.
constexpr int kRestart = 512;  // ERESTARTSYS

base::UniqueFd OpenUntilWoken(int directory, const std::string& name, int flags) {
  const Wakeable wakeable;
  return base::UniqueFd(::openat(directory, name.c_str(), flags | O_CLOEXEC | O_NOCTTY));
}

// The working directory is that of the own descriptors, where the number alone names the socket.
int ConnectUntilWoken(const BlockingCalls::Connecting& connecting) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = std::to_string(connecting.object.get());
  name.copy(&address.sun_path[0], sizeof address.sun_path - 1);
  const Wakeable wakeable;
  const int result = ::connect(connecting.socket.get(), reinterpret_cast<const sockaddr*>(&address),
                               sizeof address);
  return result == 0 ? 0 : errno;
}

// Whether a writer has come, and perhaps gone, since the FIFO was opened as `held`: POLLHUP says so
// too (pipe(7)). A blocking open would wait for another one.
bool PeerHasBeen(const base::UniqueFd& held) {
  pollfd fifo{held.get(), POLLIN, 0};
  return held.valid() && ::poll(&fifo, 1, 0) == 1;
}

// `held` as the caller wants its descriptor.
base::UniqueFd TakeHeld(BlockingCalls::Opening& opening) {
  ::fcntl(opening.held.get(), F_SETFL, opening.flags & ~O_ACCMODE);
  return std::move(opening.held);
}

}  // namespace

template <typename Body>
bool BlockingCalls::StartHelper(Body body) {
  if (waiting_.fetch_add(1) >= kMaxWaiting) {
    waiting_.fetch_sub(1);
    return false;
  }
  try {
    std::thread([this, body = std::move(body)]() mutable {
      body();
      waiting_.fetch_sub(1);
    }).detach();
  } catch (const std::system_error&) {
    waiting_.fetch_sub(1);
    return false;
  }
  return true;
}

Reply BlockingCalls::Open(std::uint64_t id, Opening opening) {
  const bool started = StartHelper(
      [this, id, opening = std::move(opening)]() mutable { RunOpen(id, std::move(opening)); });
  return started ? Reply::None() : Reply::Fail(ENOMEM);
}

Reply BlockingCalls::Connect(std::uint64_t id, Connecting connecting) {
  const bool started = StartHelper([this, id, connecting = std::move(connecting)]() mutable {
    RunConnect(id, std::move(connecting));
  });
  return started ? Reply::None() : Reply::Fail(EAGAIN);
}

Reply BlockingCalls::Dial(std::uint64_t id, Dialling dialling) {
  const bool started =
      StartHelper([this, id, dialling = std::move(dialling)]() mutable { RunDial(id, dialling); });
  return started ? Reply::None() : Reply::Fail(EAGAIN);
}

// The caller waits in a way that no signal but a deadly one ends, so the helper ends it. A signal
// of the process may be another thread's to take, and one that stops all threads is no longer
// pending once the first of them has stopped.
BlockingCalls::Signal BlockingCalls::LookForSignal(pid_t tid) const {
  const auto status = ReadSignalStatus(roots_, tid);
  if (!status) {
    return Signal::kNone;
  }
  if (tracer_.Stopping(status->process)) {
    return Signal::kCertain;
  }
  if (status->Interrupting(status->own | status->shared) == 0) {
    return Signal::kNone;
  }
  const bool certain = status->Interrupting(status->own) != 0 || status->threads == 1;
  return certain ? Signal::kCertain : Signal::kPerhaps;
}

// `interrupted`: what the call returns to a caller that has a signal to take.
void BlockingCalls::Wait(std::uint64_t id, pid_t tid, int interrupted, const Attempt& attempt,
                         const std::function<void()>& leave) const {
  const Waker waker;
  Signal before = Signal::kNone;
  while (waker.armed() && listener_.StillWaiting(id)) {
    const Signal signal = LookForSignal(tid);
    // A signal that is there twice no other thread took.
    const bool due =
        signal == Signal::kCertain || (signal == Signal::kPerhaps && before == Signal::kPerhaps);
    if (due && tracer_.Interrupt(tid)) {
      if (leave) {
        leave();
      }
      listener_.Answer(id, Reply::Fail(interrupted));
      return;
    }
    before = signal;
    const int error = attempt();
    if (error != EINTR) {
      if (error != 0) {
        listener_.Answer(id, Reply::Fail(error));
      }
      return;
    }
  }
  listener_.Answer(id, Reply::Fail(EINTR));
}

void BlockingCalls::RunOpen(std::uint64_t id, Opening opening) const {
  const std::string link = std::to_string(opening.object.get());
  Wait(id, opening.tid, kRestart, [&] {
    const base::UniqueFd opened = PeerHasBeen(opening.held)
                                      ? TakeHeld(opening)
                                      : OpenUntilWoken(roots_.own_fds.get(), link, opening.flags);
    return opened.valid() ? listener_.Inject(id, opened.get(), opening.close_on_exec) : errno;
  });
}

// A caller that may wait for so long only gets EINTR, whatever its handler says (signal(7)).
void BlockingCalls::RunConnect(std::uint64_t id, Connecting connecting) const {
  const auto patience = SendPatience(connecting.socket);
  const Clock::time_point end = Clock::now() + patience.value_or(Clock::duration::zero());
  Wait(id, connecting.tid, patience ? EINTR : kRestart, [&] {
    if (const int error = ConnectUntilWoken(connecting); error != 0) {
      return error == EINTR && patience && Clock::now() >= end ? EAGAIN : error;
    }
    listener_.Answer(id, Reply::Return(0));
    return 0;
  });
}

void BlockingCalls::RunDial(std::uint64_t id, const Dialling& dialling) const {
  const auto patience = SendPatience(dialling.socket);
  const Clock::time_point end = Clock::now() + patience.value_or(Clock::duration::zero());
  const auto place = [&] {
    return Replace(listener_, id, network_.epolls, dialling.replacement, dialling.socket);
  };
  const auto attempt = [&] {
    pollfd socket{dialling.socket.get(), POLLOUT, 0};
    if (::poll(&socket, 1, kLookMs) <= 0) {
      if (!patience || Clock::now() < end) {
        return EINTR;
      }
      const int error = place();
      return error != 0 ? error : EINPROGRESS;
    }
    const int result = dialling.outside ? network_.SettledResultOf(dialling.socket)
                                        : ConnectNow(dialling.socket, dialling.address);
    if (result == EALREADY) {
      return EINTR;
    }
    network_.Report(dialling.socket);
    if (result != 0) {
      return result;
    }
    const int error = place();
    if (error == 0) {
      listener_.Answer(id, Reply::Return(0));
    }
    return error;
  };
  Wait(id, dialling.tid, patience ? EINTR : kRestart, attempt, [&] { (void)place(); });
}

}  // namespace aegis::gate
