#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

// Mounts by descriptor (Linux 5.2 and newer): a mount is made or copied detached, held by its
// descriptor, and attached at a place that is a descriptor too. No name is looked up twice, and no
// symlink is followed anywhere. Part of builder.h; not for other modules.
namespace aegis::sandbox {

struct FilesystemOption {
  const char* key;
  const char* value;
};

// A new file system ("tmpfs", "proc", "devpts"), detached; nosuid, nodev but for devpts.
base::Result<base::UniqueFd> NewFilesystem(const char* type, const FilesystemOption* options,
                                           unsigned long count);
base::Result<base::UniqueFd> NewTmpfs(unsigned mode);

// `path` below the directory `root`, O_PATH, through no symlink; "/" is `root` itself.
base::Result<base::UniqueFd> OpenPlace(int root, std::string_view path);

// A detached copy of the tree or file at a place, with everything mounted below it.
base::Result<base::UniqueFd> CopyTree(int place);
base::Result<base::UniqueFd> CopyTree(int root, const std::string& path);

// Attaches a detached mount.
base::Result<> Attach(int mount, int place);

// The mount whose root `mount` is, becomes read-only; `deep`: with all below it.
base::Result<> MakeReadOnly(int mount, bool deep);

}  // namespace aegis::sandbox
