#include "gate/blocking_opens.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "base/unique_fd.h"
#include "gate/listener.h"
#include "gate/process_status.h"
#include "gate/tracer.h"
#include "gate/wake_signal.h"

namespace aegis::gate {

namespace {

constexpr std::int64_t kWakeNs = 25'000'000;

// The kernel's own, between a system call and the delivery of a signal: the call is made again, or
// returns EINTR, as the handler's SA_RESTART says. A program whose thread does not look for signals
// would see it: Tracer::Interrupt makes it look.
constexpr int kRestart = 512;  // ERESTARTSYS

// Interrupts the calling thread's system calls at intervals while it lives.
class Waker {
 public:
  Waker() {
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGUSR2;
    event._sigev_un._tid = ::gettid();
    armed_ = ::timer_create(CLOCK_MONOTONIC, &event, &timer_) == 0;
    itimerspec interval{};
    interval.it_interval.tv_nsec = kWakeNs;
    interval.it_value.tv_nsec = kWakeNs;
    armed_ = armed_ && ::timer_settime(timer_, 0, &interval, nullptr) == 0;
  }
  Waker(const Waker&) = delete;
  Waker& operator=(const Waker&) = delete;
  ~Waker() {
    if (armed_) {
      ::timer_delete(timer_);
    }
  }
  bool armed() const { return armed_; }

 private:
  timer_t timer_{};
  bool armed_ = false;
};

base::UniqueFd OpenUntilWoken(int directory, const std::string& name, int flags) {
  const Wakeable wakeable;
  return base::UniqueFd(::openat(directory, name.c_str(), flags | O_CLOEXEC | O_NOCTTY));
}

// Whether a writer has come, and perhaps gone, since the FIFO was opened as `held`: POLLHUP says so
// too (pipe(7)). A blocking open would wait for another one.
bool PeerHasBeen(const base::UniqueFd& held) {
  pollfd fifo{held.get(), POLLIN, 0};
  return held.valid() && ::poll(&fifo, 1, 0) == 1;
}

// `held` as the caller wants its descriptor.
base::UniqueFd TakeHeld(BlockingOpens::Opening& opening) {
  ::fcntl(opening.held.get(), F_SETFL, opening.flags & ~O_ACCMODE);
  return std::move(opening.held);
}

}  // namespace

Reply BlockingOpens::Start(std::uint64_t id, Opening opening) {
  if (waiting_.fetch_add(1) >= kMaxWaiting) {
    waiting_.fetch_sub(1);
    return Reply::Fail(ENOMEM);
  }
  try {
    std::thread([this, id, opening = std::move(opening)]() mutable {
      Run(id, std::move(opening));
      waiting_.fetch_sub(1);
    }).detach();
  } catch (const std::system_error&) {
    waiting_.fetch_sub(1);
    return Reply::Fail(ENOMEM);
  }
  return Reply::None();
}

// The caller waits in a way that no signal but a deadly one ends, so the helper ends it. A signal
// of the process may be another thread's to take, and one that stops all threads is no longer
// pending once the first of them has stopped.
BlockingOpens::Signal BlockingOpens::LookForSignal(pid_t tid) const {
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

void BlockingOpens::Run(std::uint64_t id, Opening opening) const {
  const Waker waker;
  const std::string link = std::to_string(opening.object.get());
  Signal before = Signal::kNone;
  while (waker.armed() && listener_.StillWaiting(id)) {
    const Signal signal = LookForSignal(opening.tid);
    // A signal that is there twice no other thread took.
    const bool due =
        signal == Signal::kCertain || (signal == Signal::kPerhaps && before == Signal::kPerhaps);
    if (due && tracer_.Interrupt(opening.tid)) {
      listener_.Answer(id, Reply::Fail(kRestart));
      return;
    }
    before = signal;
    const base::UniqueFd opened = PeerHasBeen(opening.held)
                                      ? TakeHeld(opening)
                                      : OpenUntilWoken(roots_.own_fds.get(), link, opening.flags);
    if (!opened.valid() && errno == EINTR) {
      continue;
    }
    const int error =
        opened.valid() ? listener_.Inject(id, opened.get(), opening.close_on_exec) : errno;
    if (error != 0) {
      listener_.Answer(id, Reply::Fail(error));
    }
    return;
  }
  listener_.Answer(id, Reply::Fail(EINTR));
}

}  // namespace aegis::gate
