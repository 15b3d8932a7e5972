#pragma once

#include <linux/filter.h>

#include <vector>

#include "base/result.h"
#include "sandbox/mode.h"
#include "sandbox/syscall_table.h"

namespace aegis::sandbox {

// What the supervisor itself may call once the command is started: what the agent may call or has
// judged, without making processes, executing and making sockets, and with what it needs to look at
// the agent. Pure.
std::vector<sock_filter> BuildSupervisorFilter(Mode mode, Arch arch = kNativeArch);

// Confines the calling thread, and all that it starts, with it. Needs no_new_privs.
base::Result<> RestrictSupervisorCalls(Mode mode);

}  // namespace aegis::sandbox
