#pragma once

#include "gate/call.h"

namespace aegis::gate {

// The handler of a system call that the filter notifies, or nullptr: the supervisor then refuses
// the call (ENOSYS). Every row of sandbox::SyscallTable() with Treatment::kNotify has one.
Handler FindHandler(int syscall_number);

}  // namespace aegis::gate
