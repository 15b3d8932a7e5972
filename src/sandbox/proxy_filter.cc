#include "sandbox/proxy_filter.h"

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sandbox/filter.h"
#include "sandbox/mode.h"
#include "sandbox/syscall_table.h"
#include "sandbox/uapi.h"

namespace aegis::sandbox {
namespace {

constexpr auto kAllowed = std::to_array<std::string_view>(
    {// descriptors and files
     "read", "readv", "write", "writev", "close", "fcntl", "lseek", "openat", "fstat", "newfstatat",
     // memory and time
     "brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "futex", "clock_gettime",
     "gettimeofday", "time", "getrandom",
     // the network
     "connect", "sendto", "sendmsg", "recvfrom", "recvmsg", "getsockname", "getpeername",
     "setsockopt", "getsockopt", "shutdown", "poll", "ppoll", "accept4", "bind",
     // what it relays
     "epoll_ctl", "epoll_wait", "epoll_pwait", "pipe2", "splice",
     // itself
     "getpid", "gettid", "exit", "exit_group", "rt_sigreturn", "rt_sigprocmask", "sigaltstack",
     "restart_syscall"});

std::vector<SyscallRow> ProxyTable(Arch arch) {
  std::vector<SyscallRow> table;
  const auto add = [&table](SyscallRow row, Treatment treatment, When when) {
    row.run = row.wrap = treatment;
    row.when = when;
    row.at_writes = When::kAlways;
    table.push_back(row);
  };
  for (const SyscallRow& row : SyscallTable(arch)) {
    const bool again = !table.empty() && NumberOn(table.back(), arch) == NumberOn(row, arch);
    if (!again && row.name == "socket") {
      add(row, Treatment::kEperm, When::kOddSocket);
      add(row, Treatment::kEperm, When::kUnixSocket);
    } else if (!again && std::ranges::find(kAllowed, row.name) != kAllowed.end()) {
      add(row, Treatment::kAllow, When::kAlways);
    }
  }
  return table;
}

}  // namespace

std::vector<sock_filter> BuildProxyFilter(Arch arch) {
  return BuildFilter(Mode::kRun, arch, Level::kFull, ProxyTable(arch));
}

base::Result<> RestrictProxyCalls() {
  std::vector<sock_filter> program = BuildProxyFilter();
  sock_fprog header{};
  header.len = static_cast<unsigned short>(program.size());
  header.filter = program.data();
  if (uapi::Seccomp(SECCOMP_SET_MODE_FILTER, 0, &header) != 0) {
    return base::FailErrno("restrict the proxy's system calls");
  }
  return {};
}

}  // namespace aegis::sandbox
