#include "sandbox/proxy_filter.h"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <initializer_list>
#include <set>
#include <string_view>

#include "sandbox/bpf_interpreter.h"
#include "sandbox/syscall_table.h"

namespace aegis::sandbox {
namespace {

using testing_support::RunBpf;

constexpr std::uint32_t kEperm = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t kEnosys = SECCOMP_RET_ERRNO | ENOSYS;

std::uint32_t Answer(Arch arch, std::string_view name,
                     std::initializer_list<std::uint64_t> arguments = {}) {
  seccomp_data data{};
  data.arch = arch == Arch::kX64 ? AUDIT_ARCH_X86_64 : AUDIT_ARCH_AARCH64;
  int index = 0;
  for (const std::uint64_t argument : arguments) {
    data.args[index++] = argument;
  }
  data.nr = -1;
  for (const SyscallRow& row : SyscallTable(arch)) {
    if (row.name == name) {
      data.nr = NumberOn(row, arch);
    }
  }
  EXPECT_NE(data.nr, -1) << name;
  const auto run = RunBpf(BuildProxyFilter(arch), data);
  EXPECT_TRUE(run.has_value()) << name;
  return run ? run->action : 0;
}

class ProxyFilter : public ::testing::TestWithParam<Arch> {};

TEST_P(ProxyFilter, TouchesNoProcess) {
  for (const std::string_view name :
       {"execve", "execveat", "clone", "clone3", "ptrace", "process_vm_readv", "process_vm_writev",
        "pidfd_open", "pidfd_getfd", "pidfd_send_signal", "kill", "tgkill", "tkill", "prctl",
        "setns", "unshare", "seccomp"}) {
    EXPECT_EQ(Answer(GetParam(), name), kEnosys) << name;
  }
}

TEST_P(ProxyFilter, ChangesNoFile) {
  for (const std::string_view name :
       {"unlinkat", "renameat2", "mkdirat", "linkat", "symlinkat", "fchmodat", "fchownat",
        "truncate", "ftruncate", "mount", "ioctl", "openat2", "open_by_handle_at", "memfd_create",
        "io_uring_setup", "bpf"}) {
    EXPECT_EQ(Answer(GetParam(), name), kEnosys) << name;
  }
}

TEST_P(ProxyFilter, MakesInternetSocketsOnly) {
  for (const std::uint64_t family : {std::uint64_t{AF_INET}, std::uint64_t{AF_INET6}}) {
    for (const std::uint64_t type : {std::uint64_t{SOCK_STREAM}, std::uint64_t{SOCK_DGRAM}}) {
      EXPECT_EQ(Answer(GetParam(), "socket", {family, type | SOCK_CLOEXEC, 0}), SECCOMP_RET_ALLOW);
    }
    EXPECT_EQ(Answer(GetParam(), "socket", {family, SOCK_RAW, 1}), kEperm);
    EXPECT_EQ(Answer(GetParam(), "socket", {family, SOCK_DGRAM, 1}), kEperm);
  }
  for (const std::uint64_t type :
       {std::uint64_t{SOCK_STREAM}, std::uint64_t{SOCK_DGRAM}, std::uint64_t{SOCK_SEQPACKET}}) {
    EXPECT_EQ(Answer(GetParam(), "socket", {AF_UNIX, type, 0}), kEperm);
    EXPECT_EQ(Answer(GetParam(), "socket", {AF_NETLINK, type, 0}), kEperm);
    EXPECT_EQ(Answer(GetParam(), "socket", {AF_PACKET, type, 0}), kEperm);
  }
  for (const std::string_view name : {"socketpair", "listen", "accept"}) {
    EXPECT_EQ(Answer(GetParam(), name), kEnosys) << name;
  }
}

TEST_P(ProxyFilter, ServesWithWhatItHas) {
  for (const std::string_view name :
       {"recvfrom", "recvmsg", "sendto", "sendmsg", "connect", "ppoll", "read", "openat", "close",
        "mmap", "munmap", "exit_group", "bind", "accept4", "splice", "pipe2"}) {
    EXPECT_EQ(Answer(GetParam(), name, {1, ~std::uint64_t{0}, ~std::uint64_t{0}}),
              SECCOMP_RET_ALLOW)
        << name;
  }
}

TEST_P(ProxyFilter, NotifiesNobody) {
  std::set<std::uint32_t> actions;
  for (const SyscallRow& row : SyscallTable(GetParam())) {
    actions.insert(Answer(GetParam(), row.name));
  }
  EXPECT_EQ(actions, (std::set<std::uint32_t>{SECCOMP_RET_ALLOW, kEperm, kEnosys}));
}

INSTANTIATE_TEST_SUITE_P(Architectures, ProxyFilter, ::testing::Values(Arch::kX64, Arch::kArm64));

}  // namespace
}  // namespace aegis::sandbox
