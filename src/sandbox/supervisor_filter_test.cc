#include "sandbox/supervisor_filter.h"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>

#include <cerrno>
#include <cstdint>
#include <string_view>

#include "sandbox/bpf_interpreter.h"
#include "sandbox/mode.h"
#include "sandbox/syscall_table.h"

namespace aegis::sandbox {
namespace {

using testing_support::RunBpf;

constexpr std::uint32_t kEperm = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t kEnosys = SECCOMP_RET_ERRNO | ENOSYS;

std::uint32_t Answer(Mode mode, std::string_view name, std::uint64_t first = 0) {
  seccomp_data data{};
  data.arch = AUDIT_ARCH_X86_64;
  data.args[0] = first;
  data.nr = -1;
  for (const SyscallRow& row : SyscallTable(Arch::kX64)) {
    if (row.name == name) {
      data.nr = row.x86_64;
    }
  }
  EXPECT_NE(data.nr, -1) << name;
  const auto run = RunBpf(BuildSupervisorFilter(mode, Arch::kX64), data);
  EXPECT_TRUE(run.has_value()) << name;
  return run ? run->action : 0;
}

class SupervisorFilter : public ::testing::TestWithParam<Mode> {};

TEST_P(SupervisorFilter, MakesNoProcessAndNoSocket) {
  for (const std::string_view name :
       {"execve", "execveat", "fork", "vfork", "socket", "socketpair"}) {
    EXPECT_EQ(Answer(GetParam(), name), kEperm) << name;
  }
  EXPECT_EQ(Answer(GetParam(), "clone", SIGCHLD), kEperm);
  EXPECT_EQ(Answer(GetParam(), "clone", CLONE_THREAD | CLONE_SIGHAND | CLONE_VM),
            SECCOMP_RET_ALLOW);
  EXPECT_EQ(Answer(GetParam(), "clone3"), kEnosys);
}

TEST_P(SupervisorFilter, HasNoPowerOverTheSystem) {
  for (const std::string_view name :
       {"mount", "umount2", "pivot_root", "move_mount", "setns", "bpf", "init_module", "kexec_load",
        "open_by_handle_at", "swapon"}) {
    EXPECT_EQ(Answer(GetParam(), name), kEperm) << name;
  }
  EXPECT_EQ(Answer(GetParam(), "io_uring_setup"), kEnosys);
}

TEST_P(SupervisorFilter, DoesWhatTheAgentAsksFor) {
  for (const SyscallRow& row : SyscallTable(Arch::kX64)) {
    if (IsNotified(row) && row.how != How::kContinue && row.name != "socket" &&
        row.name != "socketpair" && TreatmentIn(row, GetParam()) == Treatment::kNotify) {
      EXPECT_EQ(Answer(GetParam(), row.name), SECCOMP_RET_ALLOW) << row.name;
    }
  }
}

TEST_P(SupervisorFilter, LooksAtTheAgent) {
  for (const std::string_view name : {"ptrace", "process_vm_readv", "pidfd_getfd", "pidfd_open",
                                      "kcmp", "wait4", "tgkill", "sched_setaffinity"}) {
    EXPECT_EQ(Answer(GetParam(), name), SECCOMP_RET_ALLOW) << name;
  }
}

TEST_P(SupervisorFilter, MarksFilesOnlyForAnAgentThatMay) {
  EXPECT_EQ(Answer(GetParam(), "fanotify_mark"),
            GetParam() == Mode::kRun ? kEperm : SECCOMP_RET_ALLOW);
}

TEST_P(SupervisorFilter, NotifiesNobody) {
  for (const SyscallRow& row : SyscallTable(Arch::kX64)) {
    EXPECT_NE(Answer(GetParam(), row.name), SECCOMP_RET_USER_NOTIF) << row.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Modes, SupervisorFilter, ::testing::Values(Mode::kRun, Mode::kWrap));

}  // namespace
}  // namespace aegis::sandbox
