#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace aegis::gate {

// The directories from which the supervisor looks at files. The supervisor itself lives in the
// agent's mount namespace, so that its "/" is the agent's; its working directory is its own
// /proc/<pid>/fd, so that the relative name "17" reaches descriptor 17 (calls that know paths
// only).
struct Roots {
  base::UniqueFd host_root;  // "/" outside, opened before the mount namespace was left
  base::UniqueFd host_proc;  // /proc outside: host process ids
  base::UniqueFd own_fds;    // /proc/<supervisor>/fd
  dev_t agent_proc = 0;      // the device of /proc inside
  // Devices of the mounts that stand where the namespace hides the host's files (the root of a
  // composed tree, masks). A name missing there may exist outside.
  std::vector<dev_t> synthetic;

  bool IsSynthetic(dev_t device) const;
};

// Opens host_root and host_proc: in the launcher, before any namespace is entered.
base::Result<Roots> OpenHostRoots();

// Completes `roots` in the supervisor, after the agent's mount tree stands and /proc is mounted,
// and moves the working directory to own_fds. `masks`: paths that the plan masked.
base::Result<> EnterOwnFds(Roots& roots);
base::Result<> LearnDevices(Roots& roots, bool composed, const std::vector<std::string>& masks);

// The canonical path of an open descriptor, as the kernel sees it now: bytes; " (deleted)" is
// stripped, so that an unlinked file keeps the verdict of the name it had. Empty when it can't be
// told, as for a path longer than PATH_MAX: what has no name is judged as "", which no policy
// permits.
std::string NameOf(const Roots& roots, int fd);

}  // namespace aegis::gate
