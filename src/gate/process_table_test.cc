#include "gate/process_table.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "gate/test_roots.h"

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

}  // namespace
}  // namespace aegis::gate
