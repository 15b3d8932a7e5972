#include "sandbox/namespaces.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace aegis::sandbox {
namespace {

constexpr char kEntered = 'E';  // supervisor: the namespaces are there
constexpr char kMapped = 'M';   // launcher: the maps are written

base::Result<> SendByte(int fd, char byte) {
  if (::send(fd, &byte, 1, MSG_NOSIGNAL) != 1) {
    return base::FailErrno("reach the other side while starting");
  }
  return {};
}

// Any other word stays where it is, for whoever knows what it means.
base::Result<> AwaitByte(int fd, char expected, const char* who) {
  char byte = 0;
  ssize_t length = 0;
  do {
    length = ::recv(fd, &byte, 1, MSG_PEEK);
  } while (length < 0 && errno == EINTR);
  if (length < 0) {
    return base::FailErrno(std::string("wait for ") + who);
  }
  if (length == 0) {
    return base::Fail(base::Errc::kUnavailable, std::string(who) + " ended while starting");
  }
  if (byte != expected) {
    return base::Fail(base::Errc::kInternal, std::string(who) + " answered out of turn");
  }
  static_cast<void>(::recv(fd, &byte, 1, 0));
  return {};
}

// One write(2) with an errno: the kernel takes a map in one piece only.
base::Result<> WriteProcFile(const std::string& path, std::string_view text) {
  AEGIS_ASSIGN(const base::UniqueFd fd, base::Open(path, O_WRONLY));
  if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return base::FailErrno("write " + path);
  }
  return {};
}

// The ids that exist for this process, each mapped to itself.
base::Result<std::string> IdentityMap(const std::string& own_map) {
  AEGIS_ASSIGN(const base::UniqueFd fd, base::Open(own_map, O_RDONLY));
  std::string text(4096, '\0');
  const ssize_t length = ::read(fd.get(), text.data(), text.size());
  if (length < 0) {
    return base::FailErrno("read " + own_map);
  }
  text.resize(static_cast<std::size_t>(length));
  std::istringstream extents(text);
  std::string map;
  std::string inside;
  std::string outside;
  std::string count;
  while (extents >> inside >> outside >> count) {
    for (const std::string* field : {&inside, &inside, &count}) {
      map += *field;
      map += field == &count ? '\n' : ' ';
    }
  }
  return map;
}

base::Result<> WriteFullMaps(const std::string& proc) {
  AEGIS_ASSIGN(const std::string users, IdentityMap("/proc/self/uid_map"));
  AEGIS_ASSIGN(const std::string groups, IdentityMap("/proc/self/gid_map"));
  AEGIS_TRY(WriteProcFile(proc + "uid_map", users));
  return WriteProcFile(proc + "gid_map", groups);
}

base::Result<> WriteOwnMaps(const std::string& proc) {
  const std::string user = std::to_string(::geteuid());
  const std::string group = std::to_string(::getegid());
  AEGIS_TRY(WriteProcFile(proc + "setgroups", "deny"));
  AEGIS_TRY(WriteProcFile(proc + "uid_map", user + " " + user + " 1\n"));
  return WriteProcFile(proc + "gid_map", group + " " + group + " 1\n");
}

}  // namespace

base::Error UserNamespaceError(int error) {
  std::string advice;
  switch (error) {
    case EPERM:
    case EACCES:
      advice =
          "not permitted: allow them with kernel.unprivileged_userns_clone=1 or "
          "kernel.apparmor_restrict_unprivileged_userns=0 (sysctl), whichever this system has";
      break;
    case ENOSPC:
    case EUSERS:
      advice = "exhausted: raise user.max_user_namespaces (sysctl)";
      break;
    default:
      return base::Error::FromErrno("create a user namespace", error);
  }
  return {base::Errc::kUnsupported, "user namespaces are " + advice, error};
}

base::Result<> DieWithParent(pid_t parent) {
  // Of any other signal a process that is stopped would not die.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) {
    return base::FailErrno("ask for a signal at the parent's death");
  }
  if (::getppid() != parent) {  // it died before the question
    return base::Fail(base::Errc::kUnavailable, "the launcher ended while starting");
  }
  return {};
}

base::Result<> EnterUserAndMountNamespace(int sync_fd) {
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
    return base::Fail(UserNamespaceError(errno));
  }
  AEGIS_TRY(SendByte(sync_fd, kEntered));
  return AwaitByte(sync_fd, kMapped, "the launcher");
}

base::Result<> WriteIdMaps(pid_t supervisor, int sync_fd) {
  AEGIS_TRY(AwaitByte(sync_fd, kEntered, "the supervisor"));
  const std::string proc = "/proc/" + std::to_string(supervisor) + "/";
  base::Result<> written = base::Fail(base::Errc::kDenied, "not tried");
  if (::geteuid() == 0) {
    written = WriteFullMaps(proc);  // EPERM where root is not allowed to set ids
  }
  if (!written.has_value()) {
    written = WriteOwnMaps(proc);
  }
  if (!written.has_value()) {
    return base::Fail(std::move(written).error().Within("map user ids into the sandbox"));
  }
  return SendByte(sync_fd, kMapped);
}

}  // namespace aegis::sandbox
