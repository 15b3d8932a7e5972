#include "sandbox/directory_stamp.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "sandbox/uapi.h"

namespace aegis::sandbox {
namespace {

constexpr std::uint64_t kXfs = 0x58465342;  // linux/magic.h lacks it

std::optional<DirectoryStamp> Stamp(int directory, const char* path, int flags) {
  constexpr unsigned kWanted = STATX_TYPE | STATX_INO | STATX_CTIME;
  struct statx status{};
  if (::statx(directory, path, flags | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC,
              kWanted | uapi::kStatxMntIdUnique, &status) != 0 ||
      (status.stx_mask & kWanted) != kWanted || !S_ISDIR(status.stx_mode) ||
      (status.stx_attributes & STATX_ATTR_ENCRYPTED) != 0) {
    return {};
  }
  const bool whole = status.stx_ctime.tv_nsec == 0;
  if (whole && (status.stx_mask & uapi::kStatxMntIdUnique) == 0) {
    return {};
  }
  return DirectoryStamp{.device = makedev(status.stx_dev_major, status.stx_dev_minor),
                        .inode = status.stx_ino,
                        .seconds = status.stx_ctime.tv_sec,
                        .nanoseconds = status.stx_ctime.tv_nsec,
                        .mount = whole ? status.stx_mnt_id : 0};
}

}  // namespace

std::optional<DirectoryStamp> StampByName(const std::string& path) {
  return Stamp(AT_FDCWD, path.c_str(), 0);
}

std::optional<DirectoryStamp> StampByDescriptor(int fd) { return Stamp(fd, "", AT_EMPTY_PATH); }

bool HasStamps(int fd) {
  struct statfs status{};
  return ::fstatfs(fd, &status) == 0 && TellsChanges(static_cast<std::uint32_t>(status.f_type));
}

bool TellsChanges(std::uint64_t type) {
  constexpr std::array<std::uint64_t, 5> kKnown = {EXT4_SUPER_MAGIC, kXfs, BTRFS_SUPER_MAGIC,
                                                   F2FS_SUPER_MAGIC, TMPFS_MAGIC};
  return std::ranges::find(kKnown, type) != kKnown.end();
}

}  // namespace aegis::sandbox
