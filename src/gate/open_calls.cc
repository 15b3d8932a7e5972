#include "gate/open_calls.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "decision/decision.h"
#include "gate/call.h"
#include "gate/controlling_terminal.h"
#include "gate/loader.h"
#include "gate/tracee.h"
#include "gate/walk.h"
#include "policy/policy.h"
#include "sandbox/syscall_table.h"
#include "sandbox/uapi.h"

namespace aegis::gate {

namespace {

using policy::Action;

// glibc's O_LARGEFILE is 0 on 64 bits.
constexpr std::uint64_t kKernelLargeFile =
    sandbox::kNativeArch == sandbox::Arch::kX64 ? 0100000 : 0400000;
constexpr std::uint64_t kTmpFile = O_TMPFILE & ~static_cast<unsigned>(O_DIRECTORY);
// What open(2) honours; it ignores other bits, openat2(2) refuses them.
constexpr std::uint64_t kKnownFlags = O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND |
                                      O_NONBLOCK | O_SYNC | O_DSYNC | O_ASYNC | O_DIRECT |
                                      kKernelLargeFile | O_DIRECTORY | O_NOFOLLOW | O_NOATIME |
                                      O_CLOEXEC | O_PATH | kTmpFile;
constexpr std::uint64_t kWithOpath = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr std::uint64_t kKnownResolve = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS |
                                        RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH | RESOLVE_IN_ROOT |
                                        RESOLVE_CACHED;
constexpr std::size_t kMaxHow = 4096;  // as the kernel: a page
constexpr int kMaxCreateTries = 4;

struct Opening {
  int dirfd = AT_FDCWD;
  std::string_view path;
  std::uint64_t flags = 0;
  std::uint64_t mode = 0;
  std::uint64_t resolve = 0;  // openat2(2)
  // What was opened on the short way and is no plain file. A FIFO's writer has seen it open: it
  // stays so until the caller has its own descriptor.
  base::UniqueFd held;

