#include "sandbox/mounts.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>

#include <array>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "sandbox/uapi.h"

namespace aegis::sandbox {

base::Result<base::UniqueFd> NewFilesystem(const char* type, const FilesystemOption* options,
                                           unsigned long count) {
  const base::UniqueFd context(::fsopen(type, FSOPEN_CLOEXEC));
  if (!context.valid()) {
    return base::FailErrno(std::string("make a ") + type);
  }
  for (unsigned long i = 0; i < count; ++i) {
    if (::fsconfig(context.get(), FSCONFIG_SET_STRING, options[i].key, options[i].value, 0) != 0) {
      return base::FailErrno(std::string("set ") + options[i].key + " of a " + type);
    }
  }
  if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return base::FailErrno(std::string("make a ") + type);
  }
  const std::string_view name(type);
  const unsigned flags = name == "devpts" ? MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC
                         : name == "proc" ? MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV
                                          : MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  base::UniqueFd mount(::fsmount(context.get(), FSMOUNT_CLOEXEC, flags));
  if (!mount.valid()) {
    return base::FailErrno(std::string("mount a ") + type);
  }
  return mount;
}

base::Result<base::UniqueFd> NewTmpfs(unsigned mode) {
  std::array<char, 16> text{};
  (void)std::snprintf(text.data(), text.size(), "%o", mode);
  const std::array<FilesystemOption, 2> options = {{{"source", "tmpfs"}, {"mode", text.data()}}};
  return NewFilesystem("tmpfs", options.data(), options.size());
}

base::Result<base::UniqueFd> OpenPlace(int root, std::string_view path) {
  const std::string relative = path == "/" ? "." : std::string(path.substr(1));
  base::UniqueFd fd(uapi::OpenAt2(root, relative.c_str(), O_PATH | O_NOFOLLOW, 0,
                                  RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_BENEATH));
  if (!fd.valid()) {
    return base::FailErrno("look at " + base::EscapeName(path));
  }
  return fd;
}

base::Result<base::UniqueFd> CopyTree(int place) {
  base::UniqueFd tree(
      ::open_tree(place, "", AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!tree.valid()) {
    return base::FailErrno("bind");
  }
  return tree;
}

base::Result<base::UniqueFd> CopyTree(int root, const std::string& path) {
  AEGIS_ASSIGN(const base::UniqueFd place, OpenPlace(root, path));
  auto tree = CopyTree(place.get());
  if (!tree.has_value()) {
    return base::Fail(std::move(tree).error().Within("show " + base::EscapeName(path)));
  }
  return tree;
}

base::Result<> Attach(int mount, int place) {
  if (::move_mount(mount, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0) {
    return base::FailErrno("attach a mount");
  }
  return {};
}

base::Result<> MakeReadOnly(int mount, bool deep) {
  struct mount_attr attr{};
  attr.attr_set = MOUNT_ATTR_RDONLY;
  const unsigned flags = deep ? AT_EMPTY_PATH | AT_RECURSIVE : AT_EMPTY_PATH;
  if (::mount_setattr(mount, "", flags, &attr, sizeof attr) != 0) {
    return base::FailErrno("make a mount read-only");
  }
  return {};
}

}  // namespace aegis::sandbox
