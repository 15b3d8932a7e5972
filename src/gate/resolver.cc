#include "gate/resolver.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/unique_fd.h"
#include "gate/process_table.h"
#include "gate/roots.h"
#include "gate/walk.h"
#include "sandbox/uapi.h"

namespace aegis::gate {

namespace {

base::UniqueFd OpenPath(int base, const char* path, std::uint64_t flags) {
  return base::UniqueFd(
      sandbox::uapi::OpenAt2(base, path, O_PATH | flags, 0, RESOLVE_NO_MAGICLINKS));
}

Resolved Stopped(int error) {
  Resolved nothing;
  nothing.error = error;
  nothing.stopped = true;
  return nothing;
}

// Whether the last component is an ordinary name: not empty, ".", ".." or followed by a slash.
bool EndsInName(std::string_view path) {
  const std::string_view leaf = path.substr(path.rfind('/') + 1);  // npos + 1 == 0
  return !leaf.empty() && leaf != "." && leaf != "..";
}

}  // namespace

Resolver::Base Resolver::OpenBase(Process& process, int dirfd, bool absolute) {
  Base base;
  if (absolute) {
    base.fd = AT_FDCWD;  // not looked at: the root of this process is the agent's
  } else if (dirfd == AT_FDCWD) {
    base.fd = processes_.WorkingDirectory(process);
  } else {
    base.own = processes_.Descriptor(process, dirfd);
    base.fd = base.own.get();
  }
  return base;
}

base::UniqueFd Resolver::OpenParent(const Base& base, std::string_view path) const {
  const std::size_t slash = path.rfind('/');
  const std::string directory(slash == std::string_view::npos ? "." : path.substr(0, slash + 1));
  return OpenPath(base.fd, directory.c_str(), O_DIRECTORY);
}

Resolved Resolver::WalkFrom(Process& process, const Base& base, std::string_view path, Leaf leaf,
                            std::uint64_t resolve) const {
  base::UniqueFd start;
  if (base.fd >= 0) {
    start.Reset(::fcntl(base.fd, F_DUPFD_CLOEXEC, 0));
  }
  return Walk(roots_, &process, resolve).Run(std::move(start), path, leaf);
}

bool Resolver::IsProc(int fd, dev_t device) {
  const auto [entry, is_new] = proc_devices_.try_emplace(device, false);
  if (is_new) {
    entry->second = IsProcFs(fd);
  }
  return entry->second;
}

// A directory in which a missing name is missing outside too, and in which no name is special.
bool Resolver::IsPlain(const base::UniqueFd& directory) {
  struct stat st{};
  return ::fstat(directory.get(), &st) == 0 && !roots_.IsSynthetic(st.st_dev) &&
         !IsProc(directory.get(), st.st_dev);
}

Resolved Resolver::ResolveObject(Process& process, int dirfd, std::string_view path, Leaf leaf) {
  if (path.empty()) {
    return Stopped(ENOENT);
  }
  const Base base = OpenBase(process, dirfd, path.starts_with('/'));
  if (base.fd == -1) {
    return Stopped(EBADF);
  }
  const std::string text(path);
  Resolved resolved;
  resolved.object = OpenPath(base.fd, text.c_str(), leaf == Leaf::kKeep ? O_NOFOLLOW : 0);
  if (resolved.object.valid() && ::fstat(resolved.object.get(), &resolved.st) == 0 &&
      !IsProc(resolved.object.get(), resolved.st.st_dev)) {
    resolved.name = NameOf(roots_, resolved.object.get());
    return resolved;
  }
  return WalkFrom(process, base, path, leaf);
}

Resolved Resolver::ResolveNew(Process& process, int dirfd, std::string_view path) {
  if (path.empty()) {
    return Stopped(ENOENT);
  }
  const Base base = OpenBase(process, dirfd, path.starts_with('/'));
  if (base.fd == -1) {
    return Stopped(EBADF);
  }
  if (EndsInName(path)) {
    Resolved resolved;
    resolved.parent = OpenParent(base, path);
    if (resolved.parent.valid() && IsPlain(resolved.parent)) {
      resolved.error = ENOENT;
      resolved.leaf = path.substr(path.rfind('/') + 1);
      resolved.name = JoinPath(NameOf(roots_, resolved.parent.get()), resolved.leaf);
      return resolved;
    }
  }
  return WalkFrom(process, base, path, Leaf::kKeep);
}

Resolved Resolver::Resolve(Process& process, int dirfd, std::string_view path, Leaf leaf) {
  if (path.empty()) {
    return Stopped(ENOENT);
  }
  const Base base = OpenBase(process, dirfd, path.starts_with('/'));
  if (base.fd == -1) {
    return Stopped(EBADF);
  }
  if (EndsInName(path)) {
    Resolved resolved;
    resolved.leaf = path.substr(path.rfind('/') + 1);
    resolved.parent = OpenParent(base, path);
    if (resolved.parent.valid()) {
      resolved.object = OpenPath(resolved.parent.get(), resolved.leaf.c_str(), O_NOFOLLOW);
      const int error = resolved.object.valid() ? 0 : errno;
      const bool found = resolved.object.valid() &&
                         ::fstat(resolved.object.get(), &resolved.st) == 0 &&
                         !IsProc(resolved.object.get(), resolved.st.st_dev) &&
                         !(leaf == Leaf::kFollow && S_ISLNK(resolved.st.st_mode));
      const bool missing = error == ENOENT && IsPlain(resolved.parent);
      if (found || missing) {
        resolved.error = error;
        resolved.name = JoinPath(NameOf(roots_, resolved.parent.get()), resolved.leaf);
        return resolved;
      }
    }
  }
  return WalkFrom(process, base, path, leaf);
}

Resolved Resolver::ResolveWithin(Process& process, int dirfd, std::string_view path, Leaf leaf,
                                 std::uint64_t resolve) {
  if (path.empty()) {
    return Stopped(ENOENT);
  }
  const bool absolute = path.starts_with('/') && (resolve & RESOLVE_IN_ROOT) == 0;
  const Base base = OpenBase(process, dirfd, absolute);
  return base.fd == -1 ? Stopped(EBADF) : WalkFrom(process, base, path, leaf, resolve);
}

Resolved Resolver::ResolveDescriptor(Process& process, int fd) {
  Resolved resolved;
  resolved.object = processes_.Descriptor(process, fd);
  if (!resolved.object.valid() || ::fstat(resolved.object.get(), &resolved.st) != 0) {
    return Stopped(EBADF);
  }
  resolved.name = NameOf(roots_, resolved.object.get());
  if (!resolved.name.empty() && !resolved.name.starts_with('/')) {
    resolved.name = "/proc/self/fd/" + std::to_string(fd);
  }
  NameInProc(process, resolved);
  return resolved;
}

}  // namespace aegis::gate
