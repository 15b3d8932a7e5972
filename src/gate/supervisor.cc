#include "gate/supervisor.h"

#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"
#include "gate/blocking_calls.h"
#include "gate/call.h"
#include "gate/connection_ends.h"
#include "gate/dispatch.h"
#include "gate/executions.h"
#include "gate/handover.h"
#include "gate/job_stop.h"
#include "gate/judge.h"
#include "gate/lifecycle.h"
#include "gate/listener.h"
#include "gate/messages.h"
#include "gate/network.h"
#include "gate/policy_change.h"
#include "gate/process_table.h"
#include "gate/proxy_link.h"
#include "gate/resolver.h"
#include "gate/roots.h"
#include "gate/serving.h"
#include "gate/shared_cpu.h"
#include "gate/tracer.h"
#include "gate/wake_signal.h"
#include "ledger/journal.h"
#include "sandbox/builder.h"
#include "sandbox/capabilities.h"
#include "sandbox/init.h"
#include "sandbox/landlock.h"
#include "sandbox/namespaces.h"
#include "sandbox/plan.h"
#include "sandbox/supervisor_filter.h"

namespace aegis::gate {

namespace {

// The launcher blocks signals while it starts; the supervisor must die of SIGTERM, and must not
// notice the terminal's job control. Nor must what it starts, up to the command's own signals: the
// launcher waits for it. What kills it the launcher tells, so the last words that it inherits
// (main) are not for it.
base::Result<> TakeOwnSignals() {
  sigset_t stops;
  sigemptyset(&stops);
  for (const int signal : kTerminalStops) {
    sigaddset(&stops, signal);
  }
  if (::sigprocmask(SIG_SETMASK, &stops, nullptr) != 0) {
    return base::FailErrno("set the supervisor's signals");
  }
  ::signal(SIGXFSZ, SIG_IGN);  // a file size limit is an error of Append, not a death
  ::signal(SIGTTOU, SIG_IGN);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGBUS, SIG_DFL);
  ::signal(SIGABRT, SIG_DFL);
  std::set_new_handler([] { ::_exit(kOutOfMemory); });
  return {};
}

// From here on the group is the supervisor's own: what the agent sends to its process group, or
// the terminal to the job, does not reach it.
base::Result<> LeaveJob() {
  if (::setpgid(0, 0) != 0) {
    return base::FailErrno("give the supervisor a process group of its own");
  }
  return {};
}

// A descriptor is held for each Unix socket of the run and each open that waits.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

// `connection_events`: where the kernel tells of connections that are gone.
base::Result<sandbox::Init> StartSandbox(SupervisorInput& input,
                                         base::UniqueFd& connection_events) {
  AEGIS_TRY(sandbox::DieWithParent(input.launcher));
  AEGIS_TRY(TakeOwnSignals());
  AEGIS_TRY(sandbox::EnterUserAndMountNamespace(input.launcher_socket.get()));
  AEGIS_TRY(sandbox::BuildMounts(input.plan));
  sandbox::InitOptions options;
  options.control_fd = input.init_control.get();
  options.root = input.root;
  options.signals = input.signals;
  AEGIS_ASSIGN(sandbox::Init init, sandbox::StartInit(input.plan, options));
  AEGIS_TRY(sandbox::ConfineSupervisor(input.plan, input.roots.host_root.get(),
                                       input.roots.host_proc.get()));
  AEGIS_TRY(sandbox::StartCommand(input.plan, options, init));
  input.init_control.Reset();
  RaiseDescriptorLimit();
  AEGIS_TRY(LeaveJob());
  AEGIS_TRY(sandbox::LimitSupervisor(input.root));
  connection_events = ConnectionEnds::Subscribe();
  AEGIS_TRY(sandbox::RestrictSupervisorCalls(input.plan.mode));
  AEGIS_TRY(EnterOwnFds(input.roots));
  AEGIS_TRY(Send(input.launcher_socket.get(), Message::kReady));
  AEGIS_ASSIGN(const Message go, ReceiveMessage(input.launcher_socket.get()));
  if (go != Message::kGo) {
    return base::Fail(base::Errc::kInternal, "the launcher did not let the run start");
  }
  return init;
}

Reply Handle(Services& services, const seccomp_notif& notification) {
  const Handler handler = FindHandler(notification.data.nr);
  Process* process = services.processes.Find(static_cast<pid_t>(notification.pid));
  if (handler == nullptr) {
    return Reply::Fail(ENOSYS);
  }
  if (process == nullptr) {
    return Reply::Fail(EACCES);  // who asks can't be told: nothing is given
  }
  Call call{notification, *process};
  return handler(services, call);
}

// What the receive loop can't wait for as well: a thread of its own does.
class Attendant {
 public:
  struct Services {
    Judge& judge;
    Serving& serving;
    Tracer& tracer;
    Handover& handover;
    ProxyLink& proxy;
    ConnectionEnds& ends;
  };

  Attendant(const sandbox::Init& init, int launcher_socket, const Services& services)
      : init_(init), launcher_socket_(launcher_socket), services_(services) {}

