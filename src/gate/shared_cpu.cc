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
  if (stays_) {
    return true;
  }
  const int cpu = ::sched_getcpu();
  if (cpu < 0) {
    return false;
  }
  CPU_ZERO(&here_);
  CPU_SET(static_cast<std::size_t>(cpu), &here_);
  stays_ = ::sched_setaffinity(0, sizeof here_, &here_) == 0;
  return stays_;
}

bool SharedCpu::Bring(pid_t caller) {
  if (!possible_ || !Stay() || ::sched_getaffinity(caller, sizeof callers_, &callers_) != 0) {
    return false;
  }
  cpu_set_t common;
  CPU_AND(&common, &callers_, &here_);
  if (CPU_COUNT(&common) == 0) {
    return false;  // it was told to run elsewhere
  }
  if (::sched_setaffinity(caller, sizeof here_, &here_) != 0) {
    return false;
  }
  caller_ = caller;
  return true;
}

void SharedCpu::Release() {
  // It may be dead. A failure for a living one has no cause that did not fail Bring as well.
  if (::sched_setaffinity(caller_, sizeof callers_, &callers_) != 0) {
    possible_ = false;
  }
}

void SharedCpu::Leave() {
  if (stays_) {
    stays_ = ::sched_setaffinity(0, sizeof own_, &own_) != 0;
  }
}

}  // namespace aegis::gate
