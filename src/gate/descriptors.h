#pragma once

#include <sys/types.h>

#include <vector>

#include "gate/roots.h"

namespace aegis::gate {

// Whether a thread's descriptor is closed by execve(2); no where that can't be told.
bool ClosesOnExec(const Roots& roots, pid_t tid, int number);

// `number`, and the other numbers of the thread's table that lead to the same open file (dup(2)).
// They are not looked for among more than 256 descriptors, and are 16 at most.
std::vector<int> NumbersOf(const Roots& roots, pid_t tid, int number);

}  // namespace aegis::gate
