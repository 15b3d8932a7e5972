#include "sandbox/builder.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "sandbox/mounts.h"
#include "sandbox/paths.h"
#include "sandbox/plan.h"
#include "sandbox/uapi.h"

namespace aegis::sandbox {
namespace {

using Kind = Mount::Kind;

// A directory to hang mounts up for a moment, in our own namespace; any that exists will do.
constexpr std::array<const char*, 5> kStaging = {"/tmp", "/run", "/mnt", "/usr", "/proc"};

class Builder {
 public:
  explicit Builder(const Plan& plan) : plan_(plan), sources_(plan.mounts.size()) {}

  base::Result<> Run() {
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
      return base::Fail(
          base::Errc::kUnsupported,
          "mounts in a user namespace are refused (AppArmor or another security "
          "module; on Ubuntu: sysctl kernel.apparmor_restrict_unprivileged_userns=0)");
    }
    AEGIS_ASSIGN(host_, base::Open("/", O_PATH | O_DIRECTORY));
    AEGIS_TRY(TakeSources());
    AEGIS_TRY(TakeMasks());
    AEGIS_TRY(OpenRoot());
    for (std::size_t i = 0; i < plan_.mounts.size(); ++i) {
      if (auto made = Make(plan_.mounts[i], sources_[i]); !made.has_value()) {
        return base::Fail(std::move(made).error().Within(
            "make " + base::EscapeName(plan_.mounts[i].target) + " in the sandbox"));
      }
    }
    return plan_.whole_root ? base::Result<>() : EnterRoot();
  }

 private:
  // Copies of all that is shown, before anything is mounted over it.
  base::Result<> TakeSources() {
    for (std::size_t i = 0; i < plan_.mounts.size(); ++i) {
      const Mount& mount = plan_.mounts[i];
      if (mount.kind != Kind::kBind) {
        continue;
      }
      auto tree = CopyTree(host_.get(), mount.source);
      if (tree.has_value()) {
        sources_[i] = std::move(tree).value();
      } else if (!mount.optional && tree.error().sys_errno() != ENOENT) {
        return base::Fail(std::move(tree).error());
      }
    }
    return {};
  }

