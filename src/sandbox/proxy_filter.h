#pragma once

#include <linux/filter.h>

#include <vector>

#include "base/result.h"
#include "sandbox/syscall_table.h"

namespace aegis::sandbox {

// What the proxy may call once it is set up: memory, time, the descriptors it has, reading files
// (Landlock says which), pipes, and TCP and UDP sockets. Nothing that makes or touches a process,
// changes a file or makes a listener; another call does not exist (ENOSYS), another socket is
// refused (EPERM). Pure.
std::vector<sock_filter> BuildProxyFilter(Arch arch = kNativeArch);

// Confines the calling thread with it for good. Needs no_new_privs.
base::Result<> RestrictProxyCalls();

}  // namespace aegis::sandbox
