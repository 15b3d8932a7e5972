#include "base/result.h"

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace aegis::base {

namespace {

Errc CodeOf(int sys_errno) {
  switch (sys_errno) {
    case ENOENT:
    case ENOTDIR:
      return Errc::kNotFound;
    case EEXIST:
      return Errc::kExists;
    case EACCES:
    case EPERM:
    case EROFS:
      return Errc::kDenied;
    case ENOSYS:
    case EOPNOTSUPP:
      return Errc::kUnsupported;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return Errc::kExhausted;
    case ECONNREFUSED:
    case ETIMEDOUT:
      return Errc::kUnavailable;
    case EINVAL:
    case ENAMETOOLONG:
    case ELOOP:
    case EISDIR:
      return Errc::kInvalid;
    default:
      return Errc::kInternal;
  }
}

}  // namespace

std::string_view ErrcName(Errc code) {
  switch (code) {
    case Errc::kInvalid:
      return "invalid";
    case Errc::kNotFound:
      return "not found";
    case Errc::kExists:
      return "exists";
    case Errc::kDenied:
      return "denied";
    case Errc::kUnsupported:
      return "unsupported";
    case Errc::kCorrupt:
      return "corrupt";
    case Errc::kConflict:
      return "conflict";
    case Errc::kExhausted:
      return "exhausted";
    case Errc::kUnavailable:
      return "unavailable";
    case Errc::kInternal:
      return "internal";
  }
  return "internal";
}

Error Error::FromErrno(std::string_view attempted) { return FromErrno(attempted, errno); }

Error Error::FromErrno(std::string_view attempted, int sys_errno) {
  std::string message(attempted);
  message += ": ";
  message += std::strerror(sys_errno);  // NOLINT(concurrency-mt-unsafe): glibc's is thread-safe
  return {CodeOf(sys_errno), std::move(message), sys_errno};
}

Error Error::Within(std::string_view context) && {
  std::string message(context);
  message += ": ";
  message += message_;
  return {code_, std::move(message), errno_};
}

}  // namespace aegis::base
