#include "gate/follow.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>  // WNOHANG
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"
#include "ledger/sequencer.h"
#include "sandbox/init.h"

namespace aegis::gate {

namespace {

// `ordered` entries are on the disk within 50 ms (docs/ledger-format.md).
constexpr int kDrainMs = 40;

void Forward(int control, int signal) {
  sandbox::Request request;
  request.kind = sandbox::Request::Kind::kSignal;
  request.signal = signal;
  ::send(control, &request, sizeof(request), MSG_NOSIGNAL | MSG_DONTWAIT);
}

// The terminal sends its signals to the whole job: the command has them already.
bool CommandHasIt(const signalfd_siginfo& info) {
  const auto signal = static_cast<int>(info.ssi_signo);
  return (signal == SIGINT || signal == SIGQUIT) && info.ssi_code == SI_KERNEL;
}

}  // namespace

base::Result<Follower> Follower::Start() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGCHLD, SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGCONT, SIGUSR1, SIGUSR2}) {
    sigaddset(&set, signal);
  }
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) {
    return base::FailErrno("block signals");
  }
  base::UniqueFd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.valid()) {
    return base::FailErrno("signalfd");
  }
  return Follower(std::move(fd));
}

CommandEnd Follower::Follow(pid_t supervisor, int control, ledger::Sequencer& sequencer) {
  CommandEnd end;
  std::array<pollfd, 2> sources{{{signals_.get(), POLLIN, 0}, {control, POLLIN, 0}}};
  while (!supervisor_dead_) {
    const nfds_t count = end.status ? 1 : 2;  // the control socket is at its end then
    if (::poll(sources.data(), count, kDrainMs) < 0 && errno != EINTR) {
      break;
    }
    TakeEvents(control, end);
    PassSignals(control, supervisor);
    if (stopped_ && !end.status) {
      StopWithCommand();
    }
    (void)sequencer.Drain();  // a failure makes every later append fail, and Finish tells it
  }
  TakeEvents(control, end);
  return end;
}

void Follower::PassSignals(int control, pid_t supervisor) {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof(info)) == sizeof(info)) {
    const auto signal = static_cast<int>(info.ssi_signo);
    if (signal == SIGCHLD) {
      supervisor_dead_ = supervisor_dead_ || ::waitpid(supervisor, nullptr, WNOHANG) == supervisor;
    } else if (signal == SIGCONT) {
      continued_ = true;
      Forward(control, SIGCONT);  // it may have left the job's group
    } else if (!CommandHasIt(info)) {
      Forward(control, signal);
    }
  }
}

void Follower::TakeEvents(int control, CommandEnd& end) {
  sandbox::Event event;
  while (!end.status && ::recv(control, &event, sizeof(event), MSG_DONTWAIT) == sizeof(event)) {
    switch (event.kind) {
      case sandbox::Event::Kind::kExecFailed:
        end.exec_error = event.value;
        break;
      case sandbox::Event::Kind::kStopped:
        stopped_ = true;
        break;
      case sandbox::Event::Kind::kContinued:
        stopped_ = false;
        break;
      case sandbox::Event::Kind::kExited:
        end.status = event.value;
        break;
    }
  }
}

// The command has stopped itself, or was stopped with the job. Whoever waits for the launcher must
// see a stop, once: when the job goes on already, this one is over.
void Follower::StopWithCommand() {
  constexpr timespec kSettle{0, 20'000'000};
  if (!continued_) {
    ::nanosleep(&kSettle, nullptr);
    sigset_t pending;
    sigemptyset(&pending);
    ::sigpending(&pending);
    if (sigismember(&pending, SIGCONT) == 0) {
      ::raise(SIGSTOP);
    }
  }
  continued_ = false;
  stopped_ = false;
}

}  // namespace aegis::gate
