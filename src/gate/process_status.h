#pragma once

#include <sys/types.h>

#include <optional>

#include "gate/roots.h"

namespace aegis::gate {

// What the kernel says about a thread (proc(5), /proc/<pid>/status).
struct ProcessStatus {
  pid_t tgid = 0;  // host ids
  pid_t parent = 0;
  pid_t inside_tid = 0;  // as the agent sees them
  pid_t inside_tgid = 0;
  mode_t umask = 022;
};

// Nothing when the thread is gone.
std::optional<ProcessStatus> ReadProcessStatus(const Roots& roots, pid_t tid);

}  // namespace aegis::gate
