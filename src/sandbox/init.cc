#include "sandbox/init.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>  // WIFSTOPPED and kin
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <string>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/builder.h"
#include "sandbox/capabilities.h"
#include "sandbox/command.h"
#include "sandbox/handshake.h"
#include "sandbox/plan.h"
#include "sandbox/uapi.h"

namespace aegis::sandbox {
namespace {

constexpr int kInitFailed = 125;

// Pid 1's life after the command is forked.
class InitLoop {
 public:
  InitLoop(pid_t command, int control, int lifeline, int signals)
      : command_(command), control_(control), lifeline_(lifeline), signals_(signals) {}

  [[noreturn]] void Run() {
    while (true) {
      std::array<pollfd, 3> watched = {{{.fd = lifeline_, .events = 0, .revents = 0},
                                        {.fd = control_, .events = POLLIN, .revents = 0},
                                        {.fd = signals_, .events = POLLIN, .revents = 0}}};
      if (::poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) {
        ::_exit(kInitFailed);
      }
      if (watched[0].revents != 0) {
        ::_exit(kInitFailed);  // the supervisor is gone: so is everything here
      }
      if (watched[2].revents != 0) {
        Reap();
      }
      if (watched[1].revents != 0) {
        Obey();
      }
    }
  }

 private:
  void Reap() {
    signalfd_siginfo info{};
    (void)!::read(signals_, &info, sizeof info);
    int status = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED)) > 0;) {
      if (pid != command_) {
        continue;
      }
      if (WIFSTOPPED(status)) {
        Tell({Event::Kind::kStopped, WSTOPSIG(status)}, MSG_DONTWAIT);
      } else if (WIFCONTINUED(status)) {
        Tell({Event::Kind::kContinued, 0}, MSG_DONTWAIT);
      } else {
        Tell({Event::Kind::kExited, status}, 0);
        ::_exit(0);
      }
    }
  }

  // Stops and continuations are advice: an agent that makes more than the other side reads loses
  // them. The exit waits.
  void Tell(Event event, int flags) const {
    (void)!::send(control_, &event, sizeof event, flags | MSG_NOSIGNAL);
  }

  void Obey() const {
    Request request;
    const ssize_t length = ::recv(control_, &request, sizeof request, MSG_DONTWAIT);
    if (length == 0) {
      ::_exit(kInitFailed);  // nobody follows the command any more
    }
    if (length == static_cast<ssize_t>(sizeof request) && request.kind == Request::Kind::kSignal &&
        request.signal > 0 && request.signal < NSIG) {
      ::kill(command_, request.signal);
    }
  }

  pid_t command_;
  int control_;
  int lifeline_;
  int signals_;
};

// Closes every descriptor but the three that the loop needs, standard ones included: who waits for
// the end of a pipe waits for the agent, not for us.
void KeepOnly(std::array<int, 3> kept) {
  std::ranges::sort(kept);
  unsigned next = 0;
  for (const int fd : kept) {
    const auto current = static_cast<unsigned>(fd);
    if (current > next) {
      (void)uapi::CloseRange(next, current - 1, 0);
    }
    next = current + 1;
  }
  (void)uapi::CloseRange(next, ~0U, 0);
}

base::Result<base::UniqueFd> CatchChildren() {
  sigset_t mask;
  ::sigfillset(&mask);
  ::sigprocmask(SIG_SETMASK, &mask, nullptr);
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  ::sigaction(SIGCHLD, &standard, nullptr);
  ::sigemptyset(&mask);
  ::sigaddset(&mask, SIGCHLD);
  base::UniqueFd fd(::signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.valid()) {
    return base::FailErrno("watch the command");
  }
  return fd;
}

[[noreturn]] void Fail(int handshake, const base::Error& error) {
  SendFailure(handshake, error);
  ::_exit(kInitFailed);
}

