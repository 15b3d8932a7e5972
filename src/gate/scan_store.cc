#include "gate/scan_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <string>

#include "base/file.h"
#include "base/unique_fd.h"

namespace aegis::gate {
namespace {

constexpr mode_t kPrivateFile = 0600;

bool IsTrusted(const struct stat& status) {
  return S_ISREG(status.st_mode) && (status.st_uid == ::geteuid() || status.st_uid == 0) &&
         (status.st_mode & (S_IWGRP | S_IWOTH)) == 0 &&
         static_cast<std::size_t>(status.st_size) <= kMostScanBytes;
}

// The first `size` bytes; empty if there are fewer.
std::string ReadSized(int fd, std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t at = 0; at < size;) {
    const ssize_t got = ::read(fd, bytes.data() + at, size - at);
    if (got == 0 || (got < 0 && errno != EINTR)) {
      return {};
    }
    at += static_cast<std::size_t>(std::max<ssize_t>(got, 0));
  }
  return bytes;
}

}  // namespace

std::string FileScanStore::Load() {
  const base::UniqueFd fd(
      ::open(path_.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat status{};
  if (!fd.valid() || ::fstat(fd.get(), &status) != 0 || !IsTrusted(status)) {
    return {};
  }
  return ReadSized(fd.get(), static_cast<std::size_t>(status.st_size));
}

void FileScanStore::Save(const std::string& file) {
  static_cast<void>(base::ReplaceFile(path_, file, kPrivateFile));
}

std::string ScanEpoch() {
  const auto boot = base::ReadFile("/proc/sys/kernel/random/boot_id");
  struct stat program{};
  if (!boot || boot->empty() || ::stat("/proc/self/exe", &program) != 0) {
    return {};
  }
  std::string epoch = *boot;
  for (const auto& part : {std::to_string(program.st_dev), std::to_string(program.st_ino),
                           std::to_string(program.st_ctim.tv_sec),
                           std::to_string(program.st_ctim.tv_nsec), std::to_string(::geteuid())}) {
    epoch.append(part).append("\n");
  }
  return epoch;
}

}  // namespace aegis::gate
