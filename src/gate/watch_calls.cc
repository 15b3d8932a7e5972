#include "gate/watch_calls.h"

#include <fcntl.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "gate/call.h"
#include "gate/resolver.h"
#include "gate/roots.h"
#include "gate/tracee.h"
#include "policy/policy.h"

namespace aegis::gate {

namespace {

constexpr std::uint32_t kInotifyMaskCreate = 0x10000000;  // Linux 4.18; glibc 2.36 lacks it
constexpr std::uint32_t kInotifyBits = IN_ALL_EVENTS | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED |
                                       IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK |
                                       kInotifyMaskCreate | IN_MASK_ADD | IN_ISDIR | IN_ONESHOT;

// The caller's own queue, shared with it. `kind`: as the kernel names it.
SysResult<base::UniqueFd> TakeQueue(Services& services, Call& call, std::string_view kind) {
  base::UniqueFd queue = services.processes.Descriptor(call.process, call.int_arg(0));
  if (!queue.valid() || (::fcntl(queue.get(), F_GETFL) & O_PATH) != 0) {
    return SysFail(EBADF);
  }
  if (NameOf(services.roots, queue.get()) != kind) {
    return SysFail(EINVAL);
  }
  return queue;
}

// The object, judged for DirList; or the errno to answer with.
SysResult<Resolved> Watchable(Services& services, Call& call, Resolved resolved,
                              bool only_directory) {
  if (const int refused = AskAbout(services, call, policy::Action::kDirList, resolved)) {
    return SysFail(refused);
  }
  if (resolved.error != 0) {
    return SysFail(resolved.error);
  }
  if (only_directory && !S_ISDIR(resolved.st.st_mode)) {
    return SysFail(ENOTDIR);
  }
  return resolved;
}

SysResult<Resolved> WatchableAt(Services& services, Call& call, int dirfd, std::uint64_t address,
                                Leaf leaf, bool only_directory) {
  PathBuffer buffer;
  const auto path = PathArgument(services, call, address, buffer);
  if (!path) {
    return SysFail(path.error());
  }
  return Watchable(services, call,
                   services.resolver.ResolveObject(call.process, dirfd, *path, leaf),
                   only_directory);
}

}  // namespace

Reply HandleInotifyAddWatch(Services& services, Call& call) {
  const auto mask = static_cast<std::uint32_t>(call.arg(2));
  if ((mask & kInotifyBits) == 0) {
    return Reply::Fail(EINVAL);
  }
  const auto queue = TakeQueue(services, call, "anon_inode:inotify");
  if (!queue) {
    return Reply::Fail(queue.error());
  }
  if ((mask & IN_MASK_ADD) != 0 && (mask & kInotifyMaskCreate) != 0) {
    return Reply::Fail(EINVAL);
  }
  const auto object = WatchableAt(services, call, AT_FDCWD, call.arg(1),
                                  (mask & IN_DONT_FOLLOW) != 0 ? Leaf::kKeep : Leaf::kFollow,
                                  (mask & IN_ONLYDIR) != 0);
  if (!object) {
    return Reply::Fail(object.error());
  }
  const int watch = ::inotify_add_watch(queue->get(), object->NameByFd().c_str(),
                                        mask & ~std::uint32_t{IN_DONT_FOLLOW});
  return watch >= 0 ? Reply::Return(watch) : Reply::Fail(errno);
}

Reply HandleFanotifyMark(Services& services, Call& call) {
  const auto flags = static_cast<unsigned>(call.arg(1));
  if ((flags & FAN_MARK_FLUSH) != 0) {
    return Reply::Continue();  // no path is looked at
  }
  const auto queue = TakeQueue(services, call, "anon_inode:[fanotify]");
  if (!queue) {
    return Reply::Fail(queue.error());
  }
  const bool only_directory = (flags & FAN_MARK_ONLYDIR) != 0;
  const Leaf leaf = (flags & FAN_MARK_DONT_FOLLOW) != 0 ? Leaf::kKeep : Leaf::kFollow;
  const auto object =
      call.arg(4) == 0
          ? Watchable(services, call,
                      services.resolver.ResolveDescriptor(call.process, call.int_arg(3)),
                      only_directory)
          : WatchableAt(services, call, call.int_arg(3), call.arg(4), leaf, only_directory);
  if (!object) {
    return Reply::Fail(object.error());
  }
  return Reply::FromErrno(
      SysError(::fanotify_mark(queue->get(), flags & ~unsigned{FAN_MARK_DONT_FOLLOW}, call.arg(2),
                               AT_FDCWD, object->NameByFd().c_str())));
}

}  // namespace aegis::gate
