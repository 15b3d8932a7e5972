#pragma once

#include <linux/filter.h>

#include <span>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/mode.h"
#include "sandbox/syscall_table.h"

namespace aegis::sandbox {

// The seccomp program for a table (in order of number on that architecture): another architecture
// kills the process, a number that stands in no row is ENOSYS (an x32 call too), a row gets its
// treatment. Pure. A balanced tree over the numbers: a call is decided within about ten
// instructions (and, on Linux 5.11 and newer, what is always allowed never runs the program).
// At Level::kWrites plain reads are allowed: only behind a Landlock domain that grants no more than
// the policy does.
std::vector<sock_filter> BuildFilter(Mode mode, Arch arch = kNativeArch,
                                     Level level = Level::kFull);
std::vector<sock_filter> BuildFilter(Mode mode, Arch arch, Level level,
                                     std::span<const SyscallRow> table);

// Confines the calling process and all its future children with the program. Needs no_new_privs.
// kUnsupported: no user notification with a killable wait (Linux 5.19).
base::Result<base::UniqueFd> InstallFilter(const std::vector<sock_filter>& program);

}  // namespace aegis::sandbox
