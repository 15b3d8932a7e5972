#include "gate/walk.h"

#include <fcntl.h>
#include <linux/limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "gate/process_table.h"
#include "gate/resolver.h"
#include "gate/roots.h"

namespace aegis::gate {

namespace {

constexpr int kMaxLinks = 40;            // path_resolution(7)
constexpr std::size_t kMaxDepth = 1024;  // of a scoped walk, which holds each directory
constexpr ino_t kProcRootInode = 1;

bool IsNumber(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// "/proc/12/fd" -> "12"; empty if the name is not below a process' directory.
std::string_view ProcessOf(std::string_view name) {
  constexpr std::string_view kProc = "/proc/";
  if (!name.starts_with(kProc)) {
    return {};
  }
  name.remove_prefix(kProc.size());
  const std::string_view process = name.substr(0, name.find('/'));
  return IsNumber(process) ? process : std::string_view{};
}

base::UniqueFd Duplicate(const base::UniqueFd& fd) {
  return base::UniqueFd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
}

// The mount that an object lies on; 0 when that can't be told, which is another than any.
std::uint64_t MountOf(const base::UniqueFd& object) {
  struct statx status{};
  const bool told = ::statx(object.get(), "", AT_EMPTY_PATH, STATX_MNT_ID, &status) == 0 &&
                    (status.stx_mask & STATX_MNT_ID) != 0;
  return told ? status.stx_mnt_id : 0;
}

// What lies below a directory that has a name, as far as text goes; empty if it has none.
std::string NameBelow(const std::string& directory, std::string_view rest) {
  return directory.empty() ? std::string() : LexicallyNormal(JoinPath(directory, rest));
}

bool HarmlessInInit(std::string_view file) {
  static constexpr std::array kShown{std::string_view(""),       std::string_view("stat"),
                                     std::string_view("status"), std::string_view("statm"),
                                     std::string_view("comm"),   std::string_view("cmdline"),
                                     std::string_view("cgroup"), std::string_view("limits")};
  return std::ranges::find(kShown, file) != kShown.end();
}

}  // namespace

std::string JoinPath(std::string_view directory, std::string_view leaf) {
  if (directory.empty()) {
    return {};
  }
  std::string joined(directory);
  if (!joined.ends_with('/')) {
    joined += '/';
  }
  joined += leaf;
  return joined;
}

std::string_view WithoutLastSlashes(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) {
    path.remove_suffix(1);
  }
  return path;
}

std::string LexicallyNormal(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
    if (part == ".." && !parts.empty()) {
      parts.pop_back();
    } else if (!part.empty() && part != "." && part != "..") {
      parts.push_back(part);
    }
  }
  std::string normal;
  for (const std::string_view part : parts) {
    normal += '/';
    normal += part;
  }
  return normal.empty() ? "/" : normal;
}

bool IsProcFs(int fd) {
  struct statfs fs{};
  return ::fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

void NameInProc(const Process& process, Resolved& resolved) {
  const std::string_view id = ProcessOf(resolved.name);
  if (id.empty()) {
    return;
  }
  std::string_view below = std::string_view(resolved.name).substr(6 + id.size());
  if (id == "1") {
    below.remove_prefix(below.starts_with('/') ? 1 : 0);
    resolved.aegis_state = !HarmlessInInit(below);
  } else if (id == std::to_string(process.inside_tgid)) {
    resolved.name = "/proc/self" + std::string(below);
  }
}

Resolved Walk::Run(base::UniqueFd base, std::string_view path, Leaf leaf) {
  leaf_ = leaf;
  rest_ = path;
  at_ = std::move(base);
  if (path.empty()) {
    Stop(ENOENT);
    return std::move(result_);
  }
  if (path.starts_with('/') && !Keeps(RESOLVE_IN_ROOT)) {
    if (const int error = EnterRoot()) {
      Stop(error);
      return std::move(result_);
    }
  }
  if (const int error = StartError()) {
    Stop(error);
    return std::move(result_);
  }
  if (IsScoped()) {
    scope_ = Duplicate(at_);
    root_known_ = true;
  }
  while (Next() == Step::kMore) {
  }
  if (process_ != nullptr) {
    NameInProc(*process_, result_);
  }
  return std::move(result_);
}

// Why the walk can't begin where it should; 0 if it can. What is no directory has no names in it,
// and perhaps none itself (a pipe).
int Walk::StartError() const {
  struct stat st{};
  if (!at_.valid() || ::fstat(at_.get(), &st) != 0) {
    return EBADF;
  }
  return S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
}

bool Walk::IsScoped() const { return Keeps(RESOLVE_BENEATH | RESOLVE_IN_ROOT); }

// Whether RESOLVE_NO_XDEV keeps the walk from it.
bool Walk::OtherMount(const base::UniqueFd& object) const {
  return Keeps(RESOLVE_NO_XDEV) && MountOf(object) != MountOf(at_);
}

// To "/", at the beginning or by a link: 0 or the errno.
int Walk::EnterRoot() {
  if (Keeps(RESOLVE_BENEATH)) {
    return EXDEV;
  }
  base::UniqueFd root(Keeps(RESOLVE_IN_ROOT) ? Duplicate(scope_)
                      : process_ != nullptr
                          ? base::UniqueFd(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC))
                          : base::UniqueFd(::openat(roots_.host_root.get(), ".",
                                                    O_PATH | O_DIRECTORY | O_CLOEXEC)));
  if (!root.valid()) {
    return EACCES;
  }
  // The kernel takes a root that it has not looked up yet for another mount.
  if (at_.valid() && Keeps(RESOLVE_NO_XDEV) && (!root_known_ || OtherMount(root))) {
    return EXDEV;
  }
  at_ = std::move(root);
  above_.clear();
  device_ = 0;
  root_known_ = true;
  return 0;
}

