#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace aegis::sandbox {

// Tells a directory with certain entries from another one, and from itself with other entries: who
// adds, removes, renames or replaces an entry changes the directory's ctime, and only who sets the
// machine's clock has a choice of what to. So equal stamps mean equal entries as long as the
// machine runs, with one exception: the clock has steps. A change in the same step as the one
// before leaves the stamp as it was, so a stamp says nothing about what was read while it was
// young.
struct DirectoryStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t seconds = 0;  // of the ctime
  std::uint32_t nanoseconds = 0;
  std::uint64_t mount = 0;  // for a ctime of whole seconds; no other mount has it before a restart

  friend bool operator==(const DirectoryStamp&, const DirectoryStamp&) = default;
};

// By statx(2); nothing if it fails, for anything but a directory, and for an encrypted one, whose
// names depend on who has the key. A ctime of whole seconds may be made up, as in an image built to
// be the same each time: another such image, mounted in place of this one, would have equal stamps.
// So the mount counts there, and before Linux 6.8, which first tells one from all others, nothing
// is said. Asks no file server anew, and mounts nothing.
std::optional<DirectoryStamp> StampByName(const std::string& path);
std::optional<DirectoryStamp> StampByDescriptor(int fd);

// Whether stamps tell anything in the file system in which a file is open: of those known for it,
// all on local disks or in memory. Not in network file systems, overlays, FUSE or what the kernel
// makes up, where entries change by ways that no ctime shows.
bool HasStamps(int fd);
// The same by statfs(2)'s f_type.
bool TellsChanges(std::uint64_t type);

}  // namespace aegis::sandbox