  // Takes edits of the policies until init is dead, and ends the process then.
  [[noreturn]] void Attend() {
    std::array<pollfd, 5> sources{{{init_.pidfd.get(), POLLIN, 0},
                                   {launcher_socket_, POLLIN, 0},
                                   {services_.handover.timer(), POLLIN, 0},
                                   {services_.ends.fd(), POLLIN, 0},
                                   {-1, POLLIN, 0}}};
    while (true) {
      sources[4].fd = services_.proxy.fd();
      if (::poll(sources.data(), sources.size(), -1) < 0 && errno != EINTR) {
        ::_exit(EXIT_FAILURE);  // who can't see the end must not go on
      }
      if (sources[0].revents != 0) {
        EndWithInit();
      }
      if (sources[2].revents != 0) {
        services_.serving.StandStill([this] { services_.handover.Look(); });
      }
      if (sources[4].revents != 0) {
        services_.proxy
            .Take();  // before the ends: a refused connection is known until it has ended
      }
      if (sources[3].revents != 0) {
        services_.serving.StandStill([this] { services_.ends.Take(); });
      }
      if (!TakeWord()) {
        sources[1].fd = -1;  // the launcher is dying, and this process with it
      }
    }
  }

 private:
  // Everything inside is dead. The launcher need not wait until the kernel has taken the namespaces
  // down: it is told that the journal is complete.
  [[noreturn]] void EndWithInit() {
    constexpr std::chrono::seconds kPatience(1);   // a handler may hang in a system call
    constexpr std::chrono::seconds kPassingOn(5);  // a host may take its time
    constexpr std::chrono::milliseconds kClosing(
        100);  // the kernel tells of sockets a little later
    while (::waitpid(init_.pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    const bool ended = services_.tracer.AwaitEnd(kPatience);
    services_.proxy.Finish(kPassingOn);
    if (ended && services_.serving.StopFor(kPatience)) {
      services_.ends.Finish(kClosing);
      (void)SendEnded(launcher_socket_, services_.proxy.published_connections());
    }
    ::_exit(EXIT_SUCCESS);
  }

  bool TakeWord() {
    auto word = TakeMessage(launcher_socket_);
    if (!word) {
      return false;
    }
    if (*word && (*word)->message == Message::kPolicies) {
      const auto applied = ApplyPolicyUpdate((*word)->fd, services_.judge, services_.serving);
      (void)(applied ? Send(launcher_socket_, Message::kTaken)
                     : SendKept(launcher_socket_, applied.error().message()));
    } else if (*word && (*word)->message == Message::kProxy) {
      (*word)->fd.valid() ? services_.proxy.Begin(std::move((*word)->fd))
                          : services_.proxy.GiveUp();
    }
    return true;
  }

  const sandbox::Init& init_;
  int launcher_socket_;
  Services services_;
};

[[noreturn]] void Serve(Services& services, Serving& serving) {
  while (true) {
    const auto notification = services.listener.Receive();
    if (notification) {
      const auto lock = serving.Enter();
      services.handover.Begin(static_cast<pid_t>(notification->pid));
      services.listener.Answer(notification->id, Handle(services, *notification));
    } else if (services.listener.Abandoned()) {
      ::pause();  // init is dying; the thread that waits for it ends the process
    }
  }
}

base::Result<> StartAttending(Attendant& attendant) {
  try {
    std::thread(&Attendant::Attend, &attendant).detach();
  } catch (const std::system_error& failure) {
    errno = failure.code().value();
    return base::FailErrno("start the thread that waits for the end");
  }
  return {};
}

[[noreturn]] void GiveUp(int launcher_socket, const base::Error& error) {
  (void)SendFailure(launcher_socket, error);
  ::_exit(EXIT_FAILURE);
}

base::Result<> LetRun(const sandbox::Init& init, Attendant& attendant, int launcher_socket) {
  AEGIS_TRY(StartAttending(attendant));
  AEGIS_TRY(sandbox::LetCommandExecute(init));
  return Send(launcher_socket, Message::kListening);
}

base::Result<> Run(SupervisorInput& input) {
  base::UniqueFd connection_events;
  AEGIS_ASSIGN(sandbox::Init init, StartSandbox(input, connection_events));
  AEGIS_ASSIGN(sandbox::Listener listening, sandbox::ReceiveListener(input.plan, init));
  AEGIS_TRY(LearnDevices(input.roots, !input.plan.whole_root, input.plan.masked));
  Judge judge(std::move(*input.decider), *input.journal, std::move(input.masker), input.plan.mode,
              input.network_ordered ? ledger::Durability::kOrdered : ledger::Durability::kDurable);
  Serving serving;
  ProcessTable processes(input.roots);
  Executions executions;
  Resolver resolver(input.roots, processes);
  Lifecycle lifecycle({judge, processes, executions, resolver});
  SharedCpu cpu;
  InstallWakeSignal();
  Tracer tracer(input.roots, lifecycle, serving, cpu);
  AEGIS_TRY(tracer.Start(listening.command));
  Listener listener(std::move(listening.fd));
  Handover handover(listener, cpu);
  Network network(input.roots, std::move(init.network), input.launcher_socket.get());
  BlockingCalls blocking_calls(listener, input.roots, tracer, network);
  BoundSockets bound_sockets;
  Services services{listener,      handover,   judge,       resolver,
                    processes,     executions, input.roots, blocking_calls,
                    bound_sockets, network,    {},          input.plan.level};
  ProxyLink proxy(network, judge, serving, std::move(input.published));
  ConnectionEnds ends(std::move(connection_events), network.sockets, judge);
  Attendant attendant(init, input.launcher_socket.get(),
                      {judge, serving, tracer, handover, proxy, ends});
  if (const auto runs = LetRun(init, attendant, input.launcher_socket.get()); !runs) {
    GiveUp(input.launcher_socket.get(), runs.error());  // threads use what lives in this function
  }
  Serve(services, serving);
}

}  // namespace

void RunSupervisor(SupervisorInput input) {
  GiveUp(input.launcher_socket.get(), Run(input).error());
}

}  // namespace aegis::gate
