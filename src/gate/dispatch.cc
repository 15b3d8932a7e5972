#include "gate/dispatch.h"

#include <sys/syscall.h>

#include <array>
#include <cstddef>

#include "gate/call.h"
#include "gate/exec_calls.h"
#include "gate/metadata_calls.h"
#include "gate/name_calls.h"
#include "gate/open_calls.h"
#include "gate/socket_calls.h"
#include "sandbox/syscall_table.h"
#include "sandbox/uapi.h"

namespace aegis::gate {

namespace {

using Table = std::array<Handler, sandbox::kNewestSyscall + 1>;

constexpr Table MakeTable() {
  Table table{};
  const auto set = [&table](int number, Handler handler) {
    table.at(static_cast<std::size_t>(number)) = handler;
  };
  set(SYS_open, HandleOpen);
  set(SYS_openat, HandleOpenAt);
  set(sandbox::uapi::kSysOpenat2, HandleOpenAt2);
  set(SYS_creat, HandleCreat);
  set(SYS_execve, HandleExecve);
  set(SYS_execveat, HandleExecveAt);
  set(SYS_chdir, HandleFileStateChange);
  set(SYS_fchdir, HandleFileStateChange);
  set(SYS_umask, HandleFileStateChange);
  set(SYS_sched_setaffinity, HandleSetAffinity);
  set(SYS_unlink, HandleUnlink);
  set(SYS_unlinkat, HandleUnlinkAt);
  set(SYS_rmdir, HandleRmdir);
  set(SYS_mkdir, HandleMkdir);
  set(SYS_mkdirat, HandleMkdirAt);
  set(SYS_rename, HandleRename);
  set(SYS_renameat, HandleRenameAt);
  set(SYS_renameat2, HandleRenameAt2);
  set(SYS_link, HandleLink);
  set(SYS_linkat, HandleLinkAt);
  set(SYS_symlink, HandleSymlink);
  set(SYS_symlinkat, HandleSymlinkAt);
  set(SYS_mknod, HandleMknod);
  set(SYS_mknodat, HandleMknodAt);
  set(SYS_chmod, HandleChmod);
  set(SYS_fchmod, HandleFchmod);
  set(SYS_fchmodat, HandleFchmodAt);
  set(sandbox::uapi::kSysFchmodat2, HandleFchmodAt2);
  set(SYS_chown, HandleChown);
  set(SYS_lchown, HandleLchown);
  set(SYS_fchown, HandleFchown);
  set(SYS_fchownat, HandleFchownAt);
  set(SYS_utime, HandleUtime);
  set(SYS_utimes, HandleUtimes);
  set(SYS_futimesat, HandleFutimesAt);
  set(SYS_utimensat, HandleUtimensAt);
  set(SYS_truncate, HandleTruncate);
  set(SYS_setxattr, HandleSetxattr);
  set(SYS_lsetxattr, HandleLsetxattr);
  set(SYS_fsetxattr, HandleFsetxattr);
  set(SYS_removexattr, HandleRemovexattr);
  set(SYS_lremovexattr, HandleLremovexattr);
  set(SYS_fremovexattr, HandleFremovexattr);
  set(SYS_ioctl, HandleInodeIoctl);
  set(SYS_socket, HandleSocket);
  set(SYS_socketpair, HandleSocketPair);
  set(SYS_connect, HandleConnect);
  set(SYS_bind, HandleBind);
  set(SYS_sendto, HandleSendTo);
  set(SYS_sendmsg, HandleSendMsg);
  set(SYS_sendmmsg, HandleSendMmsg);
  return table;
}

constexpr Table kTable = MakeTable();

}  // namespace

Handler FindHandler(int syscall_number) {
  const bool known = syscall_number >= 0 && syscall_number <= sandbox::kNewestSyscall;
  return known ? kTable.at(static_cast<std::size_t>(syscall_number)) : nullptr;
}

}  // namespace aegis::gate
