#pragma once

#include <linux/filter.h>

#include <span>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/mode.h"
#include "sandbox/syscall_table.h"

namespace aegis::sandbox {

// The seccomp program for a table: another architecture than x86-64 kills the process, an x32 call
// is ENOSYS, a number above kNewestSyscall is ENOSYS, a row gets its treatment, the rest is
// allowed. Pure. A balanced tree over the numbers: a call is decided within about ten instructions
// (and, on Linux 5.11 and newer, what is always allowed never runs the program at all).
std::vector<sock_filter> BuildFilter(Mode mode);
std::vector<sock_filter> BuildFilter(Mode mode, std::span<const SyscallRow> table);

// Confines the calling process and all its future children with the program. Needs no_new_privs.
// kUnsupported: no user notification with a killable wait (Linux 5.19).
base::Result<base::UniqueFd> InstallFilter(const std::vector<sock_filter>& program);

}  // namespace aegis::sandbox
