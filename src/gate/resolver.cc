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

// Whether the last component is an ordinary name: not empty, ".", ".." or followed by a slash.
bool EndsInName(std::string_view path) {
  const std::string_view leaf = path.substr(path.rfind('/') + 1);  // npos + 1 == 0
  return !leaf.empty() && leaf != "." && leaf != "..";
}

}  // namespace

base::UniqueFd Resolver::OpenBase(Process& process, int dirfd, std::string_view path) {
  if (path.starts_with('/')) {
    return base::UniqueFd(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  if (dirfd == AT_FDCWD) {
    const int cwd = processes_.WorkingDirectory(process);
    return base::UniqueFd(cwd < 0 ? -1 : ::fcntl(cwd, F_DUPFD_CLOEXEC, 0));
  }
  if (dirfd < 0) {
    return {};
  }
  const std::string link = std::to_string(process.tid) + "/fd/" + std::to_string(dirfd);
  return base::UniqueFd(::openat(roots_.host_proc.get(), link.c_str(), O_PATH | O_CLOEXEC));
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
  base::UniqueFd base = OpenBase(process, dirfd, path);
  if (!base.valid()) {
    Resolved bad;
    bad.error = EBADF;
    return bad;
  }
  const std::string text(path);
  Resolved resolved;
  resolved.object = OpenPath(base.get(), text.c_str(), leaf == Leaf::kKeep ? O_NOFOLLOW : 0);
  if (resolved.object.valid() && ::fstat(resolved.object.get(), &resolved.st) == 0 &&
      !IsProc(resolved.object.get(), resolved.st.st_dev)) {
    resolved.name = NameOf(roots_, resolved.object.get());
    return resolved;
  }
  return Walk(roots_, &process).Run(std::move(base), path, leaf);
}

Resolved Resolver::Resolve(Process& process, int dirfd, std::string_view path, Leaf leaf) {
  base::UniqueFd base = OpenBase(process, dirfd, path);
  if (!base.valid()) {
    Resolved bad;
    bad.error = EBADF;
    return bad;
  }
  if (EndsInName(path)) {
    const std::size_t slash = path.rfind('/');
    Resolved resolved;
    resolved.leaf = path.substr(slash + 1);
    resolved.parent =
        slash == std::string_view::npos
            ? base::UniqueFd(::fcntl(base.get(), F_DUPFD_CLOEXEC, 0))
            : OpenPath(base.get(), std::string(path.substr(0, slash + 1)).c_str(), O_DIRECTORY);
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
  return Walk(roots_, &process).Run(std::move(base), path, leaf);
}

Resolved Resolver::ResolveDescriptor(const Process& process, int fd) {
  Resolved resolved;
  const std::string number = std::to_string(fd);
  const std::string link = std::to_string(process.tid) + "/fd/" + number;
  if (fd >= 0) {
    resolved.object.Reset(::openat(roots_.host_proc.get(), link.c_str(), O_PATH | O_CLOEXEC));
  }
  if (!resolved.object.valid() || ::fstat(resolved.object.get(), &resolved.st) != 0) {
    resolved.error = EBADF;
    return resolved;
  }
  resolved.name = NameOf(roots_, resolved.object.get());
  if (!resolved.name.starts_with('/')) {
    resolved.name = "/proc/self/fd/" + number;
  }
  NameInProc(process, resolved);
  return resolved;
}

}  // namespace aegis::gate
