#include "gate/metadata_calls.h"

#include <fcntl.h>
#include <linux/limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gate/call.h"
#include "gate/resolver.h"
#include "gate/tracee.h"
#include "policy/policy.h"

namespace aegis::gate {

namespace {

using policy::Action;

// The object, judged for FileWrite; or the errno to answer with.
SysResult<Resolved> Permitted(Services& services, Call& call, Resolved resolved) {
  if (const int refused = AskAbout(services, call, Action::kFileWrite, resolved)) {
    return SysFail(refused);
  }
  if (resolved.error != 0) {
    return SysFail(resolved.error);
  }
  return resolved;
}

SysResult<Resolved> ByDescriptor(Services& services, Call& call, int fd) {
  return Permitted(services, call, services.resolver.ResolveDescriptor(call.process, fd));
}

// As ByDescriptor, for calls that take open files alone: a descriptor that only names one (O_PATH)
// is none to them.
SysResult<Resolved> ByOpenFile(Services& services, Call& call, int fd) {
  Resolved resolved = services.resolver.ResolveDescriptor(call.process, fd);
  const int flags = resolved.stopped ? 0 : ::fcntl(resolved.object.get(), F_GETFL);
  if (flags < 0 || (flags & O_PATH) != 0) {
    return SysFail(EBADF);
  }
  return Permitted(services, call, std::move(resolved));
}

// `flags`: AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH as in the *at calls.
SysResult<Resolved> ByPath(Services& services, Call& call, int dirfd, std::uint64_t address,
                           int flags) {
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0) {
    return SysFail(EINVAL);
  }
  PathBuffer buffer;
  const auto path = PathArgument(services, call, address, buffer);
  if (!path) {
    return SysFail(path.error());
  }
  if (path->empty() && (flags & AT_EMPTY_PATH) != 0) {
    return dirfd == AT_FDCWD
               ? Permitted(services, call,
                           services.resolver.ResolveObject(call.process, dirfd, ".", Leaf::kFollow))
               : ByDescriptor(services, call, dirfd);
  }
  const Leaf leaf = (flags & AT_SYMLINK_NOFOLLOW) != 0 ? Leaf::kKeep : Leaf::kFollow;
  return Permitted(services, call,
                   services.resolver.ResolveObject(call.process, dirfd, *path, leaf));
}

Reply ChangeMode(const SysResult<Resolved>& object, std::uint64_t mode) {
  if (!object) {
    return Reply::Fail(object.error());
  }
  if (S_ISLNK(object->st.st_mode)) {
    return Reply::Fail(EOPNOTSUPP);  // as the kernel: links have no mode of their own
  }
  return Reply::FromErrno(
      SysError(::chmod(object->NameByFd().c_str(), static_cast<mode_t>(mode & 07777U))));
}

Reply ChangeOwner(const SysResult<Resolved>& object, std::uint64_t owner, std::uint64_t group) {
  if (!object) {
    return Reply::Fail(object.error());
  }
  const int error = SysError(::fchownat(object->object.get(), "", static_cast<uid_t>(owner),
                                        static_cast<gid_t>(group), AT_EMPTY_PATH));
  // An id that the user namespace does not map is EINVAL here, and outside what an ordinary user
  // gets for another's id.
  return Reply::FromErrno(error == EINVAL ? EPERM : error);
}

using Times = std::array<timespec, 2>;

Reply ChangeTimes(const SysResult<Resolved>& object, const timespec* times) {
  if (!object) {
    return Reply::Fail(object.error());
  }
  return Reply::FromErrno(SysError(::utimensat(object->object.get(), "", times, AT_EMPTY_PATH)));
}

// Without a path it is the open file itself that gets the times.
SysResult<Resolved> TimedObject(Services& services, Call& call, int dirfd, std::uint64_t path,
                                int flags) {
  if (path != 0 || dirfd == AT_FDCWD) {
    return ByPath(services, call, dirfd, path, flags);  // EFAULT without either
  }
  return flags == 0 ? ByOpenFile(services, call, dirfd) : SysFail(EINVAL);
}

// utimes(2): microseconds in the caller's memory; nullptr (address 0) is "now".
Reply ChangeTimesAt(Services& services, Call& call, int dirfd, std::uint64_t path,
                    std::uint64_t address) {
  Times times{};
  if (address != 0) {
    std::array<timeval, 2> micros{};
    if (const int error = MemoryArgument(services, call, address, micros.data(), sizeof(micros))) {
      return Reply::Fail(error);
    }
    for (std::size_t i = 0; i < times.size(); ++i) {
      if (micros.at(i).tv_usec < 0 || micros.at(i).tv_usec >= 1000000) {
        return Reply::Fail(EINVAL);
      }
      times.at(i) = {micros.at(i).tv_sec, micros.at(i).tv_usec * 1000};
    }
  }
  return ChangeTimes(TimedObject(services, call, dirfd, path, 0),
                     address == 0 ? nullptr : times.data());
}

// The kernel would hold the supervisor to its own limit of a file's size (RLIMIT_FSIZE). Beyond the
// caller's the thread gets SIGXFSZ, as soon as its call is answered. 0, or the errno.
int ExceedsLimit(const Services& services, const Call& call, const Resolved& file, off_t size) {
  rlimit limit{};
  if (size <= file.st.st_size) {
    return 0;
  }
  if (::prlimit(call.process.tid, RLIMIT_FSIZE, nullptr, &limit) != 0) {
    return errno;
  }
  if (limit.rlim_cur == RLIM_INFINITY || static_cast<rlim_t>(size) <= limit.rlim_cur) {
    return 0;
  }
  // Who may not write it is told that and gets no signal.
  if (::faccessat(services.roots.own_fds.get(), file.NameByFd().c_str(), W_OK, AT_EACCESS) != 0) {
    return errno;
  }
  if (services.listener.StillWaiting(call.id())) {
    ::syscall(SYS_tgkill, call.process.tgid, call.process.tid, SIGXFSZ);
  }
  return EFBIG;
}

struct Attribute {
  std::string name;
  std::vector<char> value;
};

SysResult<Attribute> ReadAttribute(Services& services, Call& call, std::uint64_t name_address,
                                   std::uint64_t value_address, std::uint64_t size) {
  PathBuffer buffer;
  const auto name = PathArgument(services, call, name_address, buffer);
  if (!name) {
    return SysFail(name.error() == ENAMETOOLONG ? ERANGE : name.error());
  }
  if (name->empty() || name->size() > XATTR_NAME_MAX) {
    return SysFail(ERANGE);
  }
  if (size > XATTR_SIZE_MAX) {
    return SysFail(E2BIG);
  }
  Attribute attribute{std::string(*name), std::vector<char>(size)};
  if (size > 0) {
    if (const int error =
            MemoryArgument(services, call, value_address, attribute.value.data(), size)) {
      return SysFail(error);
    }
  }
  return attribute;
}

// Attributes are set by path: on a symlink itself that would follow it, and the kernel allows users
// none there.
int RefusesAttributes(const SysResult<Resolved>& object) {
  if (!object) {
    return object.error();
  }
  return S_ISLNK(object->st.st_mode) ? EPERM : 0;
}

Reply SetAttribute(Services& services, Call& call, const SysResult<Resolved>& object) {
  if (const int error = RefusesAttributes(object)) {
    return Reply::Fail(error);
  }
  const auto attribute = ReadAttribute(services, call, call.arg(1), call.arg(2), call.arg(3));
  if (!attribute) {
    return Reply::Fail(attribute.error());
  }
  return Reply::FromErrno(
      SysError(::setxattr(object->NameByFd().c_str(), attribute->name.c_str(),
                          attribute->value.data(), attribute->value.size(), call.int_arg(4))));
}

Reply RemoveAttribute(Services& services, Call& call, const SysResult<Resolved>& object) {
  if (const int error = RefusesAttributes(object)) {
    return Reply::Fail(error);
  }
  const auto attribute = ReadAttribute(services, call, call.arg(1), 0, 0);
  if (!attribute) {
    return Reply::Fail(attribute.error());
  }
  return Reply::FromErrno(
      SysError(::removexattr(object->NameByFd().c_str(), attribute->name.c_str())));
}

}  // namespace

