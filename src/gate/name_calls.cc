#include "gate/name_calls.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "base/text.h"
#include "decision/decision.h"
#include "gate/call.h"
#include "gate/resolver.h"
#include "gate/tracee.h"
#include "gate/walk.h"
#include "policy/policy.h"

namespace aegis::gate {

namespace {

using policy::Action;

Resolved ResolveName(Services& services, Call& call, int dirfd, std::string_view path) {
  const std::string_view name = WithoutLastSlashes(path);
  Resolved resolved = services.resolver.Resolve(call.process, dirfd, name, Leaf::kKeep);
  resolved.wants_directory = name.size() < path.size();
  return resolved;
}

// As ResolveName, for a name to be given to something that is no directory: with a slash behind it
// there is no such name.
Resolved ResolveNewName(Services& services, Call& call, int dirfd, std::string_view path) {
  Resolved resolved = ResolveName(services, call, dirfd, path);
  if (resolved.wants_directory && resolved.creatable()) {
    resolved.parent.Reset();
  }
  return resolved;
}

// What a call that needs "a directory and a name in it" gets for "." and "..", or for a name that
// can't be reached: 0 if there are both.
int NeedsParent(const Resolved& resolved, int for_dots) {
  if (resolved.parent.valid()) {
    return resolved.error == ENOENT ? 0 : resolved.error;
  }
  return resolved.error != 0 ? resolved.error : for_dots;
}

int Judged(Services& services, Call& call, const Resolved& resolved,
           std::initializer_list<Action> actions, std::string_view target = {}) {
  Detail detail;
  detail.target = target;
  for (const Action action : actions) {
    if (const int error = AskAbout(services, call, action, resolved, detail)) {
      return error;
    }
  }
  return 0;
}

int Remove(Services& services, Call& call, const Resolved& resolved, int flags) {
  if (const int error = Judged(services, call, resolved, {Action::kFileDelete})) {
    return error;
  }
  const bool directory = (flags & AT_REMOVEDIR) != 0;
  const int for_dots = resolved.leaf == "." ? EINVAL : ENOTEMPTY;
  if (const int error = NeedsParent(resolved, directory ? for_dots : EISDIR)) {
    return error;
  }
  if (resolved.wants_directory && !directory && resolved.exists()) {
    return S_ISDIR(resolved.st.st_mode) ? EISDIR : ENOTDIR;
  }
  return SysError(::unlinkat(resolved.parent.get(), resolved.leaf.c_str(), flags));
}

Reply RemoveAt(Services& services, Call& call, int dirfd, std::uint64_t address, int flags) {
  if ((flags & ~AT_REMOVEDIR) != 0) {
    return Reply::Fail(EINVAL);
  }
  PathBuffer buffer;
  const auto path = PathArgument(services, call, address, buffer);
  if (!path) {
    return Reply::Fail(path.error());
  }
  const Resolved resolved = ResolveName(services, call, dirfd, *path);
  return Reply::FromErrno(Remove(services, call, resolved, flags));
}

Reply MakeDirectory(Services& services, Call& call, int dirfd, std::uint64_t address,
                    std::uint64_t mode) {
  PathBuffer buffer;
  const auto path = PathArgument(services, call, address, buffer);
  if (!path) {
    return Reply::Fail(path.error());
  }
  const Resolved resolved =
      services.resolver.ResolveNew(call.process, dirfd, WithoutLastSlashes(*path));
  if (const int error = Judged(services, call, resolved, {Action::kDirCreate})) {
    return Reply::Fail(error);
  }
  if (resolved.exists()) {
    return Reply::Fail(resolved.error != 0 ? resolved.error : EEXIST);
  }
  if (const int error = NeedsParent(resolved, EEXIST)) {
    return Reply::Fail(error);
  }
  services.umask.Become(call.process.umask);
  return Reply::FromErrno(SysError(
      ::mkdirat(resolved.parent.get(), resolved.leaf.c_str(), static_cast<mode_t>(mode & 07777U))));
}

// A call with two names, both looked up before either is judged.
struct TwoNames {
  Resolved from;
  Resolved to;
  int error = 0;  // one of them can't be had: nothing is judged
};

// The file that gets another name. `flags` of linkat(2).
Resolved ResolveLinked(Services& services, Call& call, int dirfd, std::string_view path,
                       int flags) {
  if (path.empty() && (flags & AT_EMPTY_PATH) != 0) {
    return dirfd == AT_FDCWD
               ? services.resolver.ResolveObject(call.process, dirfd, ".", Leaf::kKeep)
               : services.resolver.ResolveDescriptor(call.process, dirfd);
  }
  const Leaf leaf = (flags & AT_SYMLINK_FOLLOW) != 0 ? Leaf::kFollow : Leaf::kKeep;
  return services.resolver.Resolve(call.process, dirfd, path, leaf);
}

// `linked`: flags of linkat(2); none for a name to be renamed.
TwoNames ResolveTwo(Services& services, Call& call, int from_dirfd, std::uint64_t from_address,
                    std::optional<int> linked, int to_dirfd, std::uint64_t to_address) {
  TwoNames names;
  PathBuffer from_buffer;
  PathBuffer to_buffer;
  const auto from = PathArgument(services, call, from_address, from_buffer);
  const auto to = PathArgument(services, call, to_address, to_buffer);
  if (!from || !to) {
    names.error = from ? to.error() : from.error();
    return names;
  }
  names.from = linked ? ResolveLinked(services, call, from_dirfd, *from, *linked)
                      : ResolveName(services, call, from_dirfd, *from);
  names.to = linked ? ResolveNewName(services, call, to_dirfd, *to)
                    : ResolveName(services, call, to_dirfd, *to);
  names.error = names.from.stopped ? names.from.error : names.to.stopped ? names.to.error : 0;
  return names;
}

int RefusePinned(Services& services, Call& call, const Resolved& resolved, Action action) {
  const auto reason = services.judge.Pins(resolved.name);
  return reason ? services.judge.Refuse(call.process, action, resolved.name, *reason) : 0;
}

// Whether names lie below it: a directory, or a link that may lead to one.
bool LeadsBelow(const Resolved& resolved) {
  return resolved.exists() && (S_ISDIR(resolved.st.st_mode) || S_ISLNK(resolved.st.st_mode));
}

// A directory that holds a name of some rule must stay where the rule says, and nothing that was
// filled under another name may take its place.
int AskPinned(Services& services, Call& call, const Resolved& resolved, bool replaced) {
  const bool directory = resolved.exists() && S_ISDIR(resolved.st.st_mode);
  if (directory || replaced) {
    return RefusePinned(services, call, resolved,
                        directory ? Action::kFileDelete : Action::kFileWrite);
  }
  return 0;
}

bool NamesUnixSockets(const policy::PolicySet& policies) {
  return std::ranges::any_of(policies.mentions(),
                             [](const std::string& name) { return name.starts_with("unix:"); });
}

// Where rules name Unix sockets of the host by their paths, no other one may come to stand there.
int AskAboutSocket(Services& services, Call& call, const Resolved& resolved) {
  const bool of_host = services.network.is_private() && resolved.exists() &&
                       S_ISSOCK(resolved.st.st_mode) && !services.bound_sockets.Hold(resolved.st) &&
                       NamesUnixSockets(services.judge.decider().policies());
  return of_host ? services.judge.Refuse(call.process, Action::kFileRead, resolved.name,
                                         decision::Reason::kPinnedPath)
                 : 0;
}

int AskRename(Services& services, Call& call, const TwoNames& names, bool exchange) {
  const std::string from = base::EscapeName(names.from.name);
  const std::string to = base::EscapeName(names.to.name);
  if (const int error = AskPinned(services, call, names.from, exchange && LeadsBelow(names.to))) {
    return error;
  }
  if (const int error = AskPinned(services, call, names.to, LeadsBelow(names.from))) {
    return error;
  }
  if (const int error = AskAboutSocket(services, call, names.from)) {
    return error;
  }
  if (const int error = exchange ? AskAboutSocket(services, call, names.to) : 0) {
    return error;
  }
  if (const int error =
          Judged(services, call, names.from, {Action::kFileRead, Action::kFileDelete}, to)) {
    return error;
  }
  if (exchange) {
    if (const int error = Judged(services, call, names.from, {Action::kFileWrite}, to)) {
      return error;
    }
    return Judged(services, call, names.to,
                  {Action::kFileRead, Action::kFileDelete, Action::kFileWrite}, from);
  }
  return Judged(services, call, names.to, {Action::kFileWrite}, from);
}

// What stands in the way of a rename, in the kernel's order: both directories, names that are
// none, what is to be renamed, and its new name.
int RenameError(const TwoNames& names, unsigned flags) {
  for (const Resolved* side : {&names.from, &names.to}) {
    if (!side->parent.valid() && side->error != 0) {
      return side->error;
    }
  }
  if (!names.from.parent.valid()) {
    return EBUSY;
  }
  if (!names.to.parent.valid()) {
    return (flags & RENAME_NOREPLACE) != 0 ? EEXIST : EBUSY;
  }
  if (names.from.error != 0) {
    return names.from.error;
  }
  return names.to.error == ENOENT ? 0 : names.to.error;
}

Reply Rename(Services& services, Call& call, int from_dirfd, std::uint64_t from, int to_dirfd,
             std::uint64_t to, unsigned flags) {
  constexpr unsigned kExclusive = RENAME_NOREPLACE | RENAME_WHITEOUT;
  if ((flags & ~(kExclusive | RENAME_EXCHANGE)) != 0 ||
      ((flags & kExclusive) != 0 && (flags & RENAME_EXCHANGE) != 0)) {
    return Reply::Fail(EINVAL);
  }
  const TwoNames names = ResolveTwo(services, call, from_dirfd, from, std::nullopt, to_dirfd, to);
  if (names.error != 0) {
    return Reply::Fail(names.error);
  }
  if (const int error = AskRename(services, call, names, (flags & RENAME_EXCHANGE) != 0)) {
    return Reply::Fail(error);
  }
  if (const int error = RenameError(names, flags)) {
    return Reply::Fail(error);
  }
  // The kernel is asked with the slashes that the caller wrote: they decide over ENOTDIR.
  const std::string old_leaf = names.from.leaf + (names.from.wants_directory ? "/" : "");
  const std::string new_leaf = names.to.leaf + (names.to.wants_directory ? "/" : "");
  const long result = ::syscall(SYS_renameat2, names.from.parent.get(), old_leaf.c_str(),
                                names.to.parent.get(), new_leaf.c_str(), flags);
  if (result == 0 && names.from.exists() && S_ISDIR(names.from.st.st_mode)) {
    services.processes.NamesMoved();  // working directories may lie in it
  }
  return Reply::FromErrno(result < 0 ? errno : 0);
}

Reply Link(Services& services, Call& call, int from_dirfd, std::uint64_t from, int to_dirfd,
           std::uint64_t to, int flags) {
  // The kernel allows AT_EMPTY_PATH to who opened the file, since Linux 6.10.
  if ((flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) != 0) {
    return Reply::Fail(EINVAL);
  }
  const TwoNames names = ResolveTwo(services, call, from_dirfd, from, flags, to_dirfd, to);
  if (names.error != 0) {
    return Reply::Fail(names.error);
  }
  const std::string from_name = base::EscapeName(names.from.name);
  const std::string to_name = base::EscapeName(names.to.name);
  if (const int error =
          Judged(services, call, names.from, {Action::kFileRead, Action::kFileWrite}, to_name)) {
    return Reply::Fail(error);
  }
  if (const int error =
          Judged(services, call, names.to, {Action::kFileRead, Action::kFileWrite}, from_name)) {
    return Reply::Fail(error);
  }
  if (names.from.error != 0) {
    return Reply::Fail(names.from.error);
  }
  if (const int error = AskAboutSocket(services, call, names.from)) {
    return Reply::Fail(error);
  }
  if (const int error = NeedsParent(names.to, EEXIST)) {
    return Reply::Fail(error);
  }
  // The link is made to the object that was judged, through its descriptor; only a symlink itself
  // is taken by its name, since a descriptor of it would be followed.
  const bool is_link = S_ISLNK(names.from.st.st_mode);
  if (const int error = is_link ? RefusePinned(services, call, names.to, Action::kFileWrite) : 0) {
    return Reply::Fail(error);
  }
  const std::string object = std::to_string(names.from.object.get());
  const int result =
      is_link ? ::linkat(names.from.parent.get(), names.from.leaf.c_str(), names.to.parent.get(),
                         names.to.leaf.c_str(), 0)
              : ::linkat(services.roots.own_fds.get(), object.c_str(), names.to.parent.get(),
                         names.to.leaf.c_str(), AT_SYMLINK_FOLLOW);
  return Reply::FromErrno(SysError(result));
}

Reply Symlink(Services& services, Call& call, std::uint64_t text_address, int dirfd,
              std::uint64_t address) {
  PathBuffer text_buffer;
  PathBuffer buffer;
  const auto text = PathArgument(services, call, text_address, text_buffer);
  const auto path = PathArgument(services, call, address, buffer);
  if (!text || !path) {
    return Reply::Fail(text ? path.error() : text.error());
  }
  const Resolved resolved = ResolveNewName(services, call, dirfd, *path);
  if (resolved.stopped) {
    return Reply::Fail(resolved.error);
  }
  if (const int error = RefusePinned(services, call, resolved, Action::kFileWrite)) {
    return Reply::Fail(error);
  }
  if (const int error =
          Judged(services, call, resolved, {Action::kFileWrite}, base::EscapeName(*text))) {
    return Reply::Fail(error);
  }
  if (const int error = NeedsParent(resolved, EEXIST)) {
    return Reply::Fail(error);
  }
  const std::string target(*text);
  return Reply::FromErrno(
      SysError(::symlinkat(target.c_str(), resolved.parent.get(), resolved.leaf.c_str())));
}

Reply MakeNode(Services& services, Call& call, int dirfd, std::uint64_t address, std::uint64_t mode,
               std::uint64_t device) {
  PathBuffer buffer;
  const auto path = PathArgument(services, call, address, buffer);
  if (!path) {
    return Reply::Fail(path.error());
  }
  const Resolved resolved = ResolveNewName(services, call, dirfd, *path);
  if (const int error = Judged(services, call, resolved, {Action::kFileWrite})) {
    return Reply::Fail(error);
  }
  if (const int error = NeedsParent(resolved, EEXIST)) {
    return Reply::Fail(error);
  }
  services.umask.Become(call.process.umask);
  return Reply::FromErrno(SysError(
      ::mknodat(resolved.parent.get(), resolved.leaf.c_str(), static_cast<mode_t>(mode), device)));
}

}  // namespace

Reply HandleUnlink(Services& services, Call& call) {
  return RemoveAt(services, call, AT_FDCWD, call.arg(0), 0);
}
Reply HandleUnlinkAt(Services& services, Call& call) {
  return RemoveAt(services, call, call.int_arg(0), call.arg(1), call.int_arg(2));
}
Reply HandleRmdir(Services& services, Call& call) {
  return RemoveAt(services, call, AT_FDCWD, call.arg(0), AT_REMOVEDIR);
}
Reply HandleMkdir(Services& services, Call& call) {
  return MakeDirectory(services, call, AT_FDCWD, call.arg(0), call.arg(1));
}
Reply HandleMkdirAt(Services& services, Call& call) {
  return MakeDirectory(services, call, call.int_arg(0), call.arg(1), call.arg(2));
}
Reply HandleRename(Services& services, Call& call) {
  return Rename(services, call, AT_FDCWD, call.arg(0), AT_FDCWD, call.arg(1), 0);
}
Reply HandleRenameAt(Services& services, Call& call) {
  return Rename(services, call, call.int_arg(0), call.arg(1), call.int_arg(2), call.arg(3), 0);
}
Reply HandleRenameAt2(Services& services, Call& call) {
  return Rename(services, call, call.int_arg(0), call.arg(1), call.int_arg(2), call.arg(3),
                static_cast<unsigned>(call.arg(4)));
}
Reply HandleLink(Services& services, Call& call) {
  return Link(services, call, AT_FDCWD, call.arg(0), AT_FDCWD, call.arg(1), 0);
}
Reply HandleLinkAt(Services& services, Call& call) {
  return Link(services, call, call.int_arg(0), call.arg(1), call.int_arg(2), call.arg(3),
              call.int_arg(4));
}
Reply HandleSymlink(Services& services, Call& call) {
  return Symlink(services, call, call.arg(0), AT_FDCWD, call.arg(1));
}
Reply HandleSymlinkAt(Services& services, Call& call) {
  return Symlink(services, call, call.arg(0), call.int_arg(1), call.arg(2));
}
Reply HandleMknod(Services& services, Call& call) {
  return MakeNode(services, call, AT_FDCWD, call.arg(0), call.arg(1), call.arg(2));
}
Reply HandleMknodAt(Services& services, Call& call) {
  return MakeNode(services, call, call.int_arg(0), call.arg(1), call.arg(2), call.arg(3));
}

}  // namespace aegis::gate
