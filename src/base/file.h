#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace aegis::base {

// Reads a whole regular file; more than `limit` bytes is kExhausted, a directory or device
// kInvalid.
Result<std::string> ReadFile(const std::string& path, std::size_t limit = 16U << 20U);

// Replaces `path` atomically: temporary file beside it, fsync, rename, fsync of the directory.
// A crash leaves the old content or the new one.
Result<> WriteFileAtomic(const std::string& path, std::string_view content, mode_t mode);

// As WriteFileAtomic, but synced nowhere: other processes see the old content or the new one; after
// a crash of the machine it may be any. For what can be made again, and shows damage.
Result<> ReplaceFile(const std::string& path, std::string_view content, mode_t mode);

// Makes a directory and its missing parents with `mode`; an existing directory is no error.
Result<> MakeDirectories(const std::string& path, mode_t mode);

// Writes all bytes, over short writes and EINTR.
Result<> WriteAll(int fd, std::string_view bytes);

// Opens with O_CLOEXEC added; the error names the path in escaped form.
Result<UniqueFd> Open(const std::string& path, int flags, mode_t mode = 0);

// Whether a path is absolute and has no NUL and no empty, "." or ".." components: canonical as it
// stands, unless a symlink is in it.
bool IsCanonicalText(std::string_view path);

// What a lookup finds that follows no symlink.
enum class PlainLookup {
  kFound,    // the name exists, and is its own canonical path
  kMissing,  // it does not, and no symlink leads towards it
  kUnclear,  // a symlink is on the way, the path is no canonical one, or the kernel can't tell
};

// One system call (openat2(2), RESOLVE_NO_SYMLINKS).
PlainLookup LookUpPlainly(const std::string& path);

// The absolute path without `.`, `..`, symlinks or trailing slash; the name must exist.
Result<std::string> CanonicalPath(const std::string& path);

}  // namespace aegis::base
