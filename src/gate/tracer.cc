#include "gate/tracer.h"

#include <signal.h>
#include <stdlib.h>  // WIFSTOPPED and kin
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <future>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"
#include "gate/lifecycle.h"
#include "gate/process_status.h"
#include "gate/wake_signal.h"

namespace aegis::gate {

namespace {

// CLONE for threads too: a thread that is not traced could execute, and make processes.
constexpr std::uintptr_t kOptions = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                                    PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;

// ptrace(2) takes numbers as pointers. ESRCH: the tracee was killed meanwhile; its end is reported.
void Request(__ptrace_request request, pid_t tid, std::uintptr_t data) {
  ::ptrace(request, tid, nullptr,
           reinterpret_cast<void*>(data));  // NOLINT(performance-no-int-to-ptr)
}

void Resume(pid_t tid, int signal = 0) {
  Request(PTRACE_CONT, tid, static_cast<std::uintptr_t>(signal));
}

// The number that goes with an event: a new thread, or the thread that executed. 0: none.
pid_t EventNumber(pid_t tid) {
  unsigned long number = 0;
  return ::ptrace(PTRACE_GETEVENTMSG, tid, nullptr, &number) == 0 ? static_cast<pid_t>(number) : 0;
}

// 0: it is gone.
std::uint64_t InstructionPointer(pid_t tid) {
  __ptrace_syscall_info info{};
  return ::ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof info, &info) > 0 ? info.instruction_pointer
                                                                        : 0;
}

bool IsJobControlStop(int signal) {
  return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

bool IsThreadOf(pid_t process, pid_t tid) { return ::syscall(SYS_tgkill, process, tid, 0) == 0; }

}  // namespace

base::Result<> Tracer::Start(pid_t command) {
  std::promise<int> seized;
  auto error = seized.get_future();
  threads_[command] = command;
  lifecycle_.Begin(command);
  try {
    // ptrace(2): the thread that seizes is the tracer.
    std::thread([this, command, seized = std::move(seized)]() mutable {
      const long result = ::ptrace(PTRACE_SEIZE, command, nullptr,
                                   reinterpret_cast<void*>(  // NOLINT(performance-no-int-to-ptr)
                                       kOptions));
      seized.set_value(result == 0 ? 0 : errno);
      if (result == 0) {
        thread_ = ::gettid();
        Follow();
        thread_ = 0;
      }
      ended_.release();
    }).detach();
  } catch (const std::system_error& failure) {
    errno = failure.code().value();
    return base::FailErrno("start the tracing thread");
  }
  errno = error.get();
  if (errno == EPERM) {
    return base::Fail(base::Errc::kUnsupported,
                      "tracing of processes is refused (ptrace): see aegis setup");
  }
  if (errno != 0) {
    return base::FailErrno("trace the command");
  }
  return {};
}

// The wake signal interrupts this wait and nothing else. One that comes just before it is lost: who
// sends it does so again.
pid_t Tracer::AwaitEvent(int& status) {
  const Wakeable wakeable;
  GrantWishes();
  // Without __WNOTHREAD it would reap init as well.
  return ::waitpid(-1, &status, __WALL | __WNOTHREAD);
}

bool Tracer::Interrupt(pid_t tid) {
  constexpr std::chrono::milliseconds kAgain(2);
  constexpr int kAttempts = 500;
  std::future<bool> granted;
  {
    const std::lock_guard lock(shared_);
    granted = wishes_.emplace_back(Wish{.tid = tid}).granted.get_future();
  }
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const pid_t thread = thread_;
    if (thread == 0) {
      return false;  // nothing is traced any more
    }
    ::syscall(SYS_tgkill, ::getpid(), thread, SIGUSR2);
    if (granted.wait_for(kAgain) == std::future_status::ready) {
      return granted.get();
    }
  }
  return false;
}

