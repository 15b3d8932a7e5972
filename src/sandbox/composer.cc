#include "sandbox/composer.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sandbox/host_view.h"
#include "sandbox/paths.h"
#include "sandbox/plan.h"

namespace aegis::sandbox {
namespace {

using Kind = Mount::Kind;

constexpr std::array<std::string_view, 6> kRootLinks = {"/bin",   "/lib",    "/lib32",
                                                        "/lib64", "/libx32", "/sbin"};
constexpr std::array<std::string_view, 6> kDevices = {"/dev/null",   "/dev/zero",    "/dev/full",
                                                      "/dev/random", "/dev/urandom", "/dev/tty"};
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kDeviceLinks = {{
    {"/dev/fd", "/proc/self/fd"},
    {"/dev/stdin", "/proc/self/fd/0"},
    {"/dev/stdout", "/proc/self/fd/1"},
    {"/dev/stderr", "/proc/self/fd/2"},
    {"/dev/ptmx", "pts/ptmx"},
}};
// A directory at least so deep may be shown for the sake of a name that does not exist in it yet;
// "/", "/home" or "/etc" would show too much.
constexpr int kShowableDepth = 2;

class Composer {
 public:
  Composer(const PlanInput& input, const HostView& host, Plan& plan)
      : input_(input), host_(host), plan_(plan) {}

  void Run(const std::vector<std::string>& visible) {
    for (const std::string_view link : kRootLinks) {
      (void)StopsAtLink(std::string(link));
    }
    Choose(visible);
    for (const std::string& path : binds_) {
      if (!IsWithinAny(path, fresh_) && !IsWithin(path, "/dev")) {
        Bind(path);
      }
    }
    MakeDevices();
    for (const std::string& path : fresh_) {
      MakePrivate(path);
    }
    MakeWorkingDirectory();
    Mask();
  }

 private:
  void Add(Mount mount) { plan_.mounts.push_back(std::move(mount)); }

  // Sorts out what is to be bound, and which private directories are made.
  void Choose(const std::vector<std::string>& visible) {
    for (const std::string& path : input_.private_dirs) {
      if (!IsWithin(path, input_.dir) && !IsWithin(path, "/dev")) {
        fresh_.push_back(path);
      }
    }
    fresh_ = OutermostOf(std::move(fresh_));
    std::vector<std::string> chosen;
    for (const std::string& path : visible) {
      Consider(path, chosen);
    }
    // What a private directory would hide although the policy shows it.
    for (const std::string& path : {input_.dir, input_.home}) {
      if (!path.empty() && IsWithinAny(path, fresh_) && IsWithinAny(path, visible)) {
        Consider(path, chosen);
      }
    }
    binds_ = OutermostOf(std::move(chosen));
  }

  void Consider(const std::string& path, std::vector<std::string>& chosen) {
    if (IsWithinAny(path, plan_.masked) || IsWithin(path, "/proc") || OursInDev(path) ||
        std::ranges::find(fresh_, path) != fresh_.end()) {
      return;
    }
    if (host_.KindOf(path) != FileKind::kMissing || !ResolvePath(host_, path).empty()) {
      chosen.push_back(path);
      return;
    }
    const std::string parent = ParentOf(path);
    const bool showable =
        DepthOf(parent) >= kShowableDepth || parent == input_.home || parent == input_.dir;
    if (showable && !IsWithin(parent, "/dev") && !IsWithinAny(parent, plan_.masked) &&
        host_.KindOf(parent) == FileKind::kDirectory) {
      chosen.push_back(parent);
    }
  }

  static bool OursInDev(std::string_view path) {
    return path == "/dev" || IsWithin(path, "/dev/pts") || IsWithin(path, "/dev/shm") ||
           IsWithin(path, "/dev/fd") || path == "/dev/console" || path == "/dev/ptmx" ||
           std::ranges::find(kDevices, path) != kDevices.end() ||
           std::ranges::any_of(kDeviceLinks, [&](const auto& link) { return link.first == path; });
  }

  // The mount that a name lies in so far: the host's (bind) or ours (tmpfs). The last one that
  // covers it counts; none: the root, which is ours.
  struct Cover {
    std::string path;
    bool bind = false;
  };
  const Cover* CoverOf(std::string_view path) const {
    const auto cover = std::ranges::find_if(
        covers_.rbegin(), covers_.rend(),
        [&](const Cover& candidate) { return IsWithin(path, candidate.path); });
    return cover == covers_.rend() ? nullptr : &*cover;
  }
  bool ShowsHost(std::string_view path) const {
    const Cover* const cover = CoverOf(path);
    return cover != nullptr && cover->bind;
  }

