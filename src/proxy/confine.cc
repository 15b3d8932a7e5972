#include "proxy/confine.h"

#include <sys/resource.h>

#include "base/result.h"
#include "sandbox/sandbox.h"

namespace aegis::proxy {
namespace {

constexpr rlim_t kMostDescriptors = 256;

// A sanitizer maps terabytes for itself.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr rlim_t kMostMemory = RLIM_INFINITY;
#else
constexpr rlim_t kMostMemory = rlim_t{512} << 20U;
#endif

base::Result<> Limit(__rlimit_resource_t resource, rlim_t most) {
  const rlimit limit{.rlim_cur = most, .rlim_max = most};
  return ::setrlimit(resource, &limit) == 0 ? base::Result<>()
                                            : base::FailErrno("limit the proxy's resources");
}

}  // namespace

base::Result<> ConfineSelf() {
  AEGIS_TRY(sandbox::LimitProxy());
  AEGIS_TRY(Limit(RLIMIT_CORE, 0));
  AEGIS_TRY(Limit(RLIMIT_FSIZE, 0));
  AEGIS_TRY(Limit(RLIMIT_NOFILE, kMostDescriptors));
  if (kMostMemory != RLIM_INFINITY) {
    AEGIS_TRY(Limit(RLIMIT_AS, kMostMemory));
  }
  AEGIS_TRY(sandbox::ConfineProxy("/etc/hosts"));
  return sandbox::RestrictProxyCalls();
}

}  // namespace aegis::proxy