void Tracer::GrantWishes() {
  std::vector<Wish> wishes;
  {
    const std::lock_guard lock(shared_);
    wishes.swap(wishes_);
  }
  for (Wish& wish : wishes) {
    // What stops so is reported as PTRACE_EVENT_STOP, and goes on.
    wish.granted.set_value(threads_.contains(wish.tid) &&
                           ::ptrace(PTRACE_INTERRUPT, wish.tid, nullptr, nullptr) == 0);
  }
}

bool Tracer::Stopping(pid_t process) const {
  const std::lock_guard lock(shared_);
  return stopping_.contains(process);
}

void Tracer::SetStopping(pid_t process, bool stopping) {
  if (stopping_.contains(process) == stopping) {
    return;
  }
  const std::lock_guard lock(shared_);
  if (stopping) {
    stopping_.insert(process);
  } else {
    stopping_.erase(process);
  }
}

void Tracer::Follow() {
  while (true) {
    int status = 0;
    const pid_t tid = AwaitEvent(status);
    if (tid > 0 && WIFSTOPPED(status)) {
      Stopped(tid, status);
    } else if (tid > 0) {
      Ended(tid, status);
    } else if (errno != EINTR) {
      return;  // ECHILD: nothing is left
    }
  }
}

void Tracer::Stopped(pid_t tid, int status) {
  const int signal = WSTOPSIG(status);
  switch (status >> 16) {
    case 0:
      Resume(tid, signal);  // it is about to get this signal
      return;
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
    case PTRACE_EVENT_CLONE:
      Made(threads_[tid], EventNumber(tid));
      break;
    case PTRACE_EVENT_EXEC:
      Executed(tid);
      break;
    case PTRACE_EVENT_STOP:
      FirstSeen(tid);
      SetStopping(threads_[tid], IsJobControlStop(signal));
      if (IsJobControlStop(signal)) {
        Request(PTRACE_LISTEN, tid, 0);  // it stays stopped until SIGCONT
        return;
      }
      break;
    default:
      break;
  }
  Resume(tid);
}

// A new thread stops before it runs. Whichever comes first, that stop or its maker's, tells of it:
// a maker that is killed at once never reports, and a child may be dead again when it does.
void Tracer::Made(pid_t maker, pid_t child) {
  if (child == 0 || early_.erase(child) != 0) {
    return;
  }
  cpu_.Free(child);
  if (IsThreadOf(maker, child)) {
    threads_[child] = maker;
  } else {
    threads_[child] = child;
    RecordStart(child, maker);
  }
}

void Tracer::FirstSeen(pid_t tid) {
  if (threads_.contains(tid)) {
    return;
  }
  early_.insert(tid);
  cpu_.Free(tid);
  const auto status = ReadProcessStatus(roots_, tid);
  const pid_t process = status ? status->tgid : tid;
  threads_[tid] = process;
  if (process == tid) {
    RecordStart(tid, status ? status->parent : 0);
  }
}

void Tracer::RecordStart(pid_t child, pid_t parent) {
  if (!serving_.StandStill([&] { return lifecycle_.Started(child, parent); })) {
    ::kill(child, SIGKILL);
  }
}

void Tracer::Executed(pid_t pid) {
  const pid_t caller = EventNumber(pid);
  const std::uint64_t start = InstructionPointer(pid);
  threads_.erase(caller);
  threads_[pid] = pid;
  cpu_.Free(pid);
  if (!serving_.StandStill([&] { return lifecycle_.Executed(pid, caller, start); })) {
    ::kill(pid, SIGKILL);
  }
}

void Tracer::Ended(pid_t tid, int status) {
  const auto node = threads_.extract(tid);
  const pid_t pid = node.empty() ? tid : node.mapped();
  if (tid == pid) {
    SetStopping(pid, false);
  }
  serving_.StandStill([&] {
    cpu_.Gone(tid);
    lifecycle_.Ended(tid, pid, status);
  });
}

}  // namespace aegis::gate
