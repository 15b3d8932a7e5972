#include "gate/process_table.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/bpf_common.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>  // WUNTRACED
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <string>
#include <thread>

#include "base/check.h"
#include "base/unique_fd.h"
#include "gate/test_roots.h"
#include "sandbox/uapi.h"

namespace aegis::gate {
namespace {

class ProcessTableTest : public ::testing::Test {
 protected:
  TestRoots files_;
  ProcessTable processes_{files_.roots};
};

TEST_F(ProcessTableTest, KnowsTheTestItself) {
  const mode_t before = ::umask(0137);
  const Process* self = processes_.Find(::getpid());
  ::umask(before);
  ASSERT_NE(self, nullptr);
  EXPECT_EQ(self->tgid, ::getpid());
  EXPECT_EQ(self->inside_tgid, ::getpid());
  EXPECT_EQ(self->umask, 0137U);
  EXPECT_NE(self->exe.find("gate_unit_test"), std::string::npos);
}

TEST_F(ProcessTableTest, ADeadProcessIsUnknown) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(0);
  }
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_EQ(processes_.Find(child), nullptr);
}

TEST_F(ProcessTableTest, FollowsAChangeOfDirectory) {
  Process* self = processes_.Find(::getpid());
  const int here = ::open(".", O_PATH | O_CLOEXEC);
  processes_.WorkingDirectory(*self);
  const std::string before = self->cwd_name;
  processes_.FileStateChanging(*self);
  ASSERT_EQ(::chdir(files_.directory().c_str()), 0);
  self = processes_.Find(::getpid());
  EXPECT_GE(processes_.WorkingDirectory(*self), 0);
  EXPECT_EQ(self->cwd_name, files_.directory());
  EXPECT_NE(self->cwd_name, before);
  ASSERT_EQ(::fchdir(here), 0);
  ::close(here);
}

TEST_F(ProcessTableTest, KeepsTheDirectoryWhileNothingChanges) {
  Process* self = processes_.Find(::getpid());
  const int first = processes_.WorkingDirectory(*self);
  EXPECT_EQ(processes_.WorkingDirectory(*processes_.Find(::getpid())), first);
}

TEST_F(ProcessTableTest, FollowsTheUmask) {
  Process* self = processes_.Find(::getpid());
  const mode_t before = self->umask;
  processes_.FileStateChanging(*self);
  ::umask(0177);
  EXPECT_EQ(processes_.Find(::getpid())->umask, 0177U);
  ::umask(before);
}

// clone(2) with CLONE_FS alone: another process, the same working directory and umask.
class SharedFileStateTest : public ProcessTableTest {
 protected:
  SharedFileStateTest() {
    AEGIS_CHECK(::pipe2(orders_.data(), O_CLOEXEC) == 0 && ::pipe2(done_.data(), O_CLOEXEC) == 0);
    child_ = static_cast<pid_t>(::syscall(SYS_clone, CLONE_FS | SIGCHLD, 0, 0, 0, 0));
    if (child_ == 0) {
      char byte = 0;
      while (::read(orders_[0], &byte, 1) == 1) {
        AEGIS_CHECK(::chdir(files_.directory().c_str()) == 0);
        ::umask(0171);
        AEGIS_CHECK(::write(done_[1], &byte, 1) == 1);
      }
      ::_exit(0);
    }
  }
  ~SharedFileStateTest() override {
    ::umask(umask_);
    AEGIS_CHECK(::fchdir(here_.get()) == 0);
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    for (const int fd : {orders_[0], orders_[1], done_[0], done_[1]}) {
      ::close(fd);
    }
  }
  void LetChange() {
    char byte = 'x';
    AEGIS_CHECK(::write(orders_[1], &byte, 1) == 1 && ::read(done_[0], &byte, 1) == 1);
  }
  std::string Seen(pid_t pid) {
    Process* process = processes_.Find(pid);
    processes_.WorkingDirectory(*process);
    return process->cwd_name + " " + std::to_string(process->umask);
  }

  base::UniqueFd here_{::open(".", O_PATH | O_CLOEXEC)};
  mode_t umask_ = ::umask(022);
  std::array<int, 2> orders_{};
  std::array<int, 2> done_{};
  pid_t child_ = -1;
};

TEST_F(SharedFileStateTest, AChangeIsFollowedByWhoSharesIt) {
  const std::string changed = files_.directory() + " " + std::to_string(0171);
  EXPECT_NE(Seen(::getpid()), changed);
  processes_.FileStateChanging(*processes_.Find(child_));
  LetChange();
  EXPECT_EQ(Seen(::getpid()), changed);
  EXPECT_EQ(Seen(child_), changed);
}

