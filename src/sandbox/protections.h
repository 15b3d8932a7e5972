#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace aegis::sandbox {

// One thing that Aegis needs of the machine, as `aegis setup` shows it.
struct Protection {
  std::string name;  // "user namespaces"
  bool in_force = false;
  bool required = true;  // without it `run` refuses
  std::string detail;    // what was found: "ABI 7"
  std::string advice;    // what to do when it is not in force; else empty
};

// Tries everything, in child processes where it would change the caller. Takes some milliseconds;
// the caller must be single-threaded and have no children it waits for with waitpid(-1).
std::vector<Protection> Probe();

// The cheap questions that are worth asking before every run (no forks): Landlock, seccomp user
// notification, the kernel's version. kUnsupported names what is missing and what to do. The rest
// shows when it is used: the errors of namespaces.h, builder.h and init.h name the protection too.
base::Result<> CheckProtections();

}  // namespace aegis::sandbox
