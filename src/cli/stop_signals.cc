#include "cli/stop_signals.h"

#include <poll.h>
#include <signal.h>
#include <time.h>

#include <chrono>

namespace aegis::cli {
namespace {

bool IsClosed(int fd) {
  pollfd watched{.fd = fd, .events = 0, .revents = 0};
  return poll(&watched, 1, 0) == 1 && (watched.revents & (POLLERR | POLLHUP)) != 0;
}

}  // namespace

StopSignals::StopSignals() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGINT);
  sigaddset(&signals_, SIGTERM);
  (void)pthread_sigmask(SIG_BLOCK, &signals_, &before_);
}

StopSignals::~StopSignals() { (void)pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

bool StopSignals::Wait(std::chrono::milliseconds time, int fd) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
  const timespec most{.tv_sec = seconds.count(),
                      .tv_nsec = std::chrono::nanoseconds(time - seconds).count()};
  came_ = came_ || sigtimedwait(&signals_, nullptr, &most) > 0;
  return came_ || IsClosed(fd);
}

}  // namespace aegis::cli