  // One tmpfs with an empty directory, an empty file and the texts of ours; a copy of one of them
  // for each mask and text. (A
  // copy can only be taken of what is attached.)
  base::Result<> TakeMasks() {
    const auto is_mask = [](const Mount& mount) {
      return mount.kind == Kind::kMaskDir || mount.kind == Kind::kMaskFile ||
             mount.kind == Kind::kText;
    };
    if (std::ranges::none_of(plan_.mounts, is_mask)) {
      return {};
    }
    AEGIS_ASSIGN(const base::UniqueFd tmpfs, NewTmpfs(0755));
    if (::mkdirat(tmpfs.get(), "directory", 0555) != 0) {
      return base::FailErrno("make an empty directory for masks");
    }
    const base::UniqueFd file(
        ::openat(tmpfs.get(), "file", O_CREAT | O_EXCL | O_RDONLY | O_CLOEXEC, 0));
    if (!file.valid() || ::fchmod(file.get(), 0) != 0) {
      return base::FailErrno("make an empty file for masks");
    }
    AEGIS_TRY(WriteTexts(tmpfs.get()));
    AEGIS_TRY(MakeReadOnly(tmpfs.get(), false));
    AEGIS_ASSIGN(const std::string staging, AttachToStaging(tmpfs.get()));
    for (std::size_t i = 0; i < plan_.mounts.size(); ++i) {
      if (is_mask(plan_.mounts[i])) {
        AEGIS_ASSIGN(sources_[i], CopyTree(tmpfs.get(), NameInTmpfs(i)));
      }
    }
    if (::umount2(staging.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0) {
      return base::FailErrno("put the masks' tmpfs away");
    }
    return {};
  }

  std::string NameInTmpfs(std::size_t mount) const {
    switch (plan_.mounts[mount].kind) {
      case Kind::kText:
        return "/text" + std::to_string(mount);
      case Kind::kMaskDir:
        return "/directory";
      default:
        return "/file";
    }
  }

  // The texts that stand in the place of the host's files.
  base::Result<> WriteTexts(int tmpfs) const {
    constexpr mode_t kReadable = 0444;
    for (std::size_t i = 0; i < plan_.mounts.size(); ++i) {
      const std::string& text = plan_.mounts[i].source;
      if (plan_.mounts[i].kind != Kind::kText) {
        continue;
      }
      const base::UniqueFd file(::openat(tmpfs, NameInTmpfs(i).substr(1).c_str(),
                                         O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, kReadable));
      if (!file.valid() || ::fchmod(file.get(), kReadable) != 0 ||
          ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
        return base::FailErrno("write a file for the sandbox");
      }
    }
    return {};
  }

  base::Result<std::string> AttachToStaging(int mount) {
    for (const char* candidate : kStaging) {
      const auto place = OpenPlace(host_.get(), candidate);
      if (place.has_value() && Attach(mount, place->get()).has_value()) {
        return std::string(candidate);
      }
    }
    return base::Fail(base::Errc::kUnsupported,
                      "mount in a user namespace: no directory to mount on");
  }

  base::Result<> OpenRoot() {
    if (plan_.whole_root) {
      root_ = std::move(host_);
      return {};
    }
    AEGIS_ASSIGN(root_, NewTmpfs(0755));
    // The kernel gives a fresh /proc only to who sees a complete one. Init mounts over this one.
    AEGIS_ASSIGN(const base::UniqueFd proc, CopyTree(host_.get(), "/proc"));
    AEGIS_TRY(AttachToStaging(root_.get()));
    if (::mkdirat(root_.get(), "proc", 0555) != 0) {
      return base::FailErrno("make /proc in the sandbox");
    }
    AEGIS_ASSIGN(const base::UniqueFd place, OpenPlace(root_.get(), "/proc"));
    return Attach(proc.get(), place.get());
  }

  base::Result<> Make(const Mount& mount, const base::UniqueFd& source) {
    switch (mount.kind) {
      case Kind::kDirectory:
      case Kind::kFile:
      case Kind::kSymlink:
        return MakeName(mount);
      case Kind::kTmpfs: {
        AEGIS_ASSIGN(const base::UniqueFd tmpfs, NewTmpfs(mount.mode));
        return Place(mount, tmpfs);
      }
      case Kind::kDevpts: {
        const std::array<FilesystemOption, 3> options = {
            {{"source", "devpts"}, {"ptmxmode", "0666"}, {"mode", "0620"}}};
        AEGIS_ASSIGN(const base::UniqueFd devpts,
                     NewFilesystem("devpts", options.data(), options.size()));
        return Place(mount, devpts);
      }
      case Kind::kBind:
      case Kind::kMaskDir:
      case Kind::kMaskFile:
      case Kind::kText:
        if (!source.valid()) {
          return {};  // optional, and not there
        }
        if (mount.read_only) {
          AEGIS_TRY(MakeReadOnly(source.get(), true));
        }
        return Place(mount, source);
      case Kind::kReadOnly: {
        const auto place = OpenPlace(root_.get(), mount.target);
        const auto done =
            place.has_value() ? MakeReadOnly(place->get(), true) : base::Fail(place.error());
        return mount.optional ? base::Result<>() : done;
      }
    }
    return base::Fail(base::Errc::kInternal, "unknown kind of mount");
  }

  base::Result<> Place(const Mount& mount, const base::UniqueFd& tree) {
    auto place = OpenPlace(root_.get(), mount.target);
    if (!place.has_value()) {
      return mount.optional ? base::Result<>() : base::Fail(std::move(place).error());
    }
    return Attach(tree.get(), place->get());
  }

  // Only ever in a tmpfs of ours: the plan makes no name elsewhere.
  base::Result<> MakeName(const Mount& mount) {
    AEGIS_ASSIGN(const base::UniqueFd parent, OpenPlace(root_.get(), ParentOf(mount.target)));
    const std::string leaf = mount.target.substr(mount.target.rfind('/') + 1);
    int made = -1;
    if (mount.kind == Kind::kDirectory) {
      made = ::mkdirat(parent.get(), leaf.c_str(), mount.mode);
    } else if (mount.kind == Kind::kSymlink) {
      made = ::symlinkat(mount.source.c_str(), parent.get(), leaf.c_str());
    } else {
      const base::UniqueFd file(::openat(
          parent.get(), leaf.c_str(), O_CREAT | O_EXCL | O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0444));
      made = file.valid() ? 0 : -1;
    }
    if (made != 0) {
      return base::FailErrno("make a name");
    }
    return {};
  }

  // pivot_root(2), "pivot_root(".", ".")": the old root ends up over the new one and is detached.
  base::Result<> EnterRoot() {
    if (::fchdir(root_.get()) != 0 || uapi::PivotRoot(".", ".") != 0) {
      return base::FailErrno("enter the composed root");
    }
    if (::umount2(".", MNT_DETACH) != 0 || ::chdir("/") != 0) {
      return base::FailErrno("leave the old root");
    }
    return MakeReadOnly(root_.get(), false);
  }

  const Plan& plan_;
  base::UniqueFd host_;
  base::UniqueFd root_;                  // where targets are looked up
  std::vector<base::UniqueFd> sources_;  // by index of plan_.mounts
};

// What the plan masks must be masked, unless this /proc does not have it.
base::Result<> MaskOne(int root, const Mount& mount) {
  const auto place = OpenPlace(root, mount.target);
  if (!place.has_value()) {
    return place.error().sys_errno() == ENOENT ? base::Result<>() : base::Fail(place.error());
  }
  AEGIS_ASSIGN(const base::UniqueFd mask,
               mount.kind == Kind::kMaskDir ? NewTmpfs(0555) : CopyTree(root, mount.source));
  AEGIS_TRY(MakeReadOnly(mask.get(), false));
  return Attach(mask.get(), place->get());
}

base::Result<> MountOne(int root, const Mount& mount) {
  if (mount.kind == Kind::kMaskDir || mount.kind == Kind::kMaskFile) {
    return MaskOne(root, mount);
  }
  auto tree = CopyTree(root, mount.source);
  auto place = OpenPlace(root, mount.target);
  if (!tree.has_value() || !place.has_value()) {
    return mount.optional
               ? base::Result<>()
               : base::Fail(base::Errc::kNotFound, "show " + base::EscapeName(mount.target));
  }
  if (mount.read_only) {
    AEGIS_TRY(MakeReadOnly(tree->get(), true));
  }
  return Attach(tree->get(), place->get());
}

}  // namespace

base::Result<> BuildMounts(const Plan& plan) {
  const mode_t umask_before = ::umask(0);
  auto built = Builder(plan).Run();
  ::umask(umask_before);
  return built;
}

base::Result<> MountProc(const Plan& plan) {
  const std::array<FilesystemOption, 1> options = {{{"source", "proc"}}};
  auto proc = NewFilesystem("proc", options.data(), options.size());
  if (!proc.has_value()) {
    if (proc.error().sys_errno() == EPERM) {
      return base::Fail(base::Errc::kUnsupported,
                        "a fresh /proc is refused in a user namespace (in a container: run it with "
                        "an unmasked /proc)");
    }
    return base::Fail(std::move(proc).error());
  }
  AEGIS_ASSIGN(const base::UniqueFd root, base::Open("/", O_PATH | O_DIRECTORY));
  AEGIS_ASSIGN(const base::UniqueFd place, OpenPlace(root.get(), "/proc"));
  AEGIS_TRY(Attach(proc->get(), place.get()));
  for (const Mount& mount : plan.proc_mounts) {
    AEGIS_TRY(MountOne(root.get(), mount));
  }
  return {};
}

}  // namespace aegis::sandbox
