#pragma once

#include <sys/types.h>

#include "base/result.h"

// The steps by which the supervisor moves into the sandbox's user and mount namespace. All run in a
// single-threaded process. Order:
//
//   launcher                                supervisor (forked from it)
//                                           DieWithParent(launcher)
//                                           EnterUserAndMountNamespace(fd)   blocks until
//   WriteIdMaps(supervisor, fd)                                              the maps are written
//                                           BuildMounts(plan)                builder.h
//                                           StartInit(plan, ...)             init.h
//                                           ConfineSupervisor(plan, ...)     landlock.h
//                                           StartCommand(plan, ...)          init.h
//                                           LimitSupervisor()                capabilities.h
//                                           ReceiveListener(plan, init)            init.h
//                                           LetCommandExecute(init)          init.h
namespace aegis::sandbox {

// What a failed unshare(CLONE_NEWUSER) means, with advice.
base::Error UserNamespaceError(int error);

// Supervisor: SIGKILL when the parent dies; kUnavailable when it is dead already. `parent` is the
// parent's pid, taken before the fork.
base::Result<> DieWithParent(pid_t parent);

// Supervisor: a new user and mount namespace, then waits on `sync_fd` (a stream or seqpacket
// socket to the launcher) until the launcher has written the id maps. Holds every capability inside
// afterwards, and none outside. kUnsupported: the machine does not give user namespaces; the
// message says what to do.
base::Result<> EnterUserAndMountNamespace(int sync_fd);

// Launcher: waits for the supervisor on `sync_fd`, writes /proc/<supervisor>/{setgroups,uid_map,
// gid_map}, and lets it go on. An ordinary user keeps the own uid and gid, setgroups is denied;
// root keeps every id that it has outside. kInternal: the supervisor said something else, which is
// still to be read.
base::Result<> WriteIdMaps(pid_t supervisor, int sync_fd);

}  // namespace aegis::sandbox
