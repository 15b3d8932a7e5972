#include "gate/dispatch.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <string_view>

#include "gate/call.h"
#include "gate/exec_calls.h"
#include "gate/inet_calls.h"
#include "gate/metadata_calls.h"
#include "gate/name_calls.h"
#include "gate/open_calls.h"
#include "gate/socket_calls.h"
#include "gate/watch_calls.h"
#include "sandbox/syscall_rows.h"
#include "sandbox/syscall_table.h"

namespace aegis::gate {

namespace {

struct Entry {
  std::string_view name;  // of a row
  Handler handler = nullptr;
};

constexpr auto kEntries = std::to_array<Entry>({
    {"open", HandleOpen},
    {"openat", HandleOpenAt},
    {"openat2", HandleOpenAt2},
    {"creat", HandleCreat},
    {"execve", HandleExecve},
    {"execveat", HandleExecveAt},
    {"chdir", HandleFileStateChange},
    {"fchdir", HandleFileStateChange},
    {"umask", HandleFileStateChange},
    {"sched_setaffinity", HandleSetAffinity},
    {"sched_getaffinity", HandleGetAffinity},
    {"unlink", HandleUnlink},
    {"unlinkat", HandleUnlinkAt},
    {"rmdir", HandleRmdir},
    {"mkdir", HandleMkdir},
    {"mkdirat", HandleMkdirAt},
    {"rename", HandleRename},
    {"renameat", HandleRenameAt},
    {"renameat2", HandleRenameAt2},
    {"link", HandleLink},
    {"linkat", HandleLinkAt},
    {"symlink", HandleSymlink},
    {"symlinkat", HandleSymlinkAt},
    {"mknod", HandleMknod},
    {"mknodat", HandleMknodAt},
    {"chmod", HandleChmod},
    {"fchmod", HandleFchmod},
    {"fchmodat", HandleFchmodAt},
    {"fchmodat2", HandleFchmodAt2},
    {"chown", HandleChown},
    {"lchown", HandleLchown},
    {"fchown", HandleFchown},
    {"fchownat", HandleFchownAt},
    {"utime", HandleUtime},
    {"utimes", HandleUtimes},
    {"futimesat", HandleFutimesAt},
    {"utimensat", HandleUtimensAt},
    {"truncate", HandleTruncate},
    {"setxattr", HandleSetxattr},
    {"lsetxattr", HandleLsetxattr},
    {"fsetxattr", HandleFsetxattr},
    {"removexattr", HandleRemovexattr},
    {"lremovexattr", HandleLremovexattr},
    {"fremovexattr", HandleFremovexattr},
    {"ioctl", HandleInodeIoctl},
    {"inotify_add_watch", HandleInotifyAddWatch},
    {"fanotify_mark", HandleFanotifyMark},
    {"socket", HandleSocket},
    {"socketpair", HandleSocketPair},
    {"connect", HandleConnect},
    {"bind", HandleBind},
    {"listen", HandleListen},
    {"getpeername", HandleGetPeerName},
    {"epoll_create", HandleEpollCreate},
    {"epoll_create1", HandleEpollCreate},
    {"sendto", HandleSendTo},
    {"sendmsg", HandleSendMsg},
    {"sendmmsg", HandleSendMmsg},
});

// What the filter sends has one handler, on either architecture, and no handler is for nothing.
consteval bool IsComplete() {
  std::array<bool, kEntries.size()> needed{};
  for (const sandbox::SyscallGroup& group : sandbox::kSyscallGroups) {
    for (const sandbox::SyscallRow& row : group.rows) {
      if (!sandbox::IsNotified(row)) {
        continue;
      }
      if (std::ranges::count(kEntries, row.name, &Entry::name) != 1) {
        return false;
      }
      const auto* const entry = std::ranges::find(kEntries, row.name, &Entry::name);
      needed.at(static_cast<std::size_t>(entry - kEntries.begin())) = true;
    }
  }
  return std::ranges::all_of(needed, std::identity());
}
static_assert(IsComplete());

using Table = std::array<Handler, sandbox::kNewestSyscall + 1>;

consteval Table MakeTable() {
  Table table{};
  for (const sandbox::SyscallRow& row : sandbox::kSyscallTable<sandbox::kNativeArch>) {
    const auto* const entry = std::ranges::find(kEntries, row.name, &Entry::name);
    if (entry != kEntries.end()) {
      table.at(static_cast<std::size_t>(sandbox::NumberOn(row, sandbox::kNativeArch))) =
          entry->handler;
    }
  }
  return table;
}

constexpr Table kTable = MakeTable();

}  // namespace

Handler FindHandler(int syscall_number) {
  const bool known = syscall_number >= 0 && syscall_number <= sandbox::kNewestSyscall;
  return known ? kTable.at(static_cast<std::size_t>(syscall_number)) : nullptr;
}

}  // namespace aegis::gate
