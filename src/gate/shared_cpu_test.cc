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

TEST_F(SharedCpuTest, BringsTheCallerAndGivesItsAffinityBack) {
  SharedCpu cpu;
  ASSERT_TRUE(cpu.possible());
  ASSERT_TRUE(cpu.Bring(child_));
  const cpu_set_t here = Only(::sched_getcpu());
  const cpu_set_t child = AffinityOf(child_);
  const cpu_set_t own = AffinityOf(0);
  EXPECT_TRUE(CPU_EQUAL(&child, &here));
  EXPECT_TRUE(CPU_EQUAL(&own, &here));
  cpu.Release();
  const cpu_set_t after = AffinityOf(child_);
  EXPECT_TRUE(CPU_EQUAL(&after, &before_));
  cpu.Leave();
  const cpu_set_t free = AffinityOf(0);
  EXPECT_TRUE(CPU_EQUAL(&free, &before_));
}

TEST_F(SharedCpuTest, LeavesACallerThatMustRunElsewhere) {
  SharedCpu cpu;
  ASSERT_TRUE(cpu.Bring(child_));
  cpu.Release();
  cpu_set_t elsewhere = before_;
  CPU_CLR(static_cast<std::size_t>(::sched_getcpu()), &elsewhere);
  ASSERT_EQ(::sched_setaffinity(child_, sizeof elsewhere, &elsewhere), 0);
  EXPECT_FALSE(cpu.Bring(child_));
  const cpu_set_t child = AffinityOf(child_);
  EXPECT_TRUE(CPU_EQUAL(&child, &elsewhere));
}

TEST_F(SharedCpuTest, ADeadCallerIsNoError) {
  SharedCpu cpu;
  ASSERT_TRUE(cpu.Bring(child_));
  ::kill(child_, SIGKILL);
  ::waitpid(child_, nullptr, 0);
  child_ = -1;
  cpu.Release();
  EXPECT_FALSE(cpu.Bring(::getpid() + 1'000'000));
}

TEST_F(SharedCpuTest, OneCpuLeavesNoChoice) {
  const cpu_set_t one = Only(::sched_getcpu());
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
  const SharedCpu cpu;
  EXPECT_FALSE(cpu.possible());
}

}  // namespace
}  // namespace aegis::gate
