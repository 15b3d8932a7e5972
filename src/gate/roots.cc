#include "gate/roots.h"

#include <fcntl.h>
#include <linux/limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace aegis::gate {

bool Roots::IsSynthetic(dev_t device) const {
  return std::ranges::find(synthetic, device) != synthetic.end();
}

base::Result<Roots> OpenHostRoots() {
  Roots roots;
  AEGIS_ASSIGN(roots.host_root, base::Open("/", O_PATH | O_DIRECTORY));
  AEGIS_ASSIGN(roots.host_proc, base::Open("/proc", O_PATH | O_DIRECTORY));
  return roots;
}

base::Result<> EnterOwnFds(Roots& roots) {
  const std::string name = std::to_string(::getpid()) + "/fd";
  roots.own_fds.Reset(
      ::openat(roots.host_proc.get(), name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!roots.own_fds.valid()) {
    return base::FailErrno("open the supervisor's /proc/<pid>/fd");
  }
  if (::fchdir(roots.own_fds.get()) != 0) {
    return base::FailErrno("enter the supervisor's /proc/<pid>/fd");
  }
  return {};
}

base::Result<> LearnDevices(Roots& roots, bool composed, const std::vector<std::string>& masks) {
  struct stat st{};
  if (::stat("/proc", &st) != 0) {
    return base::FailErrno("stat /proc inside");
  }
  roots.agent_proc = st.st_dev;
  if (composed && ::stat("/", &st) == 0) {
    roots.synthetic.push_back(st.st_dev);
  }
  for (const std::string& mask : masks) {
    if (::lstat(mask.c_str(), &st) == 0 && !roots.IsSynthetic(st.st_dev)) {
      roots.synthetic.push_back(st.st_dev);
    }
  }
  return {};
}

std::string NameOf(const Roots& roots, int fd) {
  std::array<char, PATH_MAX + 16> target;
  const std::string link = std::to_string(fd);
  const ssize_t length =
      ::readlinkat(roots.own_fds.get(), link.c_str(), target.data(), target.size());
  if (length <= 0) {
    return {};
  }
  std::string_view name(target.data(), static_cast<std::size_t>(length));
  constexpr std::string_view kDeleted = " (deleted)";
  if (name.ends_with(kDeleted)) {
    // A file may really be called so: then it is still linked under this very name.
    struct stat by_name{};
    struct stat by_fd{};
    const std::string full(name);
    const bool literal = ::fstat(fd, &by_fd) == 0 && ::lstat(full.c_str(), &by_name) == 0 &&
                         by_fd.st_ino == by_name.st_ino && by_fd.st_dev == by_name.st_dev;
    if (!literal) {
      name.remove_suffix(kDeleted.size());
    }
  }
  return std::string(name);
}

}  // namespace aegis::gate