[[noreturn]] void RunInit(const Plan& plan, const InitOptions& options, int lifeline,
                          int handshake) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  ::prctl(PR_SET_NAME, "aegis-init", 0, 0, 0);
  if (auto mounted = MountProc(plan); !mounted.has_value()) {
    Fail(handshake, mounted.error());
  }
  auto signals = CatchChildren();
  if (!signals.has_value()) {
    Fail(handshake, signals.error());
  }
  const pid_t command = ::fork();
  if (command == 0) {
    RunCommand(plan, options, handshake);
  }
  if (command < 0) {
    Fail(handshake, base::Error::FromErrno("fork the command"));
  }
  if (auto dropped = DropAllCapabilities(); !dropped.has_value()) {
    Fail(handshake, dropped.error());
  }
  KeepOnly({options.control_fd, lifeline, signals->get()});
  InitLoop(command, options.control_fd, lifeline, signals->get()).Run();
}

unsigned long CloneFlags(const Plan& plan) {
  unsigned long flags = CLONE_NEWPID | CLONE_PIDFD | SIGCHLD;
  flags |= plan.private_ipc ? CLONE_NEWIPC : 0UL;
  flags |= plan.private_uts ? CLONE_NEWUTS : 0UL;
  flags |= plan.private_network ? CLONE_NEWNET : 0UL;
  return flags;
}

struct Pair {
  base::UniqueFd ours;
  base::UniqueFd theirs;
};

base::Result<Pair> Handshake() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return base::FailErrno("make a socket pair");
  }
  Pair pair{base::UniqueFd(ends[0]), base::UniqueFd(ends[1])};
  const int on = 1;
  if (::setsockopt(pair.ours.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0) {
    return base::FailErrno("ask for credentials on a socket");
  }
  return pair;
}

base::Result<Pair> Lifeline() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return base::FailErrno("make a pipe");
  }
  return Pair{base::UniqueFd(ends[1]), base::UniqueFd(ends[0])};
}

}  // namespace

SignalState CaptureSignals() {
  SignalState state;
  ::sigprocmask(SIG_SETMASK, nullptr, &state.mask);
  for (int number = 1; number < static_cast<int>(state.ignored.size()); ++number) {
    struct sigaction current{};
    state.ignored[static_cast<std::size_t>(number)] =
        ::sigaction(number, nullptr, &current) == 0 && current.sa_handler == SIG_IGN;
  }
  return state;
}

base::Result<Init> StartInit(const Plan& plan, const InitOptions& options) {
  AEGIS_ASSIGN(Pair handshake, Handshake());
  AEGIS_ASSIGN(Pair lifeline, Lifeline());
  int pidfd = -1;
  // As fork(2), in new namespaces; the child goes on with a copy of this stack.
  const long pid = ::syscall(SYS_clone, CloneFlags(plan), nullptr, &pidfd, nullptr, nullptr);
  if (pid == 0) {
    handshake.ours.Reset();
    lifeline.ours.Reset();
    RunInit(plan, options, lifeline.theirs.get(), handshake.theirs.get());
  }
  if (pid < 0) {
    if (errno == EPERM || errno == ENOSPC || errno == EINVAL) {
      return base::Fail(base::Errc::kUnsupported,
                        std::string("pid, ipc, uts or network namespaces are not to be had "
                                    "(sysctl user.max_*_namespaces): ") +
                            base::Error::FromErrno("clone").message());
    }
    return base::FailErrno("start the sandbox's init");
  }
  Init init;
  init.pid = static_cast<pid_t>(pid);
  init.pidfd.Reset(pidfd);
  init.lifeline = std::move(lifeline.ours);
  init.handshake = std::move(handshake.ours);
  return init;
}

base::Result<Listener> ReceiveListener(const Init& init) {
  AEGIS_ASSIGN(const Offer offer, ReceiveOffer(init.handshake.get()));
  Listener listener;
  listener.command = offer.pid;
  listener.command_pidfd.Reset(uapi::PidfdOpen(offer.pid, 0));
  if (!listener.command_pidfd.valid()) {
    return base::FailErrno("hold the command's process");
  }
  listener.fd.Reset(uapi::PidfdGetfd(listener.command_pidfd.get(), offer.listener_fd));
  if (!listener.fd.valid()) {
    return base::FailErrno("take the seccomp listener from the command");
  }
  return listener;
}

base::Result<> LetCommandExecute(const Init& init) { return AcceptOffer(init.handshake.get()); }

}  // namespace aegis::sandbox
