#include "base/file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>   // rename
#include <stdlib.h>  // mkostemp, realpath: POSIX, absent from <cstdlib>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/text.h"
#include "base/unique_fd.h"

namespace aegis::base {

namespace {

std::string Describe(std::string_view verb, std::string_view path) {
  std::string text(verb);
  text += ' ';
  AppendEscapedName(text, path);
  return text;
}

// A NUL would make the kernel see a shorter name than the one that was checked.
Result<> CheckName(std::string_view verb, const std::string& path) {
  if (path.empty()) {
    return Fail(Errc::kInvalid, Describe(verb, "an empty path"));
  }
  if (path.find('\0') != std::string::npos) {
    return Fail(Errc::kInvalid,
                Describe(verb, path.substr(0, path.find('\0'))) + ": the path contains a NUL byte");
  }
  return {};
}

std::string DirectoryOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) {
    return ".";
  }
  return slash == 0 ? "/" : path.substr(0, slash);
}

// Removes the temporary file unless it was renamed into place.
class TemporaryName {
 public:
  explicit TemporaryName(std::string path) : path_(std::move(path)) {}
  TemporaryName(const TemporaryName&) = delete;
  TemporaryName& operator=(const TemporaryName&) = delete;
  ~TemporaryName() {
    if (!path_.empty()) {
      ::unlink(path_.c_str());
    }
  }
  const std::string& path() const { return path_; }
  void Keep() { path_.clear(); }

 private:
  std::string path_;
};

Result<> SyncDirectory(const std::string& directory) {
  AEGIS_ASSIGN(const UniqueFd fd, Open(directory, O_RDONLY | O_DIRECTORY));
  if (::fsync(fd.get()) != 0) {
    return FailErrno(Describe("sync", directory));
  }
  return {};
}

Result<> Replace(const std::string& path, std::string_view content, mode_t mode, bool synced) {
  AEGIS_TRY(CheckName("write", path));
  std::string name = path + ".XXXXXX";
  const UniqueFd fd(::mkostemp(name.data(), O_CLOEXEC));
  if (!fd.valid()) {
    return FailErrno(Describe("write", path));
  }
  TemporaryName temporary(name);
  if (auto wrote = WriteAll(fd.get(), content); !wrote) {
    return Fail(std::move(wrote).error().Within(Describe("write", path)));
  }
  if (::fchmod(fd.get(), mode) != 0 || (synced && ::fsync(fd.get()) != 0) ||
      ::rename(temporary.path().c_str(), path.c_str()) != 0) {
    return FailErrno(Describe("write", path));
  }
  temporary.Keep();
  return {};
}

Result<> MakeDirectory(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0) {
    return {};
  }
  const int mkdir_errno = errno;
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) {
    return Fail(Error::FromErrno(Describe("make directory", path), mkdir_errno));
  }
  if (!S_ISDIR(info.st_mode)) {
    return Fail(Errc::kExists, Describe("make directory", path) + ": exists and is no directory");
  }
  return {};
}

}  // namespace

Result<UniqueFd> Open(const std::string& path, int flags, mode_t mode) {
  AEGIS_TRY(CheckName("open", path));
  UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
  if (!fd.valid()) {
    return FailErrno(Describe("open", path));
  }
  return fd;
}

Result<std::string> ReadFile(const std::string& path, std::size_t limit) {
  // O_NONBLOCK: a FIFO put where a file is expected must not hold us up before fstat sees it.
  AEGIS_ASSIGN(const UniqueFd fd, Open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) {
    return FailErrno(Describe("read", path));
  }
  if (!S_ISREG(info.st_mode)) {
    return Fail(Errc::kInvalid, Describe("read", path) + ": not a regular file");
  }
  // The size is a hint: files of /proc have none, others may change.
  constexpr std::size_t kLeast = 4096;
  constexpr std::size_t kMost = std::size_t{1} << 20U;
  const auto size = static_cast<std::size_t>(info.st_size);
  std::string content;
  for (;;) {
    const std::size_t used = content.size();
    const std::size_t wanted = std::clamp(size > used ? size - used : 0, kLeast, kMost);
    content.resize(used + 1 + std::min(wanted, limit - used));  // one more shows an excess
    const ssize_t got = ::read(fd.get(), content.data() + used, content.size() - used);
    if (got < 0 && errno != EINTR) {
      return FailErrno(Describe("read", path));
    }
    content.resize(used + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) {
      return content;
    }
    if (content.size() > limit) {
      return Fail(Errc::kExhausted,
                  Describe("read", path) + ": larger than " + std::to_string(limit) + " bytes");
    }
  }
}

Result<> WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(fd, bytes.data(), bytes.size());
    if (wrote < 0) {
      if (errno == EINTR) {
        continue;
      }
      return FailErrno("write");
    }
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

Result<> WriteFileAtomic(const std::string& path, std::string_view content, mode_t mode) {
  AEGIS_TRY(Replace(path, content, mode, true));
  return SyncDirectory(DirectoryOf(path));
}

Result<> ReplaceFile(const std::string& path, std::string_view content, mode_t mode) {
  return Replace(path, content, mode, false);
}

Result<> MakeDirectories(const std::string& path, mode_t mode) {
  AEGIS_TRY(CheckName("make directory", path));
  for (std::size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
    AEGIS_TRY(MakeDirectory(path.substr(0, at), mode));
  }
  return MakeDirectory(path, mode);
}

bool IsCanonicalText(std::string_view path) {
  if (!path.starts_with('/') || path.find('\0') != std::string_view::npos) {
    return false;
  }
  for (std::size_t at = 0; path != "/" && at < path.size();) {
    const std::size_t end = std::min(path.find('/', at + 1), path.size());
    const std::string_view name = path.substr(at + 1, end - at - 1);
    if (name.empty() || name == "." || name == "..") {
      return false;
    }
    at = end;
  }
  return true;
}

PlainLookup LookUpPlainly(const std::string& path) {
  if (!IsCanonicalText(path)) {
    return PlainLookup::kUnclear;
  }
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_NO_SYMLINKS;
  const UniqueFd fd(
      static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how)));
  if (fd.valid()) {
    return PlainLookup::kFound;
  }
  return errno == ENOENT || errno == ENOTDIR ? PlainLookup::kMissing : PlainLookup::kUnclear;
}

Result<std::string> CanonicalPath(const std::string& path) {
  AEGIS_TRY(CheckName("resolve", path));
  const std::unique_ptr<char, decltype(&::free)> resolved(::realpath(path.c_str(), nullptr),
                                                          &::free);
  if (resolved == nullptr) {
    return FailErrno(Describe("resolve", path));
  }
  return std::string(resolved.get());
}

}  // namespace aegis::base