  // Whether `path` is a symlink on the host; then it is one inside too, and what it names is shown
  // under its real name or not at all.
  bool StopsAtLink(const std::string& path) {
    if (host_.KindOf(path) != FileKind::kSymlink) {
      return false;
    }
    if (!ShowsHost(path) && made_.insert(path).second) {
      Add({.kind = Kind::kSymlink, .source = host_.ReadLink(path), .target = path});
    }
    return true;
  }

  // Makes `path` and the directories above it, as far as they are ours. False when a symlink is on
  // the way, or a directory of the host is missing: nothing is made in those.
  bool MakeDirectories(const std::string& path) {
    for (const std::string& prefix : PrefixesOf(path)) {
      if (StopsAtLink(prefix)) {
        return false;
      }
      if (ShowsHost(prefix)) {
        if (host_.KindOf(prefix) != FileKind::kDirectory) {
          return false;
        }
        continue;
      }
      const Cover* const cover = CoverOf(prefix);
      if ((cover == nullptr || cover->path != prefix) && made_.insert(prefix).second) {
        Add({.kind = Kind::kDirectory, .source = {}, .target = prefix});
      }
    }
    return true;
  }

  void Bind(const std::string& path) {
    const bool directory = host_.KindOf(path) == FileKind::kDirectory;
    if (!MakeDirectories(directory ? path : ParentOf(path)) || StopsAtLink(path)) {
      return;
    }
    if (!directory && made_.insert(path).second) {
      Add({.kind = Kind::kFile, .source = {}, .target = path});
    }
    Add({.kind = Kind::kBind, .source = path, .target = path, .read_only = IsWithin(path, "/sys")});
    covers_.push_back({path, true});
  }

  void MakeTmpfs(const std::string& path, unsigned mode) {
    Add({.kind = Kind::kTmpfs, .source = {}, .target = path, .mode = mode});
    covers_.push_back({path, false});
  }

  void MakeDevices() {
    (void)MakeDirectories("/dev");
    MakeTmpfs("/dev", 0755);
    for (const std::string_view device : kDevices) {
      if (host_.KindOf(std::string(device)) == FileKind::kOther) {
        Bind(std::string(device));
      }
    }
    for (const auto& [name, text] : kDeviceLinks) {
      Add({.kind = Kind::kSymlink, .source = std::string(text), .target = std::string(name)});
    }
    Add({.kind = Kind::kDirectory, .source = {}, .target = "/dev/pts"});
    Add({.kind = Kind::kDevpts, .source = {}, .target = "/dev/pts"});
    Add({.kind = Kind::kDirectory, .source = {}, .target = "/dev/shm"});
    MakeTmpfs("/dev/shm", 01777);
    if (!input_.terminal.empty()) {
      Add({.kind = Kind::kFile, .source = {}, .target = "/dev/console"});
      Add({.kind = Kind::kBind,
           .source = input_.terminal,
           .target = "/dev/console",
           .optional = true});
    }
    for (const std::string& path : binds_) {
      if (IsWithin(path, "/dev")) {
        Bind(path);
      }
    }
  }

  void MakePrivate(const std::string& path) {
    if (!MakeDirectories(path)) {
      return;
    }
    MakeTmpfs(path, 01777);
    for (const std::string& bind : binds_) {
      if (IsWithin(bind, path)) {
        Bind(bind);
      }
    }
  }

  // The command's working directory stays its own also where the policy shows nothing of it: an
  // empty directory of that name, so that the command starts and is judged, instead of failing
  // here.
  void MakeWorkingDirectory() {
    const std::string& cwd = input_.command.cwd;
    if (!IsWithinAny(cwd, plan_.masked) && !IsWithin(cwd, "/dev") && !IsWithin(cwd, "/proc")) {
      (void)MakeDirectories(cwd);
    }
  }

  void Mask() {
    std::erase_if(plan_.masked, [&](const std::string& mask) { return !ShowsHost(mask); });
    for (const std::string& mask : plan_.masked) {
      Add(MaskOf(mask, host_));
    }
  }

  const PlanInput& input_;
  const HostView& host_;
  Plan& plan_;
  std::vector<std::string> fresh_;  // private directories to be made
  std::vector<std::string> binds_;  // host subtrees to be shown, outermost only
  std::vector<Cover> covers_;       // in the order of mounting
  std::set<std::string> made_;      // names made in tmpfs of ours
};

}  // namespace

void Compose(const PlanInput& input, const std::vector<std::string>& visible, const HostView& host,
             Plan& plan) {
  Composer(input, host, plan).Run(visible);
}

Mount MaskOf(const std::string& path, const HostView& host) {
  const bool directory = host.KindOf(path) == FileKind::kDirectory;
  return {.kind = directory ? Kind::kMaskDir : Kind::kMaskFile,
          .source = {},
          .target = path,
          .read_only = true};
}

}  // namespace aegis::sandbox
