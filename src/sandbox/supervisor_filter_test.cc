#include "sandbox/supervisor_filter.h"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/in.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "sandbox/bpf_interpreter.h"
#include "sandbox/mode.h"
#include "sandbox/syscall_table.h"

namespace aegis::sandbox {
namespace {

using testing_support::RunBpf;

constexpr std::uint32_t kEperm = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t kEnosys = SECCOMP_RET_ERRNO | ENOSYS;

std::uint32_t Answer(Mode mode, std::string_view name,
                     const std::array<std::uint64_t, 3>& arguments = {}) {
  seccomp_data data{};
  data.arch = AUDIT_ARCH_X86_64;
  std::ranges::copy(arguments, data.args);
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

TEST_P(SupervisorFilter, MakesNoProcess) {
  for (const std::string_view name : {"execve", "execveat", "fork", "vfork", "socketpair"}) {
    EXPECT_EQ(Answer(GetParam(), name), kEperm) << name;
  }
  EXPECT_EQ(Answer(GetParam(), "clone", {SIGCHLD}), kEperm);
  EXPECT_EQ(Answer(GetParam(), "clone", {CLONE_THREAD | CLONE_SIGHAND | CLONE_VM}),
            SECCOMP_RET_ALLOW);
  EXPECT_EQ(Answer(GetParam(), "clone3"), kEnosys);
}

// Those that take the place of the agent's, which leads nowhere under wrap.
TEST_P(SupervisorFilter, MakesNoSocketButThoseOfConnectionsToOutside) {
  const std::uint32_t tcp = GetParam() == Mode::kRun ? SECCOMP_RET_ALLOW : kEperm;
  constexpr std::uint64_t kStream = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  using Values = std::initializer_list<std::uint64_t>;
  for (const std::uint64_t family : Values{AF_INET, AF_INET6}) {
    for (const std::uint64_t protocol : Values{0, IPPROTO_TCP}) {
      EXPECT_EQ(Answer(GetParam(), "socket", {family, kStream, protocol}), tcp);
      EXPECT_EQ(Answer(GetParam(), "socket", {family, SOCK_STREAM, protocol}), tcp);
      for (const std::uint64_t type : Values{SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_PACKET}) {
        EXPECT_EQ(Answer(GetParam(), "socket", {family, type | SOCK_CLOEXEC, protocol}), kEperm);
      }
    }
    for (const std::uint64_t protocol : Values{IPPROTO_UDP, IPPROTO_SCTP, 262, 1, 255}) {
      EXPECT_EQ(Answer(GetParam(), "socket", {family, kStream, protocol}), kEperm) << protocol;
    }
  }
  for (const std::uint64_t family :
       Values{AF_UNSPEC, AF_UNIX, AF_NETLINK, AF_PACKET, AF_VSOCK, AF_ALG}) {
    EXPECT_EQ(Answer(GetParam(), "socket", {family, kStream, 0}), kEperm) << family;
    EXPECT_EQ(Answer(GetParam(), "socket", {family, SOCK_RAW, 0}), kEperm) << family;
  }
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