Reply HandleChmod(Services& services, Call& call) {
  return ChangeMode(ByPath(services, call, AT_FDCWD, call.arg(0), 0), call.arg(1));
}
Reply HandleFchmod(Services& services, Call& call) {
  const auto object = ByOpenFile(services, call, call.int_arg(0));
  if (!object) {
    return Reply::Fail(object.error());
  }
  return Reply::FromErrno(
      SysError(::fchmod(object->object.get(), static_cast<mode_t>(call.arg(1) & 07777U))));
}
Reply HandleFchmodAt(Services& services, Call& call) {
  return ChangeMode(ByPath(services, call, call.int_arg(0), call.arg(1), 0), call.arg(2));
}
Reply HandleFchmodAt2(Services& services, Call& call) {
  return ChangeMode(ByPath(services, call, call.int_arg(0), call.arg(1), call.int_arg(3)),
                    call.arg(2));
}
Reply HandleChown(Services& services, Call& call) {
  return ChangeOwner(ByPath(services, call, AT_FDCWD, call.arg(0), 0), call.arg(1), call.arg(2));
}
Reply HandleLchown(Services& services, Call& call) {
  return ChangeOwner(ByPath(services, call, AT_FDCWD, call.arg(0), AT_SYMLINK_NOFOLLOW),
                     call.arg(1), call.arg(2));
}
Reply HandleFchown(Services& services, Call& call) {
  return ChangeOwner(ByOpenFile(services, call, call.int_arg(0)), call.arg(1), call.arg(2));
}
Reply HandleFchownAt(Services& services, Call& call) {
  return ChangeOwner(ByPath(services, call, call.int_arg(0), call.arg(1), call.int_arg(4)),
                     call.arg(2), call.arg(3));
}

