#pragma once

#include "base/result.h"
#include "sandbox/plan.h"

namespace aegis::sandbox {

// Makes the mount tree of `plan` in the calling process's mount namespace, and enters it: for a
// composed root the old one is gone afterwards (descriptors opened before stay usable), the working
// directory is "/". To be called once, by the supervisor, with CAP_SYS_ADMIN in its user namespace.
// The host's /proc is still in place then: init mounts the fresh one over it (the kernel gives a
// /proc only to who sees a complete one).
//
// A source that vanished since the plan was made is left out. An error is a source that is reached
// through a symlink by now (nothing is bound through one: names could be swapped). kUnsupported: a
// mount is not to be had in a user namespace here; the message names it. On any error the process
// must exit: the tree is in an undefined state, but still nobody else's.
base::Result<> BuildMounts(const Plan& plan);

// Init: a fresh /proc for the pid namespace of the calling process, then plan.proc_mounts.
base::Result<> MountProc(const Plan& plan);

}  // namespace aegis::sandbox
