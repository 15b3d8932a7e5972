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
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/builder.h"
#include "sandbox/capabilities.h"
#include "sandbox/command.h"
#include "sandbox/handshake.h"
#include "sandbox/inside_network.h"
#include "sandbox/plan.h"
#include "sandbox/state_report.h"
#include "sandbox/uapi.h"

namespace aegis::sandbox {
namespace {

constexpr int kInitFailed = 125;

// Pid 1's life after the command is forked.
class InitLoop {
 public:
  InitLoop(pid_t command, int control, int lifeline, int signals)
      : command_(command),
        control_(control),
        lifeline_(lifeline),
        signals_(signals),
        report_(control) {}

  [[noreturn]] void Run() {
    while (true) {
      const auto talk = static_cast<short>(POLLIN | (report_.waiting() ? POLLOUT : 0));
      std::array<pollfd, 3> watched = {{{.fd = lifeline_, .events = 0, .revents = 0},
                                        {.fd = control_, .events = talk, .revents = 0},
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
      if ((watched[1].revents & POLLOUT) != 0) {
        report_.TellAgain();
      }
      if ((watched[1].revents & ~POLLOUT) != 0) {
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
        report_.Tell({Event::Kind::kStopped, WSTOPSIG(status)});
      } else if (WIFCONTINUED(status)) {
        report_.Tell({Event::Kind::kContinued, 0});
      } else {
        TellEnd({Event::Kind::kExited, status});
        ::_exit(0);
      }
    }
  }

  // Waits for room.
  void TellEnd(const Event& event) const {
    (void)!::send(control_, &event, sizeof event, MSG_NOSIGNAL);
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
  StateReport report_;
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

// The command's id, which its starter writes once it is there.
base::Result<pid_t> AwaitCommand(int commands) {
  pid_t command = 0;
  ssize_t length = 0;
  do {
    length = ::read(commands, &command, sizeof command);
  } while (length < 0 && errno == EINTR);
  if (length != static_cast<ssize_t>(sizeof command)) {
    return base::Fail(base::Errc::kUnavailable, "the command was not started");
  }
  return command;
}

// Up to the command: /proc, then no rights any more. The supervisor enters these namespaces in
// between, for which it must still be able to look at this process.
base::Result<pid_t> Settle(const Plan& plan, int commands, int handshake) {
  AEGIS_TRY(MountProc(plan));
  AEGIS_TRY(SendMounted(handshake));
  AEGIS_ASSIGN(const pid_t command, AwaitCommand(commands));
  AEGIS_TRY(DropAllCapabilities());
  AEGIS_TRY(SendSettled(handshake));
  return command;
}

[[noreturn]] void RunInit(const Plan& plan, const InitOptions& options, int lifeline, int commands,
                          int handshake) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  ::prctl(PR_SET_NAME, "aegis-init", 0, 0, 0);
  auto signals = CatchChildren();
  if (!signals.has_value()) {
    Fail(handshake, signals.error());
  }
  const auto command = Settle(plan, commands, handshake);
  if (!command.has_value()) {
    Fail(handshake, command.error());
  }
  KeepOnly({options.control_fd, lifeline, signals->get()});
  InitLoop(*command, options.control_fd, lifeline, signals->get()).Run();
}

unsigned long CloneFlags(const Plan& plan) {
  unsigned long flags = CLONE_NEWPID | CLONE_PIDFD | SIGCHLD;
  flags |= plan.private_ipc ? CLONE_NEWIPC : 0UL;
  flags |= plan.private_uts ? CLONE_NEWUTS : 0UL;
  flags |= plan.private_network ? CLONE_NEWNET : 0UL;
  return flags;
}

// By the /proc that init has mounted, in which it is process 1.
base::Result<> OpenNamespaces(const Plan& plan, Init& init) {
  std::vector<std::string> names = {"pid"};
  for (const auto& [wanted, name] :
       {std::pair(plan.private_ipc, "ipc"), std::pair(plan.private_uts, "uts"),
        std::pair(plan.private_network, "net")}) {
    if (wanted) {
      names.emplace_back(name);
    }
  }
  for (const std::string& name : names) {
    AEGIS_ASSIGN(init.namespaces.emplace_back(), base::Open("/proc/1/ns/" + name, O_RDONLY));
  }
  return {};
}

// Runs `body` in a child that shares this process' memory, but not its descriptors, while this
// thread waits for its end, as after vfork(2): a copy of the page tables would cost more than all
// that it does. `body` must change nothing that it shares.
template <typename Argument>
bool RunShared(int (*body)(void*), Argument& argument) {
  constexpr std::size_t kStackSize = std::size_t{256} * 1024;
  std::vector<std::max_align_t> stack(kStackSize / sizeof(std::max_align_t));
  const pid_t child = ::clone(body, stack.data() + stack.size(), CLONE_VM | CLONE_VFORK | SIGCHLD,
                              static_cast<void*>(&argument));
  while (child > 0 && ::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return child > 0;
}

struct CommandStart {
  const Plan& plan;
  const InitOptions& options;
  const Init& init;
  int network;  // where the name sockets go out
};

int ForkCommand(void* argument) {
  const CommandStart& start = *static_cast<CommandStart*>(argument);
  const int inside = start.init.inside.get();
  const pid_t command = ::fork();
  if (command == 0) {
    for (const base::UniqueFd* fd :
         {&start.init.handshake, &start.init.lifeline, &start.init.commands}) {
      ::close(fd->get());
    }
    ::close(start.network);
    RunCommand(start.plan, start.options, inside);
  }
  if (command < 0) {
    Fail(inside, base::Error::FromErrno("fork the command"));
  }
  return ::write(start.init.commands.get(), &command, sizeof command) == sizeof command ? 0 : 1;
}

// A process that is left behind falls to the init of its dead parent's pid namespace, not of its
// own. So the command's parent is made inside.
int EnterNamespaces(void* argument) {
  CommandStart& start = *static_cast<CommandStart*>(argument);
  for (const base::UniqueFd& space : start.init.namespaces) {
    if (::setns(space.get(), 0) != 0) {
      Fail(start.init.inside.get(), base::Error::FromErrno("enter the sandbox's namespaces"));
    }
  }
  if (start.plan.private_network) {
    if (const auto set_up = SetUpInsideNetwork(start.network); !set_up.has_value()) {
      Fail(start.init.inside.get(), set_up.error());
    }
  }
  if (!RunShared(ForkCommand, start)) {
    Fail(start.init.inside.get(), base::Error::FromErrno("start the command's parent"));
  }
  return 0;
}

struct Pair {
  base::UniqueFd ours;
  base::UniqueFd theirs;
};

base::Result<Pair> SocketPair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return base::FailErrno("make a socket pair");
  }
  return Pair{base::UniqueFd(ends[0]), base::UniqueFd(ends[1])};
}

base::Result<Pair> Handshake() {
  AEGIS_ASSIGN(Pair pair, SocketPair());
  const int on = 1;
  if (::setsockopt(pair.ours.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0) {
    return base::FailErrno("ask for credentials on a socket");
  }
  return pair;
}

base::Result<Pair> Pipe() {
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
  AEGIS_ASSIGN(Pair lifeline, Pipe());
  AEGIS_ASSIGN(Pair commands, Pipe());
  int pidfd = -1;
  // As fork(2), in new namespaces; the child goes on with a copy of this stack.
  const long pid = ::syscall(SYS_clone, CloneFlags(plan), nullptr, &pidfd, nullptr, nullptr);
  if (pid == 0) {
    handshake.ours.Reset();
    lifeline.ours.Reset();
    commands.ours.Reset();
    RunInit(plan, options, lifeline.theirs.get(), commands.theirs.get(), handshake.theirs.get());
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
  init.inside = std::move(handshake.theirs);
  init.commands = std::move(commands.ours);
  AEGIS_TRY(AwaitMounted(init.handshake.get()));
  AEGIS_TRY(OpenNamespaces(plan, init));
  return init;
}

base::Result<> StartCommand(const Plan& plan, const InitOptions& options, Init& init) {
  AEGIS_ASSIGN(const Pair network, SocketPair());
  CommandStart start{plan, options, init, network.theirs.get()};
  if (!RunShared(EnterNamespaces, start)) {
    return base::FailErrno("start the command's starter");
  }
  // A starter that has failed says why to who receives the listener.
  if (auto inside = ReceiveInsideNetwork(network.ours.get()); inside.has_value()) {
    init.network = std::move(inside).value();
  }
  init.inside.Reset();
  init.commands.Reset();
  init.namespaces.clear();
  return {};
}

base::Result<Listener> ReceiveListener(const Plan& plan, const Init& init) {
  AEGIS_ASSIGN(const Offer offer, ReceiveOffer(init.handshake.get()));
  if (plan.private_network && !init.network) {
    return base::Fail(base::Errc::kInternal, "the sandbox's network was not set up");
  }
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
