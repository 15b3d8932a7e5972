#pragma once

#include <sys/types.h>

#include <cstdint>
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

// The signals of a thread, as sets of bits (signal n is bit n - 1).
struct SignalStatus {
  std::uint64_t own = 0;     // pending for the thread
  std::uint64_t shared = 0;  // pending for its process
  std::uint64_t blocked = 0;
  std::uint64_t ignored = 0;
  std::uint64_t caught = 0;
  int threads = 1;  // of the process
  pid_t process = 0;

  // Those of `pending` that would interrupt a system call of the thread.
  std::uint64_t Interrupting(std::uint64_t pending) const;
};

std::optional<SignalStatus> ReadSignalStatus(const Roots& roots, pid_t tid);

}  // namespace aegis::gate
