#pragma once

#include <cstdint>

#include "base/result.h"

namespace aegis::sandbox {

// A set of capabilities as bits (1 << CAP_X).
using CapabilitySet = std::uint64_t;

// What a root caller's supervisor and agent keep: root reads and changes any file outside, so it
// does inside. Nothing for other users: over the single mapped id these would open read-only files.
CapabilitySet FileCapabilities(bool root);

// Supervisor, after StartInit: keeps CAP_SYS_PTRACE (to read the agent's memory and descriptors,
// also of programs that made themselves undumpable), CAP_SYS_NICE (for the CPU affinity of a root
// agent; good for processes of this user namespace only) and FileCapabilities, drops the rest for
// good, and becomes undumpable, so that no process of the user reads its memory.
base::Result<> LimitSupervisor(bool root);

// Init: no capability, none to come back, undumpable, no_new_privs.
base::Result<> DropAllCapabilities();

// Proxy, which never executes anything: no capability, undumpable, no_new_privs.
base::Result<> LimitProxy();

// Command: FileCapabilities(root) plus CAP_KILL for root, nothing for others; bounding set and
// securebits so that no exec brings more; no_new_privs.
base::Result<> LimitCommand(bool root);

}  // namespace aegis::sandbox