// Between its notification and the change itself nothing that is read may be kept.
TEST_F(SharedFileStateTest, WhatIsAboutToChangeIsNotKept) {
  const std::string changed = files_.directory() + " " + std::to_string(0171);
  processes_.FileStateChanging(*processes_.Find(child_));
  EXPECT_NE(Seen(::getpid()), changed);
  LetChange();
  EXPECT_EQ(Seen(::getpid()), changed);
}

// Nothing that was known of the image before is known of the one after it.
TEST_F(ProcessTableTest, FollowsAnExecution) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::raise(SIGSTOP);
    ::execl("/bin/sleep", "sleep", "10", nullptr);
    ::_exit(1);
  }
  ASSERT_EQ(::waitpid(child, nullptr, WUNTRACED), child);
  ASSERT_NE(processes_.Find(child), nullptr);
  const std::string before = processes_.Find(child)->exe;
  EXPECT_NE(before.find("gate_unit_test"), std::string::npos);
  ::kill(child, SIGCONT);
  ::usleep(300'000);
  processes_.ImageChanged(child, child);
  EXPECT_NE(processes_.Find(child)->exe, before);
  ::kill(child, SIGKILL);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
}

// A stopped child with the descriptors 0 to `open` - 1 and one far above, and this limit.
pid_t StoppedWithDescriptors(int open, rlim_t limit) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::close_range(0, ~0U, 0);
    for (int fd = 0; fd < open; ++fd) {
      AEGIS_CHECK(::open("/", O_PATH | O_CLOEXEC) == fd);
    }
    AEGIS_CHECK(::dup2(0, 100) == 100);
    const rlimit lowered{limit, limit};
    AEGIS_CHECK(::setrlimit(RLIMIT_NOFILE, &lowered) == 0);
    ::raise(SIGSTOP);
    ::_exit(0);
  }
  AEGIS_CHECK(::waitpid(child, nullptr, WUNTRACED) == child);
  return child;
}

TEST_F(ProcessTableTest, KnowsWhoHasNoDescriptorLeft) {
  struct Case {
    int open;
    rlim_t limit;
    bool has_free;
  };
  for (const Case& one : {Case{3, 64, true}, Case{8, 9, true}, Case{8, 8, false}, Case{8, 7, false},
                          Case{1, 1, false}, Case{1, 0, false}}) {
    const pid_t child = StoppedWithDescriptors(one.open, one.limit);
    const Process* process = processes_.Find(child);
    ASSERT_NE(process, nullptr);
    EXPECT_EQ(processes_.HasFreeDescriptor(*process), one.has_free) << one.open << one.limit;
    ::kill(child, SIGKILL);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  }
}

// As Linux before 6.9: no pidfd of a thread that is not its process' first. For good, so in a
// child.
void ForbidThreadPidfds() {
  std::array<sock_filter, 6> code{
      {{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
       {BPF_JMP | BPF_JEQ | BPF_K, 0, 3, sandbox::uapi::kSysPidfdOpen},
       {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, args) + 8},
       {BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 0},
       {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EINVAL},
       {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}}};
  sock_fprog program{.len = code.size(), .filter = code.data()};
  AEGIS_CHECK(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  AEGIS_CHECK(sandbox::uapi::Seccomp(SECCOMP_SET_MODE_FILTER, 0, &program) == 0);
}

// The flags of an open file as `processes` gets it from a second thread, which has left the
// descriptors of the first one or not; -1 when it gets none.
int FlagsFromAThread(ProcessTable& processes, int fd, bool own_descriptors) {
  std::atomic<pid_t> tid = 0;
  std::atomic<bool> done = false;
  std::thread thread([&] {
    AEGIS_CHECK(!own_descriptors || ::unshare(CLONE_FILES) == 0);
    tid = ::gettid();
    tid.notify_one();
    done.wait(false);
  });
  tid.wait(0);
  Process* process = processes.Find(tid);
  const base::UniqueFd got =
      process != nullptr ? processes.Descriptor(*process, fd) : base::UniqueFd();
  done = true;
  done.notify_one();
  thread.join();
  return got.valid() ? ::fcntl(got.get(), F_GETFL) : -1;
}

TEST_F(ProcessTableTest, DescriptorsOfAThreadAreThoseOfItsProcessBeforePidfdsOfThreads) {
  const pid_t child = ::fork();
  if (child == 0) {
    ForbidThreadPidfds();
    const int fd = ::open("/dev/null", O_RDWR | O_APPEND | O_CLOEXEC);
    const bool shared = FlagsFromAThread(processes_, fd, false) == ::fcntl(fd, F_GETFL);
    const bool own = (FlagsFromAThread(processes_, fd, true) & O_PATH) != 0;
    ::_exit((shared ? 0 : 1) + (own ? 0 : 2));
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace aegis::gate
