#include "gate/job_stop.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <initializer_list>

#include "base/unique_fd.h"

namespace aegis::gate {

namespace {

// What the child does. It stops its parent itself: so the stop comes before what ends it, and what
// has come to the socket meanwhile is seen. Between fork and its end it calls the kernel alone, as
// other threads of the parent may have held locks.
[[noreturn]] void Watch(pid_t parent, int control, int done) {
  // A group of its own, for a stop of the whole job must not reach it; nobody's terminal.
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (::getppid() != parent || ::kill(parent, SIGSTOP) != 0) {
    ::_exit(1);
  }
  (void)!::write(done, "", 1);
  pollfd socket{control, POLLIN, 0};
  while (::poll(&socket, 1, -1) < 0 && errno == EINTR) {
  }
  ::kill(parent, SIGCONT);
  ::_exit(0);
}

bool IsDead(pid_t child) {
  siginfo_t info{};  // not reaped: its id must stay its own
  return child > 0 &&
         ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == child;
}

sigset_t SetOf(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) {
    sigaddset(&set, signal);
  }
  return set;
}

// Who has sent the SIGCONT that ends the stop; `watcher` too if that has died, for then nothing may
// come any more.
pid_t AwaitContinuation(pid_t watcher) {
  const sigset_t set = SetOf({SIGCONT, SIGCHLD});
  siginfo_t info{};
  while (true) {
    const int signal = ::sigwaitinfo(&set, &info);  // EINTR: a stop interrupts it
    if (signal == SIGCONT) {
      return info.si_pid;
    }
    if (signal == SIGCHLD && IsDead(watcher)) {
      return watcher;
    }
  }
}

// Ends the watcher. Its SIGCONT may still be pending, as it may come while another one is taken,
// and its death before it: nobody must take that for the job's. The last other sender, or `sender`.
pid_t Dismiss(pid_t watcher, pid_t sender) {
  ::kill(watcher, SIGKILL);
  while (::waitpid(watcher, nullptr, 0) < 0 && errno == EINTR) {
  }
  const sigset_t set = SetOf({SIGCONT});
  constexpr timespec kAtOnce{};
  siginfo_t info{};
  while (::sigtimedwait(&set, &info, &kAtOnce) == SIGCONT) {
    sender = info.si_pid == watcher ? sender : info.si_pid;
  }
  return sender;
}

}  // namespace

IgnoredStops::IgnoredStops() {
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  for (std::size_t i = 0; i < kTerminalStops.size(); ++i) {
    ::sigaction(kTerminalStops.at(i), &ignore, &before_.at(i));
  }
}

IgnoredStops::~IgnoredStops() {
  for (std::size_t i = 0; i < kTerminalStops.size(); ++i) {
    ::sigaction(kTerminalStops.at(i), &before_.at(i), nullptr);
  }
}

Continuation StopProcess(int control) {
  const pid_t parent = ::getpid();
  std::array<int, 2> ends{-1, -1};
  const bool piped = ::pipe2(ends.data(), O_CLOEXEC) == 0;
  const base::UniqueFd done(ends[0]);
  base::UniqueFd theirs(ends[1]);
  const pid_t watcher = piped ? ::fork() : -1;
  if (watcher == 0) {
    Watch(parent, control, theirs.get());
  }
  theirs.Reset();
  if (watcher < 0) {
    ::raise(SIGSTOP);
  } else {
    // The stop comes before the word that it was sent: from here on it is over, or about to be, and
    // the watcher may be dismissed without leaving a stop behind.
    char word = 0;
    while (::read(done.get(), &word, 1) < 0 && errno == EINTR) {
    }
  }
  const pid_t sender = AwaitContinuation(watcher);
  const bool inside = watcher > 0 && Dismiss(watcher, sender) == watcher;
  return inside ? Continuation::kInside : Continuation::kJob;
}

}  // namespace aegis::gate
