#include "gate/wake_signal.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>

namespace aegis::gate {

namespace {

constexpr std::int64_t kWakeNs = 25'000'000;

void Ignore(int /*signal*/) {}

sigset_t WakeSet() {
  sigset_t wake;
  sigemptyset(&wake);
  sigaddset(&wake, SIGUSR2);
  return wake;
}

}  // namespace

void InstallWakeSignal() {
  struct sigaction action{};
  action.sa_handler = Ignore;  // no SA_RESTART: what waits returns EINTR
  ::sigaction(SIGUSR2, &action, nullptr);
  const sigset_t wake = WakeSet();
  ::pthread_sigmask(SIG_BLOCK, &wake, nullptr);
}

Wakeable::Wakeable() {
  const sigset_t wake = WakeSet();
  ::pthread_sigmask(SIG_UNBLOCK, &wake, &before_);
}

Wakeable::~Wakeable() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

Waker::Waker() {
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

Waker::~Waker() {
  if (armed_) {
    ::timer_delete(timer_);
  }
}

}  // namespace aegis::gate
