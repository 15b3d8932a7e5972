#include "gate/wake_signal.h"

#include <signal.h>

namespace aegis::gate {

namespace {

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

}  // namespace aegis::gate
