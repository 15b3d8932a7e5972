#pragma once

#include "gate/call.h"

namespace aegis::gate {

// execve(2), execveat(2): judged on the executable's canonical name and arguments, then continued,
// since no other process can execute for the caller. A path rewritten after the judgement reaches
// only what the Landlock wall lets execute: where ProcessSpawn may be permitted at all.
Reply HandleExecve(Services& services, Call& call);
Reply HandleExecveAt(Services& services, Call& call);

// chdir(2), fchdir(2), umask(2), and unshare of the file state: continued; what the gate keeps of
// the caller's working directory and umask is read again.
Reply HandleFileStateChange(Services& services, Call& call);

// sched_setaffinity(2): continued; from then on the gate leaves affinities alone.
Reply HandleSetAffinity(Services& services, Call& call);

// sched_getaffinity(2): continued; what it says is the agent's own.
Reply HandleGetAffinity(Services& services, Call& call);

}  // namespace aegis::gate
