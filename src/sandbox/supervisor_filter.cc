#include "sandbox/supervisor_filter.h"

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

// How it looks at the agent, and what the agent must not do.
constexpr auto kNeeded = std::to_array<std::string_view>(
    {"ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd"});

// What the agent may do or is asked about, and the supervisor never does. Threads come by clone.
constexpr auto kRefused = std::to_array<std::string_view>(
    {"execve", "execveat", "fork", "vfork", "socket", "socketpair"});

bool IsIn(std::string_view name, const auto& names) {
  return std::ranges::find(names, name) != names.end();
}

Treatment TreatmentOf(const SyscallRow& row, Mode mode) {
  if (IsIn(row.name, kRefused)) {
    return Treatment::kEperm;
  }
  const Treatment treatment = TreatmentIn(row, mode);
  const bool asked = treatment == Treatment::kNotify;  // the supervisor does it then
  return asked || IsIn(row.name, kNeeded) ? Treatment::kAllow : treatment;
}

std::vector<SyscallRow> SupervisorTable(Mode mode, Arch arch) {
  std::vector<SyscallRow> table;
  for (SyscallRow row : SyscallTable(arch)) {
    row.run = row.wrap = TreatmentOf(row, mode);
    if (row.name == "clone") {
      row.when = When::kNoThread;
    } else if (row.name == "socket" && mode == Mode::kRun) {
      row.when = When::kNotTcpSocket;
    } else if (row.run == Treatment::kAllow || IsIn(row.name, kRefused)) {
      row.when = When::kAlways;
    }
    table.push_back(row);
  }
  return table;
}

}  // namespace

std::vector<sock_filter> BuildSupervisorFilter(Mode mode, Arch arch) {
  return BuildFilter(mode, arch, Level::kFull, SupervisorTable(mode, arch));
}

base::Result<> RestrictSupervisorCalls(Mode mode) {
  std::vector<sock_filter> program = BuildSupervisorFilter(mode);
  sock_fprog header{};
  header.len = static_cast<unsigned short>(program.size());
  header.filter = program.data();
  if (uapi::Seccomp(SECCOMP_SET_MODE_FILTER, 0, &header) != 0) {
    return base::FailErrno("restrict the supervisor's system calls");
  }
  return {};
}

}  // namespace aegis::sandbox