Reply HandleUtime(Services& services, Call& call) {
  utimbuf seconds{};
  if (call.arg(1) != 0) {
    if (const int error = MemoryArgument(services, call, call.arg(1), &seconds, sizeof(seconds))) {
      return Reply::Fail(error);
    }
  }
  const Times times{timespec{seconds.actime, 0}, timespec{seconds.modtime, 0}};
  return ChangeTimes(ByPath(services, call, AT_FDCWD, call.arg(0), 0),
                     call.arg(1) == 0 ? nullptr : times.data());
}
Reply HandleUtimes(Services& services, Call& call) {
  if (call.arg(0) == 0) {
    return Reply::Fail(EFAULT);
  }
  return ChangeTimesAt(services, call, AT_FDCWD, call.arg(0), call.arg(1));
}
Reply HandleFutimesAt(Services& services, Call& call) {
  return ChangeTimesAt(services, call, call.int_arg(0), call.arg(1), call.arg(2));
}
Reply HandleUtimensAt(Services& services, Call& call) {
  Times times{};
  if (call.arg(2) != 0) {
    if (const int error =
            MemoryArgument(services, call, call.arg(2), times.data(), sizeof(times))) {
      return Reply::Fail(error);
    }
  }
  const auto omits = [](const timespec& time) { return time.tv_nsec == UTIME_OMIT; };
  if (call.arg(2) != 0 && std::ranges::all_of(times, omits)) {
    return Reply::Return(0);  // nothing is changed, nor looked at
  }
  return ChangeTimes(TimedObject(services, call, call.int_arg(0), call.arg(1), call.int_arg(3)),
                     call.arg(2) == 0 ? nullptr : times.data());
}

Reply HandleTruncate(Services& services, Call& call) {
  if (static_cast<off_t>(call.arg(1)) < 0) {
    return Reply::Fail(EINVAL);
  }
  const auto object = ByPath(services, call, AT_FDCWD, call.arg(0), 0);
  if (!object) {
    return Reply::Fail(object.error());
  }
  if (!S_ISREG(object->st.st_mode)) {
    return Reply::Fail(S_ISDIR(object->st.st_mode) ? EISDIR : EINVAL);
  }
  const auto size = static_cast<off_t>(call.arg(1));
  if (const int error = ExceedsLimit(services, call, *object, size)) {
    return Reply::Fail(error);
  }
  return Reply::FromErrno(SysError(::truncate(object->NameByFd().c_str(), size)));
}

Reply HandleSetxattr(Services& services, Call& call) {
  return SetAttribute(services, call, ByPath(services, call, AT_FDCWD, call.arg(0), 0));
}
Reply HandleLsetxattr(Services& services, Call& call) {
  return SetAttribute(services, call,
                      ByPath(services, call, AT_FDCWD, call.arg(0), AT_SYMLINK_NOFOLLOW));
}
Reply HandleFsetxattr(Services& services, Call& call) {
  return SetAttribute(services, call, ByOpenFile(services, call, call.int_arg(0)));
}
Reply HandleRemovexattr(Services& services, Call& call) {
  return RemoveAttribute(services, call, ByPath(services, call, AT_FDCWD, call.arg(0), 0));
}
Reply HandleLremovexattr(Services& services, Call& call) {
  return RemoveAttribute(services, call,
                         ByPath(services, call, AT_FDCWD, call.arg(0), AT_SYMLINK_NOFOLLOW));
}
Reply HandleFremovexattr(Services& services, Call& call) {
  return RemoveAttribute(services, call, ByOpenFile(services, call, call.int_arg(0)));
}

Reply HandleInodeIoctl(Services& services, Call& call) {
  const auto object = ByDescriptor(services, call, call.int_arg(0));
  return object ? Reply::Continue() : Reply::Fail(object.error());
}

}  // namespace aegis::gate
