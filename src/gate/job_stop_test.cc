#include "gate/job_stop.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>  // WIFSTOPPED and kin
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "base/unique_fd.h"

namespace aegis::gate {
namespace {

// A process that calls StopProcess so many times, each time reads a byte if the command goes on,
// and exits with the number of times that it was that.
class Stopping {
 public:
  explicit Stopping(int times = 1) {
    std::array<int, 2> pair{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()), 0);
    ours_.Reset(pair[0]);
    const base::UniqueFd theirs(pair[1]);
    pid_ = ::fork();
    if (pid_ == 0) {
      ours_.Reset();
      ::_exit(Run(theirs.get(), times));
    }
  }
  Stopping(const Stopping&) = delete;
  Stopping& operator=(const Stopping&) = delete;
  ~Stopping() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }

  bool AwaitStop() const {
    int status = 0;
    return ::waitpid(pid_, &status, WUNTRACED) == pid_ && WIFSTOPPED(status) &&
           WSTOPSIG(status) == SIGSTOP;
  }
  // -1: it did not exit.
  int AwaitExit() {
    int status = 0;
    const bool exited = ::waitpid(pid_, &status, 0) == pid_ && WIFEXITED(status);
    pid_ = exited ? 0 : pid_;
    return exited ? WEXITSTATUS(status) : -1;
  }
  int pid() const { return pid_; }
  void Say() const { EXPECT_EQ(::send(ours_.get(), "c", 1, MSG_NOSIGNAL), 1); }
  void HangUp() { ours_.Reset(); }

 private:
  static int Run(int control, int times) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCONT);
    sigaddset(&set, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    int inside = 0;
    for (int i = 0; i < times; ++i) {
      if (StopProcess(control) == Continuation::kInside) {
        char byte = 0;
        ++inside;
        (void)!::recv(control, &byte, 1, 0);
      }
    }
    // No child is left.
    return ::waitpid(-1, nullptr, WNOHANG) == -1 ? inside : 100;
  }

  base::UniqueFd ours_;
  int pid_ = 0;
};

TEST(StopProcess, GoesOnWithTheJob) {
  Stopping process;
  ASSERT_TRUE(process.AwaitStop());
  ::kill(process.pid(), SIGCONT);
  EXPECT_EQ(process.AwaitExit(), 0);
}

TEST(StopProcess, GoesOnWithTheCommand) {
  Stopping process;
  ASSERT_TRUE(process.AwaitStop());
  process.Say();
  EXPECT_EQ(process.AwaitExit(), 1);
}

TEST(StopProcess, GoesOnAtTheEndOfTheSocket) {
  Stopping process;
  ASSERT_TRUE(process.AwaitStop());
  process.HangUp();
  EXPECT_EQ(process.AwaitExit(), 1);
}

TEST(StopProcess, SeesWhatCameBefore) {
  Stopping process(50);
  for (int i = 0; i < 50; ++i) {
    process.Say();
  }
  EXPECT_EQ(process.AwaitExit(), 50);
}

TEST(StopProcess, StopsAgain) {
  Stopping process(3);
  for (const bool inside : {true, false, true}) {
    ASSERT_TRUE(process.AwaitStop());
    if (inside) {
      process.Say();
    } else {
      ::kill(process.pid(), SIGCONT);
    }
  }
  EXPECT_EQ(process.AwaitExit(), 2);
}

TEST(StopProcess, IsEndedByAKill) {
  Stopping process;
  ASSERT_TRUE(process.AwaitStop());
  ::kill(process.pid(), SIGKILL);
  EXPECT_EQ(process.AwaitExit(), -1);
}

// In a child: a stop that is not ignored stops it, and not the test.
TEST(IgnoredStops, LastAsLongAsTheyLive) {
  for (const int signal : kTerminalStops) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::setpgid(0, 0);  // no orphaned group, which these signals would not stop
      {
        const IgnoredStops ignored;
        ::raise(signal);
      }
      ::raise(signal);
      ::_exit(3);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, WUNTRACED), child);
    EXPECT_TRUE(WIFSTOPPED(status) && WSTOPSIG(status) == signal) << signal;
    ::kill(child, SIGCONT);
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 3) << signal;
  }
}

}  // namespace
}  // namespace aegis::gate
