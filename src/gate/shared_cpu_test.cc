#include "gate/shared_cpu.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>

#include "base/test_requirements.h"

namespace aegis::gate {
namespace {

cpu_set_t AffinityOf(pid_t pid) {
  cpu_set_t set;
  CPU_ZERO(&set);
  EXPECT_EQ(::sched_getaffinity(pid, sizeof set, &set), 0);
  return set;
}

cpu_set_t Only(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  return set;
}

class SharedCpuTest : public ::testing::Test {
 protected:
  void SetUp() override {
    before_ = AffinityOf(0);
    if (CPU_COUNT(&before_) < 2) {
      AEGIS_REQUIRE_OR_SKIP(false, "two CPUs");
    }
    child_ = ::fork();
    if (child_ == 0) {
      ::pause();
      ::_exit(0);
    }
  }
  void TearDown() override {
    if (child_ > 0) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, nullptr, 0);
    }
    ::sched_setaffinity(0, sizeof before_, &before_);
  }

  cpu_set_t before_{};
  pid_t child_ = -1;
};

TEST_F(SharedCpuTest, SharesItsCpuAndGivesTheAffinityBack) {
  SharedCpu cpu;
  ASSERT_TRUE(cpu.Share(child_));
  const cpu_set_t own = AffinityOf(0);
  const cpu_set_t child = AffinityOf(child_);
  EXPECT_EQ(CPU_COUNT(&own), 1);
  EXPECT_TRUE(CPU_EQUAL(&child, &own));
  cpu.Part();
  const cpu_set_t after = AffinityOf(child_);
  const cpu_set_t free = AffinityOf(0);
  EXPECT_TRUE(CPU_EQUAL(&after, &before_));
  EXPECT_TRUE(CPU_EQUAL(&free, &before_));
}

TEST_F(SharedCpuTest, LeavesACallerThatHasAnAffinityOfItsOwn) {
  SharedCpu cpu;
  cpu_set_t less = before_;
  CPU_CLR(static_cast<std::size_t>(::sched_getcpu()), &less);
  ASSERT_EQ(::sched_setaffinity(child_, sizeof less, &less), 0);
  EXPECT_FALSE(cpu.Share(child_));
  const cpu_set_t child = AffinityOf(child_);
  const cpu_set_t own = AffinityOf(0);
  EXPECT_TRUE(CPU_EQUAL(&child, &less));
  EXPECT_TRUE(CPU_EQUAL(&own, &before_));
}

TEST_F(SharedCpuTest, FreesWhoInheritedIt) {
  SharedCpu cpu;
  ASSERT_TRUE(cpu.Share(::gettid()));
  const pid_t heir = ::fork();
  if (heir == 0) {
    ::pause();
    ::_exit(0);
  }
  const cpu_set_t inherited = AffinityOf(heir);
  cpu.Free(heir);
  const cpu_set_t freed = AffinityOf(heir);
  ::kill(heir, SIGKILL);
  ::waitpid(heir, nullptr, 0);
  EXPECT_EQ(CPU_COUNT(&inherited), 1);
  EXPECT_TRUE(CPU_EQUAL(&freed, &before_));
}

TEST_F(SharedCpuTest, TouchesNothingOnceTheAgentSetsAffinities) {
  SharedCpu cpu;
  ASSERT_TRUE(cpu.Share(child_));
  cpu.LeaveAlone();
  const cpu_set_t one = Only(::sched_getcpu());
  ASSERT_EQ(::sched_setaffinity(child_, sizeof one, &one), 0);
  cpu.Free(child_);
  EXPECT_FALSE(cpu.Share(child_));
  const cpu_set_t child = AffinityOf(child_);
  const cpu_set_t own = AffinityOf(0);
  EXPECT_TRUE(CPU_EQUAL(&child, &one));
  EXPECT_TRUE(CPU_EQUAL(&own, &before_));
}

TEST_F(SharedCpuTest, ADeadCallerIsNoError) {
  SharedCpu cpu;
  ASSERT_TRUE(cpu.Share(child_));
  ::kill(child_, SIGKILL);
  ::waitpid(child_, nullptr, 0);
  cpu.Gone(child_);
  child_ = -1;
  cpu.Part();
  EXPECT_FALSE(cpu.Share(::getpid() + 1'000'000));
  const cpu_set_t own = AffinityOf(0);
  EXPECT_TRUE(CPU_EQUAL(&own, &before_));
}

TEST_F(SharedCpuTest, OneCpuLeavesNoChoice) {
  const cpu_set_t one = Only(::sched_getcpu());
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
  SharedCpu cpu;
  EXPECT_FALSE(cpu.Share(child_));
}

}  // namespace
}  // namespace aegis::gate
