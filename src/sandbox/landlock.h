#pragma once

#include <linux/landlock.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/mode.h"
#include "sandbox/plan.h"
#include "sandbox/uapi.h"

namespace aegis::sandbox {

// The Landlock ABI of the running kernel; 0 if there is none.
int LandlockAbi();

// What the agent's ruleset handles: kRun every file right and TCP right that `abi` knows, abstract
// Unix sockets and signals scoped; kWrap only signals (the agent must not stop its watcher). Pure.
uapi::LandlockRulesetAttr LandlockAttributes(Mode mode, int abi);

// What the agent may do by itself below the plan's `executable`, and nowhere else.
inline constexpr std::uint64_t kExecutableRights =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE;

// The rights that a grant gives. A device below /dev takes commands too, as it does where the
// supervisor has opened it. Pure.
std::uint64_t NativeRights(const NativeGrant& grant, int abi);

// Restricts the calling process for good. Level::kFull: kExecutableRights below plan.executable,
// nothing else. kWrites: plan.native, nothing else. Names that don't exist or are reached through a
// symlink give no rule. Needs no_new_privs. kUnsupported: kRun with an ABI below 2. kWrap does what
// the kernel offers.
base::Result<> RestrictWithLandlock(const Plan& plan);

// Restricts the calling process, the proxy, for good: of all files it reads `readable` and nothing
// else (a file that does not exist gives no right), binds no other TCP port than `ports`, and
// signals and abstract Unix sockets stay within the domain where the kernel can do that. Needs
// no_new_privs. kUnsupported: an ABI below 2.
base::Result<> ConfineProxy(const std::string& readable, std::span<const std::uint16_t> ports);

// Restricts the calling thread, the supervisor's, for good, and with it the command that it starts:
// files are opened and changed below "/", which is the agent's, and nowhere else; by the host's
// /proc (`host_proc`) processes are looked at, and the host's terminal (dev/tty below `host_root`)
// is opened. Signals stay within the domain. Under kWrap, and where the agent sees the whole root,
// there is nothing to leave out, and nothing is done.
base::Result<> ConfineSupervisor(const Plan& plan, int host_root, int host_proc);

}  // namespace aegis::sandbox