  bool has(std::uint64_t flag) const { return (flags & flag) == flag; }
  bool any(std::uint64_t mask) const { return (flags & mask) != 0; }
  bool reads() const { return (flags & O_ACCMODE) != O_WRONLY; }
  bool writes() const { return (flags & O_ACCMODE) != O_RDONLY || any(O_CREAT | O_TRUNC); }
};

// Opens without waiting and without ever making the terminal ours.
base::UniqueFd OpenNow(int base, const char* path, std::uint64_t flags, std::uint64_t mode,
                       std::uint64_t resolve) {
  return base::UniqueFd(
      sandbox::uapi::OpenAt2(base, path, flags | O_NONBLOCK | O_NOCTTY,
                             (flags & (O_CREAT | kTmpFile)) != 0 ? mode & 07777U : 0, resolve));
}

Reply Inject(Services& services, const Call& call, const Opening& opening,
             const base::UniqueFd& fd) {
  if (!opening.has(O_NONBLOCK)) {
    ::fcntl(fd.get(), F_SETFL, static_cast<int>(opening.flags & ~std::uint64_t{O_ACCMODE}));
  }
  const int error = services.handover.Give(call.id(), fd.get(), opening.has(O_CLOEXEC));
  return error == 0 ? Reply::None() : Reply::Fail(error);
}

// A path whose name is its text, unless a symlink is in it. Names in /proc and /dev have rules of
// their own.
bool IsPlain(std::string_view path) {
  return base::IsCanonicalText(path) && !path.starts_with("/proc/") && !path.starts_with("/dev/");
}

bool IsSameInode(const struct stat& a, const struct stat& b) {
  return a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

bool IsAsJudged(const struct stat& st, Action action) {
  return action == Action::kDirList ? S_ISDIR(st.st_mode) : S_ISREG(st.st_mode);
}

// Whether a name relative to the caller's working directory is, or was a moment ago, the object
// that was opened. The directory may have been moved since its name was read.
bool IsSameObject(int directory, const std::string& name, const struct stat& opened) {
  struct stat st{};
  return ::fstatat(directory, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
         IsSameInode(st, opened);
}

// Reading a regular file or a directory under its canonical name, without a symlink on the way: few
// calls to the kernel. The decision comes first, on the name as text; the open then proves that the
// text is the name. Nothing when the case is any other: the caller goes the long way.
std::optional<Reply> OpenPlainly(Services& services, Call& call, Opening& opening) {
  const bool relative = !opening.path.starts_with('/');
  if (relative && opening.dirfd != AT_FDCWD) {
    return std::nullopt;
  }
  int directory = -1;
  std::string name;
  if (relative) {
    directory = services.processes.WorkingDirectory(call.process);
    if (directory < 0) {
      return std::nullopt;
    }
    name = call.process.cwd_name;
    name += name.ends_with('/') ? "" : "/";
  }
  name += opening.path;
  if (!IsPlain(name)) {
    return std::nullopt;
  }
  const Action action = opening.has(O_DIRECTORY) ? Action::kDirList : Action::kFileRead;
  std::string escaped;
  base::AppendEscapedName(escaped, name);
  const decision::Decision decision = services.judge.Decide(call.process, action, escaped);
  if (services.judge.Refuses(decision)) {
    return std::nullopt;
  }
  base::UniqueFd fd =
      OpenNow(services.roots.own_fds.get(), name.c_str(), opening.flags, 0, RESOLVE_NO_SYMLINKS);
  struct stat st{};
  if (!fd.valid() || ::fstat(fd.get(), &st) != 0 || services.resolver.IsProc(fd.get(), st.st_dev)) {
    return std::nullopt;
  }
  if (relative && !IsSameObject(directory, std::string(opening.path), st)) {
    return std::nullopt;
  }
  if (!IsAsJudged(st, action)) {
    opening.held = std::move(fd);
    return std::nullopt;
  }
  if (const int error = services.judge.Settle(call.process, action, escaped, decision)) {
    return Reply::Fail(error);
  }
  return Inject(services, call, opening, fd);
}

// Looks the path up once, for the object alone if that is enough.
Resolved Look(Services& services, Call& call, const Opening& opening, Leaf leaf) {
  if (opening.resolve != 0) {
    return services.resolver.ResolveWithin(call.process, opening.dirfd, opening.path, leaf,
                                           opening.resolve);
  }
  return opening.any(O_CREAT)
             ? services.resolver.Resolve(call.process, opening.dirfd, opening.path, leaf)
             : services.resolver.ResolveObject(call.process, opening.dirfd, opening.path, leaf);
}

// Asks for all that an open may do: 0, or the errno.
int AskOpening(Services& services, Call& call, const Opening& opening, const Resolved& resolved) {
  if (resolved.stopped) {
    return resolved.error;
  }
  if (resolved.aegis_state) {
    return services.judge.Refuse(call.process, Action::kFileRead, resolved.name,
                                 decision::Reason::kAegisState);
  }
  if (opening.writes()) {
    if (const int error = services.judge.Ask(call.process, Action::kFileWrite, resolved.name)) {
      return error;
    }
  }
  if (!opening.reads()) {
    return 0;
  }
  const bool lists = resolved.exists() ? S_ISDIR(resolved.st.st_mode)
                                       : opening.has(O_DIRECTORY) && !opening.has(kTmpFile);
  return services.judge.Ask(call.process, lists ? Action::kDirList : Action::kFileRead,
                            resolved.name);
}

// For a FIFO's peer, or until a lease is given up (fcntl(2), F_SETLEASE).
Reply OpenWaiting(Services& services, Call& call, Opening& opening, Resolved resolved,
                  std::uint64_t flags) {
  struct stat held{};
  if (opening.held.valid() &&
      (::fstat(opening.held.get(), &held) != 0 || !IsSameInode(held, resolved.st))) {
    opening.held.Reset();  // the name changed hands
  }
  return services.blocking_calls.Open(
      call.id(), {call.process.tid, std::move(resolved.object), std::move(opening.held),
                  static_cast<int>(flags), opening.has(O_CLOEXEC)});
}

Reply OpenObject(Services& services, Call& call, Opening& opening, Resolved resolved) {
  if (const int error = AskOpening(services, call, opening, resolved)) {
    return Reply::Fail(error);
  }
  if (resolved.error != 0) {
    return Reply::Fail(resolved.error);
  }
  if (S_ISLNK(resolved.st.st_mode)) {
    return Reply::Fail(ELOOP);
  }
  if (S_ISDIR(resolved.st.st_mode) && opening.writes()) {
    return Reply::Fail(EISDIR);
  }
  if (IsTtyAlias(resolved.st)) {
    const base::UniqueFd terminal =
        OpenControllingTerminal(services.roots, call.process, opening.flags);
    return terminal.valid() ? Inject(services, call, opening, terminal) : Reply::Fail(errno);
  }
  const std::uint64_t flags = opening.flags & ~std::uint64_t{O_CREAT | O_EXCL | O_NOFOLLOW};
  const bool may_block = S_ISFIFO(resolved.st.st_mode) && !opening.has(O_NONBLOCK) &&
                         (opening.flags & O_ACCMODE) != O_RDWR;
  if (may_block) {
    return OpenWaiting(services, call, opening, std::move(resolved), flags);
  }
  // The kernel reserves the descriptor first: where there is none, nothing is lost.
  if (opening.has(O_TRUNC) && S_ISREG(resolved.st.st_mode) && resolved.st.st_size > 0 &&
      !services.processes.HasFreeDescriptor(call.process)) {
    return Reply::Fail(EMFILE);
  }
  const std::string link = resolved.NameByFd();
  const base::UniqueFd fd = OpenNow(services.roots.own_fds.get(), link.c_str(), flags, 0, 0);
  if (!fd.valid()) {
    const bool leased = errno == EWOULDBLOCK && !opening.has(O_NONBLOCK) && !call.process.is_loader;
    return leased ? OpenWaiting(services, call, opening, std::move(resolved), flags)
                  : Reply::Fail(errno);
  }
  if (call.process.is_loader && opening.reads() && S_ISREG(resolved.st.st_mode) &&
      IsElfProgram(fd.get())) {
    if (const int error = AskAbout(services, call, Action::kProcessSpawn, resolved)) {
      return Reply::Fail(error);
    }
  }
  return Inject(services, call, opening, fd);
}

// Makes the file in the directory that was judged. EAGAIN: the name changed kind meanwhile.
Reply CreateFile(Services& services, Call& call, const Opening& opening, const Resolved& resolved) {
  services.umask.Become(call.process.umask);
  const base::UniqueFd fd = OpenNow(resolved.parent.get(), resolved.leaf.c_str(), opening.flags,
                                    opening.mode, RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
  if (fd.valid()) {
    return Inject(services, call, opening, fd);
  }
  const bool swapped = errno == ELOOP || (errno == ENXIO && !opening.has(O_NONBLOCK));
  return Reply::Fail(swapped ? EAGAIN : errno);
}

// Where an open that may create begins. O_EXCL fails on a link too, wherever it leads.
Resolved ResolveToCreate(Services& services, Call& call, const Opening& opening) {
  if (opening.any(O_EXCL) && opening.resolve == 0) {
    return services.resolver.ResolveNew(call.process, opening.dirfd, opening.path);
  }
  return Look(services, call, opening,
              opening.any(O_NOFOLLOW | O_EXCL) ? Leaf::kKeep : Leaf::kFollow);
}

Reply OpenOrCreate(Services& services, Call& call, Opening& opening) {
  for (int tries = 0; tries < kMaxCreateTries; ++tries) {
    Resolved resolved = ResolveToCreate(services, call, opening);
    if (!resolved.creatable() || resolved.aegis_state) {
      if (resolved.wants_directory && (resolved.parent.valid() || resolved.stopped)) {
        resolved.error = EISDIR;
      } else if (resolved.exists() && resolved.error == 0 && opening.has(O_EXCL)) {
        resolved.error = EEXIST;
      }
      return OpenObject(services, call, opening, std::move(resolved));
    }
    if (const int error = AskOpening(services, call, opening, resolved)) {
      return Reply::Fail(error);
    }
    if (resolved.wants_directory) {
      return Reply::Fail(EISDIR);
    }
    const Reply reply = CreateFile(services, call, opening, resolved);
    if (reply.kind() != Reply::Kind::kFail || reply.value() != EAGAIN) {
      return reply;
    }
  }
  return Reply::Fail(EACCES);
}

// O_TMPFILE: a file without a name, judged as one that is made in that directory. linkat(2) asks
// again when it gets a name.
Reply OpenUnnamed(Services& services, Call& call, const Opening& opening) {
  const Resolved directory = Look(services, call, opening, Leaf::kFollow);
  Resolved unnamed;
  unnamed.stopped = directory.stopped;
  unnamed.error = directory.error;
  unnamed.name = JoinPath(directory.name, "#unnamed");
  unnamed.aegis_state = directory.aegis_state;
  if (const int error = AskOpening(services, call, opening, unnamed)) {
    return Reply::Fail(error);
  }
  if (directory.error != 0) {
    return Reply::Fail(directory.error);
  }
  services.umask.Become(call.process.umask);
  const std::string link = directory.NameByFd();
  const base::UniqueFd fd = OpenNow(services.roots.own_fds.get(), link.c_str(),
                                    opening.flags & ~std::uint64_t{O_NOFOLLOW}, opening.mode, 0);
  return fd.valid() ? Inject(services, call, opening, fd) : Reply::Fail(errno);
}

Reply Open(Services& services, Call& call, Opening& opening) {
  const bool creates_directory = opening.has(O_CREAT | O_DIRECTORY);  // refused since Linux 6.4
  if (creates_directory || (opening.has(kTmpFile) && (opening.flags & O_ACCMODE) == O_RDONLY)) {
    return Reply::Fail(EINVAL);
  }
  if (opening.path.empty()) {
    return Reply::Fail(ENOENT);
  }
  if (opening.has(kTmpFile)) {
    return OpenUnnamed(services, call, opening);
  }
  if (opening.has(O_PATH)) {
    return Reply::Fail(ENOSYS);  // such a descriptor can't be injected; open(2) continues it
  }
  if (!opening.writes() && opening.resolve == 0 && !call.process.is_loader) {
    if (const auto reply = OpenPlainly(services, call, opening)) {
      return *reply;
    }
  }
  if (opening.any(O_CREAT)) {
    return OpenOrCreate(services, call, opening);
  }
  const Leaf leaf = opening.has(O_NOFOLLOW) ? Leaf::kKeep : Leaf::kFollow;
  Resolved resolved = Look(services, call, opening, leaf);
  if (resolved.error == 0 && opening.has(O_DIRECTORY) && !S_ISDIR(resolved.st.st_mode)) {
    resolved.error = ENOTDIR;
  }
  return OpenObject(services, call, opening, std::move(resolved));
}

Reply OpenPathArgument(Services& services, Call& call, std::uint64_t address, Opening opening) {
  PathBuffer buffer;
  const auto path = PathArgument(services, call, address, buffer);
  if (!path) {
    return Reply::Fail(path.error());
  }
  opening.path = *path;
  opening.flags &= kKnownFlags;
  return Open(services, call, opening);
}

// Reads `how` as the kernel does: what a later version added may be there if it is 0. 0 or the
// errno.
int ReadHow(Services& services, Call& call, open_how& how) {
  const std::size_t size = call.arg(3);
  if (size < sizeof(how)) {
    return EINVAL;
  }
  if (size > kMaxHow) {
    return E2BIG;
  }
  std::array<char, kMaxHow> bytes;
  if (const int error = MemoryArgument(services, call, call.arg(2), bytes.data(), size)) {
    return error;
  }
  std::memcpy(&how, bytes.data(), sizeof(how));
  const auto later = std::span(bytes).subspan(sizeof(how), size - sizeof(how));
  return std::ranges::any_of(later, [](char byte) { return byte != 0; }) ? E2BIG : 0;
}

// What the kernel answers to flags that it does not know or that do not go together; 0 if there are
// none such.
int HowError(const open_how& how) {
  const auto has = [&how](std::uint64_t flags) { return (how.flags & flags) != 0; };
  const std::uint64_t modes = has(O_CREAT | kTmpFile) ? 07777 : 0;
  const bool scoped_twice =
      (how.resolve & RESOLVE_BENEATH) != 0 && (how.resolve & RESOLVE_IN_ROOT) != 0;
  const bool unnamed = has(kTmpFile) && (!has(O_DIRECTORY) || (how.flags & O_ACCMODE) == O_RDONLY);
  if ((how.flags & ~kKnownFlags) != 0 || (how.resolve & ~kKnownResolve) != 0 || scoped_twice ||
      (how.mode & ~modes) != 0 || (has(O_CREAT) && has(O_DIRECTORY)) || unnamed ||
      (has(O_PATH) && (how.flags & ~kWithOpath) != 0)) {
    return EINVAL;
  }
  // What is in the kernel's cache is not asked about: callers try again without the flag.
  return (how.resolve & RESOLVE_CACHED) != 0 ? EAGAIN : 0;
}

}  // namespace

Reply HandleOpen(Services& services, Call& call) {
  return OpenPathArgument(services, call, call.arg(0),
                          {AT_FDCWD, {}, call.arg(1) & UINT32_MAX, call.arg(2), 0, {}});
}

Reply HandleOpenAt(Services& services, Call& call) {
  return OpenPathArgument(services, call, call.arg(1),
                          {call.int_arg(0), {}, call.arg(2) & UINT32_MAX, call.arg(3), 0, {}});
}

Reply HandleCreat(Services& services, Call& call) {
  return OpenPathArgument(services, call, call.arg(0),
                          {AT_FDCWD, {}, O_CREAT | O_WRONLY | O_TRUNC, call.arg(1), 0, {}});
}

Reply HandleOpenAt2(Services& services, Call& call) {
  open_how how{};
  if (const int error = ReadHow(services, call, how)) {
    return Reply::Fail(error);
  }
  if (const int error = HowError(how)) {
    return Reply::Fail(error);
  }
  return OpenPathArgument(services, call, call.arg(1),
                          {call.int_arg(0), {}, how.flags, how.mode, how.resolve, {}});
}

}  // namespace aegis::gate