// To the directory above: 0 or the errno.
int Walk::GoUp() {
  base::UniqueFd up(::openat(at_.get(), "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!up.valid()) {
    return errno;
  }
  root_known_ = true;
  device_ = 0;
  if (IsScoped()) {
    if (above_.empty()) {
      return Keeps(RESOLVE_BENEATH) ? EXDEV : 0;
    }
    at_ = std::move(above_.back());
    above_.pop_back();
    return 0;
  }
  if (OtherMount(up)) {
    return EXDEV;
  }
  at_ = std::move(up);
  return 0;
}

Walk::Step Walk::Into(base::UniqueFd directory) {
  if (IsScoped()) {
    if (above_.size() == kMaxDepth) {
      return Stop(ENAMETOOLONG);
    }
    above_.push_back(std::move(at_));
  }
  at_ = std::move(directory);
  return Step::kMore;
}

Walk::Step Walk::Next() {
  const std::size_t start = rest_.find_first_not_of('/');
  if (start == std::string::npos) {
    return Dot(".", true);
  }
  std::size_t end = rest_.find('/', start);
  const std::string component = rest_.substr(start, end - start);
  const bool last =
      end == std::string::npos || rest_.find_first_not_of('/', end) == std::string::npos;
  result_.wants_directory = last && end != std::string::npos;
  rest_.erase(0, end == std::string::npos ? rest_.size() : end);
  if (component == "." || component == "..") {
    return Dot(component, last);
  }
  base::UniqueFd next(::openat(at_.get(), component.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat st{};
  if (!next.valid() || ::fstat(next.get(), &st) != 0) {
    return Missing(errno, component, last);
  }
  if (OtherMount(next)) {
    return Stop(EXDEV);
  }
  if (!Crosses(next, st.st_dev)) {
    result_.aegis_state = true;
    return Missing(EACCES, component, last);
  }
  if (S_ISLNK(st.st_mode) && (!last || leaf_ == Leaf::kFollow || result_.wants_directory)) {
    if (Keeps(RESOLVE_NO_SYMLINKS)) {
      return Stop(ELOOP);
    }
    if (++links_ > kMaxLinks) {
      return Missing(ELOOP, component, last);
    }
    const bool in_proc = process_ != nullptr && st.st_dev == roots_.agent_proc;
    return in_proc ? FollowProc(next, component, last) : FollowText(next);
  }
  return last ? Found(std::move(next), st, component, false) : Into(std::move(next));
}

// Entering another file system: false for a procfs that is not the agent's own.
bool Walk::Crosses(const base::UniqueFd& object, dev_t device) {
  if (device == device_ || process_ == nullptr) {
    return true;
  }
  device_ = device;
  return device == roots_.agent_proc || !IsProcFs(object.get());
}

Walk::Step Walk::Dot(std::string_view component, bool last) {
  if (component == "..") {
    if (const int error = GoUp()) {
      result_.wants_directory = false;  // as one anyway
      return error == EXDEV ? Stop(error) : Missing(error, component, last);
    }
  }
  if (!last) {
    return Step::kMore;
  }
  struct stat st{};
  if (::fstat(at_.get(), &st) != 0) {
    return Fail(errno);
  }
  result_.name = NameOf(roots_, at_.get());
  result_.st = st;
  result_.object = std::move(at_);
  result_.leaf = component;
  if (!S_ISDIR(st.st_mode)) {
    result_.error = ENOTDIR;
  }
  return Step::kDone;
}

Walk::Step Walk::Found(base::UniqueFd object, const struct stat& st, std::string_view component,
                       bool magic) {
  result_.name =
      magic ? NameOf(roots_, object.get()) : JoinPath(NameOf(roots_, at_.get()), component);
  // A pipe or another object without a name of its own. One that can't be told has none at all.
  if (!result_.name.empty() && !result_.name.starts_with('/')) {
    result_.name = JoinPath(NameOf(roots_, at_.get()), component);
  }
  if (result_.wants_directory && !S_ISDIR(st.st_mode)) {
    result_.error = ENOTDIR;
  }
  result_.st = st;
  result_.object = std::move(object);
  if (!magic) {
    result_.parent = std::move(at_);
    result_.leaf = component;
  }
  return Step::kDone;
}

Walk::Step Walk::Missing(int error, std::string_view component, bool last) {
  result_.error = error;
  std::string below(component);
  below += last ? std::string() : rest_;
  result_.name = NameBelow(NameOf(roots_, at_.get()), below);
  struct stat st{};
  const bool hidden = process_ != nullptr && !result_.name.empty() &&
                      ::fstat(at_.get(), &st) == 0 && roots_.IsSynthetic(st.st_dev);
  if (hidden) {
    Walk outside(roots_, nullptr);
    Resolved found = outside.Run(base::UniqueFd(), result_.name, leaf_);
    result_.name = std::move(found.name);
    result_.hidden = found.exists();
  }
  if (last) {
    result_.leaf = component;
    result_.parent = std::move(at_);
  }
  return Step::kDone;
}

Walk::Step Walk::FollowText(const base::UniqueFd& link) {
  std::array<char, PATH_MAX> target;
  const ssize_t length = ::readlinkat(link.get(), "", target.data(), target.size());
  if (length <= 0 || length == PATH_MAX) {
    return Fail(length < 0 ? errno : ENOENT);
  }
  rest_.insert(0, std::string_view(target.data(), static_cast<std::size_t>(length)));
  const int error = target[0] == '/' ? EnterRoot() : 0;
  return error == 0 ? Step::kMore : Stop(error);
}

Walk::Step Walk::FollowProc(const base::UniqueFd& link, std::string_view component, bool last) {
  struct stat st{};
  const bool at_root =
      ::fstat(at_.get(), &st) == 0 && st.st_ino == kProcRootInode && st.st_dev == roots_.agent_proc;
  const std::string tgid = std::to_string(process_->inside_tgid);
  if (at_root && component == "self") {
    rest_.insert(0, tgid);
    return Step::kMore;
  }
  if (at_root && component == "thread-self") {
    rest_.insert(0, tgid + "/task/" + std::to_string(process_->inside_tid));
    return Step::kMore;
  }
  const std::string directory = NameOf(roots_, at_.get());
  const std::string_view id = ProcessOf(directory);
  if (id.empty()) {
    return FollowText(link);  // /proc/mounts, /proc/net
  }
  if (id == "1") {
    result_.aegis_state = true;
    return Missing(EACCES, component, last);
  }
  return FollowMagic(component, last);
}

// The link of a process of the agent's to one of its objects: the kernel jumps to the object
// itself.
Walk::Step Walk::FollowMagic(std::string_view component, bool last) {
  if (Keeps(RESOLVE_NO_MAGICLINKS)) {
    return Stop(ELOOP);
  }
  if (IsScoped()) {
    return Stop(EXDEV);
  }
  const std::string name(component);
  base::UniqueFd object(::openat(at_.get(), name.c_str(), O_PATH | O_CLOEXEC));
  struct stat st{};
  if (!object.valid() || ::fstat(object.get(), &st) != 0) {
    return Missing(errno, component, last);
  }
  if (OtherMount(object)) {
    return Stop(EXDEV);
  }
  if (!Crosses(object, st.st_dev)) {
    result_.aegis_state = true;
    return Missing(EACCES, component, last);
  }
  if (last) {
    return Found(std::move(object), st, component, true);
  }
  at_ = std::move(object);
  return Step::kMore;
}

Walk::Step Walk::Fail(int error) {
  result_.error = error;
  if (result_.name.empty() && at_.valid()) {
    result_.name = NameBelow(NameOf(roots_, at_.get()), rest_);
  }
  return Step::kDone;
}

// The caller's own flags, or a start that can't be had, end the walk before anything is reached.
Walk::Step Walk::Stop(int error) {
  result_.error = error;
  result_.stopped = true;
  return Step::kDone;
}

}  // namespace aegis::gate
