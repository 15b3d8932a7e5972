#include "gate/shared_cpu.h"

#include <sched.h>
#include <sys/types.h>

#include <cstddef>

namespace aegis::gate {

SharedCpu::SharedCpu() {
  // EINVAL where a machine has more CPUs than the set has room for.
  possible_ = ::sched_getaffinity(0, sizeof own_, &own_) == 0 && CPU_COUNT(&own_) > 1;
}

bool SharedCpu::Stay() {
  const int cpu = ::sched_getcpu();
  if (cpu < 0) {
    return false;
  }
  CPU_ZERO(&here_);
  CPU_SET(static_cast<std::size_t>(cpu), &here_);
  stays_ = ::sched_setaffinity(0, sizeof here_, &here_) == 0;
  return stays_;
}

bool SharedCpu::Share(pid_t caller) {
  Part();
  cpu_set_t callers;
  if (!possible_ || ::sched_getaffinity(caller, sizeof callers, &callers) != 0 ||
      !CPU_EQUAL(&callers, &own_) || !Stay()) {
    return false;  // it was told to run elsewhere, from outside
  }
  has_shared_ = true;
  if (::sched_setaffinity(caller, sizeof here_, &here_) != 0) {
    Part();
    return false;
  }
  caller_ = caller;
  return true;
}

void SharedCpu::Part() {
  if (caller_ != 0) {
    Free(caller_);
    caller_ = 0;
  }
  if (stays_) {
    stays_ = ::sched_setaffinity(0, sizeof own_, &own_) != 0;
  }
}

// As long as the agent sets none, a single CPU is what a thread has from here.
void SharedCpu::Free(pid_t tid) const {
  cpu_set_t set;
  if (possible_ && has_shared_ && ::sched_getaffinity(tid, sizeof set, &set) == 0 &&
      CPU_COUNT(&set) == 1) {
    ::sched_setaffinity(tid, sizeof own_, &own_);
  }
}

void SharedCpu::LeaveAlone() {
  Part();
  possible_ = false;
}

}  // namespace aegis::gate
