#include "proxy/confine.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "sandbox/sandbox.h"

namespace aegis::proxy {
namespace {

constexpr rlim_t kMostDescriptors = 24'576;

// A sanitizer maps terabytes for itself.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr rlim_t kMostMemory = RLIM_INFINITY;
#else
constexpr rlim_t kMostMemory = rlim_t{512} << 20U;
#endif

// Never more than it is.
base::Result<> Limit(__rlimit_resource_t resource, rlim_t most) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0) {
    return base::FailErrno("limit the proxy's resources");
  }
  limit.rlim_max = std::min(limit.rlim_max, most);
  limit.rlim_cur = limit.rlim_max;
  return ::setrlimit(resource, &limit) == 0 ? base::Result<>()
                                            : base::FailErrno("limit the proxy's resources");
}

}  // namespace

base::Result<> ConfineSelf(std::span<const std::uint16_t> ports) {
  AEGIS_TRY(sandbox::LimitProxy());
  AEGIS_TRY(Limit(RLIMIT_CORE, 0));
  AEGIS_TRY(Limit(RLIMIT_FSIZE, 0));
  AEGIS_TRY(Limit(RLIMIT_NOFILE, kMostDescriptors));
  if (kMostMemory != RLIM_INFINITY) {
    AEGIS_TRY(Limit(RLIMIT_AS, kMostMemory));
  }
  AEGIS_TRY(sandbox::ConfineProxy("/etc/hosts", ports));
  return sandbox::RestrictProxyCalls();
}

std::size_t MostDescriptors() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? std::min(limit.rlim_max, kMostDescriptors) : 0;
}

}  // namespace aegis::proxy
