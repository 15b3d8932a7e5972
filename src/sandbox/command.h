#pragma once

#include "sandbox/init.h"
#include "sandbox/plan.h"

namespace aegis::sandbox {

// The child of init that becomes the command: confines itself step by step, offers the listener,
// executes. Part of init.h; not for other modules.
[[noreturn]] void RunCommand(const Plan& plan, const InitOptions& options, int handshake);

}  // namespace aegis::sandbox
