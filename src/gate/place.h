#pragma once

#include <cstdint>

#include "gate/process_table.h"
#include "gate/roots.h"

namespace aegis::gate {

// The supervisor's own working directory. It follows the callers', since the kernel tells the name
// of where one is in a third of the time that it takes to name a descriptor; and it is
// /proc/<supervisor>/fd for the calls that know nothing but paths. One thread uses it.
class Place {
 public:
  // Starts in own_fds (EnterOwnFds).
  explicit Place(const Roots& roots) : roots_(roots) {}

  // Makes the relative name "17" reach descriptor 17. False if that can't be had.
  bool EnterOwnFds();

  // Whether the caller's working directory, as the table holds it, goes by `process.cwd_name` now.
  bool IsNamed(const Process& process);

 private:
  bool Enter(std::uint64_t id, int fd);

  const Roots& roots_;
  std::uint64_t id_ = 0;  // of the Process::cwd_id it is in; 0: own_fds
};

}  // namespace aegis::gate
