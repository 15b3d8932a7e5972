#pragma once

#include "gate/call.h"

namespace aegis::gate {

// The handler of a system call that the filter notifies, or nullptr: the supervisor then refuses
// the call (ENOSYS). That each row with Treatment::kNotify has exactly one is proven when this is
// compiled.
Handler FindHandler(int syscall_number);

}  // namespace aegis::gate
