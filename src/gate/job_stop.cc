#include "gate/job_stop.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace aegis::gate {

namespace {

// What the child does. It stops its parent itself: so the stop comes before what ends it, and what
// has come to the socket meanwhile is seen. Between fork and its end it calls the kernel alone, as
// other threads of the parent may have held locks.
[[noreturn]] void Watch(pid_t parent, int control) {
  // A group of its own, for a stop of the whole job must not reach it; nobody's terminal.
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (::getppid() != parent || ::kill(parent, SIGSTOP) != 0) {
    ::_exit(1);
  }
  pollfd socket{control, POLLIN, 0};
  while (::poll(&socket, 1, -1) < 0 && errno == EINTR) {
  }
  ::kill(parent, SIGCONT);
  ::_exit(0);
}

// Who has sent the SIGCONT that ends the stop; `watcher` too if that has died, for then nothing may
// come any more.
pid_t AwaitContinuation(pid_t watcher) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCONT);
  sigaddset(&set, SIGCHLD);
  siginfo_t info{};
  while (true) {
    const int signal = ::sigwaitinfo(&set, &info);  // EINTR: a stop interrupts it
    if (signal == SIGCONT) {
      return info.si_pid;
    }
    // Not reaped: its id must stay its own.
    siginfo_t dead{};
    if (signal == SIGCHLD && watcher > 0 &&
        ::waitid(P_PID, static_cast<id_t>(watcher), &dead, WEXITED | WNOHANG | WNOWAIT) == 0 &&
        dead.si_pid == watcher) {
      return watcher;
    }
  }
}

}  // namespace

Continuation StopProcess(int control) {
  const pid_t parent = ::getpid();
  const pid_t watcher = ::fork();
  if (watcher == 0) {
    Watch(parent, control);
  }
  if (watcher < 0) {
    ::raise(SIGSTOP);
  }
  const pid_t sender = AwaitContinuation(watcher);
  if (watcher > 0) {
    ::kill(watcher, SIGKILL);
    while (::waitpid(watcher, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  return watcher > 0 && sender == watcher ? Continuation::kInside : Continuation::kJob;
}

}  // namespace aegis::gate
