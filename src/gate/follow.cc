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

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <functional>
#include <string>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"
#include "gate/job_stop.h"
#include "gate/live_policies.h"
#include "gate/messages.h"
#include "sandbox/init.h"

namespace aegis::gate {

namespace {

using Clock = std::chrono::steady_clock;

// `ordered` entries are on the disk within 50 ms (docs/ledger-format.md).
constexpr std::chrono::milliseconds kDrainInterval(40);
// Little is left to store when the command ends.
constexpr std::chrono::milliseconds kBusyDrainInterval(5);

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

CommandEnd Follower::Follow(const Followed& followed, const std::function<bool()>& drain,
                            LivePolicies* live) {
  CommandEnd end;
  std::array<pollfd, 5> sources{{{signals_.get(), POLLIN, 0},
                                 {followed.control, POLLIN, 0},
                                 {followed.supervisor_socket, POLLIN, 0},
                                 {-1, POLLIN, 0},
                                 {live == nullptr ? -1 : live->read_fd(), POLLIN, 0}}};
  // At once: the store takes the session's beginning while the command starts.
  Clock::time_point next_drain = Clock::now();
  while (!supervisor_dead_ && !ended_) {
    sources[3].fd = live == nullptr ? -1 : live->watch_fd();
    // A drain comes so often that an edit's deadline can wait for it.
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(next_drain - Clock::now());
    const int wait_ms = std::max(0, static_cast<int>(wait.count()));
    if (::poll(sources.data(), sources.size(), wait_ms) < 0 && errno != EINTR) {
      ::kill(followed.supervisor, SIGKILL);  // what can't be followed does not go on
      AwaitDeath(followed.supervisor);
    }
    TakeEvents(followed.control, end);
    TakeWord(followed, sources[2].fd, live, end);
    if (live != nullptr) {
      live->Look();
    }
    PassSignals(followed.control, followed.supervisor);
    if (!supervisor_dead_ && followed.ledger_failed()) {
      ::kill(followed.supervisor, SIGKILL);
    }
    if (end.status) {
      sources[1].fd = -1;  // the control socket is at its end
    } else if (stopped_) {
      StopWithCommand(followed, end);
    }
    continued_ = false;
    if (Clock::now() >= next_drain) {
      const bool much = drain();
      next_drain = Clock::now() + (much ? kBusyDrainInterval : kDrainInterval);
    }
  }
  TakeEvents(followed.control, end);
  // What it said right before it died.
  while (supervisor_dead_ && !ended_ && TakeWord(followed, sources[2].fd, live, end)) {
  }
  if (supervisor_failed_ && !ended_) {
    end.status.reset();  // the command was killed with it, which init may have seen before it died
    end.supervisor_status = supervisor_status_;
  }
  return end;
}

void Follower::AwaitDeath(pid_t supervisor) {
  while (!supervisor_dead_ && !Reap(supervisor, 0) && errno == EINTR) {
  }
  supervisor_dead_ = true;
}

bool Follower::Reap(pid_t supervisor, int options) {
  if (::waitpid(supervisor, &supervisor_status_, options) != supervisor) {
    return false;
  }
  supervisor_dead_ = true;
  supervisor_failed_ =
      !WIFEXITED(supervisor_status_) || WEXITSTATUS(supervisor_status_) != EXIT_SUCCESS;
  return true;
}

// What the supervisor says while the command runs: that it ends, or what became of an edit. At the
// end of the stream it is dying, which SIGCHLD tells: `socket` becomes -1. Whether there was a
// word.
bool Follower::TakeWord(const Followed& followed, int& socket, LivePolicies* live,
                        CommandEnd& end) {
  const auto word = TakeMessage(socket);
  if (!word || !*word) {
    socket = word ? socket : -1;
    return false;
  }
  const Message message = (*word)->message;
  if (message == Message::kEnded) {
    const std::string& count = (*word)->text;
    std::from_chars(count.data(), count.data() + count.size(), end.published_connections);
    ended_ = true;
  } else if (message == Message::kProxyWanted) {
    followed.start_proxy();
  } else if (live != nullptr && !ended_) {
    live->TakeAnswer(message == Message::kTaken, (*word)->text);
  }
  return true;
}

void Follower::PassSignals(int control, pid_t supervisor) {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof(info)) == sizeof(info)) {
    const auto signal = static_cast<int>(info.ssi_signo);
    if (signal == SIGCHLD) {
      (void)(supervisor_dead_ || Reap(supervisor, WNOHANG));
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
// see a stop, once: when the job or the command goes on already, this one is over.
void Follower::StopWithCommand(const Followed& followed, CommandEnd& end) {
  constexpr timespec kSettle{0, 20'000'000};
  if (!continued_) {
    ::nanosleep(&kSettle, nullptr);
    TakeEvents(followed.control, end);
    sigset_t pending;
    sigemptyset(&pending);
    ::sigpending(&pending);
    if (stopped_ && !end.status && sigismember(&pending, SIGCONT) == 0) {
      if (StopProcess(followed.control) == Continuation::kJob) {
        Forward(followed.control, SIGCONT);  // it may have left the job's group
      }
      (void)(supervisor_dead_ || Reap(followed.supervisor, WNOHANG));
    }
  }
  stopped_ = false;
}

}  // namespace aegis::gate
