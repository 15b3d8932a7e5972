#include "sandbox/syscall_table.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

namespace aegis::sandbox {
namespace {

using enum Treatment;
using enum When;

// Order of the numbers; unit tests hold it. Where run and wrap differ, the row refuses a power that
// the agent must not have (run) but that hides nothing from the record (wrap). What would blind the
// record or the supervisor's view of paths (io_uring, namespaces, mounts) is closed in both.
constexpr auto kTable = std::to_array<SyscallRow>({
    {"open", 2, kNotify, kNotify, kNotOpath2},
    {"ioctl", 16, kEperm, kEperm, kTerminalIoctl},
    {"ioctl", 16, kEperm, kNotify, kInodeIoctl},
    {"socket", 41, kNotify, kNotify, kOddSocket},
    {"connect", 42, kNotify, kNotify},
    {"sendto", 44, kNotify, kNotify, kAddressed},
    {"sendmsg", 46, kNotify, kNotify},
    {"bind", 49, kNotify, kNotify},
    {"socketpair", 53, kNotify, kNotify, kDatagramPair},
    {"clone", 56, kEperm, kEperm, kNewNamespace},
    {"execve", 59, kNotify, kNotify},
    {"truncate", 76, kNotify, kNotify},
    {"chdir", 80, kNotify, kNotify},
    {"fchdir", 81, kNotify, kNotify},
    {"rename", 82, kNotify, kNotify},
    {"mkdir", 83, kNotify, kNotify},
    {"rmdir", 84, kNotify, kNotify},
    {"creat", 85, kNotify, kNotify},
    {"link", 86, kNotify, kNotify},
    {"unlink", 87, kNotify, kNotify},
    {"symlink", 88, kNotify, kNotify},
    {"chmod", 90, kNotify, kNotify},
    {"fchmod", 91, kNotify, kNotify},
    {"chown", 92, kNotify, kNotify},
    {"fchown", 93, kNotify, kNotify},
    {"lchown", 94, kNotify, kNotify},
    {"umask", 95, kNotify, kNotify},
    {"ptrace", 101, kEperm, kAllow},
    {"syslog", 103, kEperm, kAllow},
    {"utime", 132, kNotify, kNotify},
    {"mknod", 133, kNotify, kNotify},
    {"uselib", 134, kEnosys, kEnosys},
    {"personality", 135, kEperm, kAllow, kOddPersonality},
    {"vhangup", 153, kEperm, kEperm},
    {"modify_ldt", 154, kEperm, kAllow},
    {"pivot_root", 155, kEperm, kEperm},
    {"chroot", 161, kEperm, kEperm},
    {"acct", 163, kEperm, kEperm},
    {"settimeofday", 164, kEperm, kEperm},
    {"mount", 165, kEperm, kEperm},
    {"umount2", 166, kEperm, kEperm},
    {"swapon", 167, kEperm, kEperm},
    {"swapoff", 168, kEperm, kEperm},
    {"reboot", 169, kEperm, kEperm},
    {"sethostname", 170, kEperm, kEperm},
    {"setdomainname", 171, kEperm, kEperm},
    {"iopl", 172, kEperm, kEperm},
    {"ioperm", 173, kEperm, kEperm},
    {"init_module", 175, kEperm, kEperm},
    {"delete_module", 176, kEperm, kEperm},
    {"quotactl", 179, kEperm, kEperm},
    {"nfsservctl", 180, kEnosys, kEnosys},
    {"setxattr", 188, kNotify, kNotify},
    {"lsetxattr", 189, kNotify, kNotify},
    {"fsetxattr", 190, kNotify, kNotify},
    {"removexattr", 197, kNotify, kNotify},
    {"lremovexattr", 198, kNotify, kNotify},
    {"fremovexattr", 199, kNotify, kNotify},
    {"sched_setaffinity", 203, kNotify, kNotify},
    {"lookup_dcookie", 212, kEperm, kEperm},
    {"clock_settime", 227, kEperm, kEperm},
    {"utimes", 235, kNotify, kNotify},
    {"kexec_load", 246, kEperm, kEperm},
    {"add_key", 248, kEperm, kAllow},
    {"request_key", 249, kEperm, kAllow},
    {"keyctl", 250, kEperm, kAllow},
    {"openat", 257, kNotify, kNotify, kNotOpath3},
    {"mkdirat", 258, kNotify, kNotify},
    {"mknodat", 259, kNotify, kNotify},
    {"fchownat", 260, kNotify, kNotify},
    {"futimesat", 261, kNotify, kNotify},
    {"unlinkat", 263, kNotify, kNotify},
    {"renameat", 264, kNotify, kNotify},
    {"linkat", 265, kNotify, kNotify},
    {"symlinkat", 266, kNotify, kNotify},
    {"fchmodat", 268, kNotify, kNotify},
    {"unshare", 272, kEperm, kEperm, kUnshareNamespace},
    {"utimensat", 280, kNotify, kNotify},
    {"perf_event_open", 298, kEperm, kAllow},
    {"fanotify_init", 300, kEperm, kAllow},
    {"fanotify_mark", 301, kEperm, kAllow},
    {"name_to_handle_at", 303, kEperm, kAllow},
    {"open_by_handle_at", 304, kEperm, kEperm},
    {"clock_adjtime", 305, kEperm, kEperm},
    {"sendmmsg", 307, kNotify, kNotify},
    {"setns", 308, kEperm, kEperm},
    {"process_vm_readv", 310, kEperm, kAllow},
    {"process_vm_writev", 311, kEperm, kAllow},
    {"finit_module", 313, kEperm, kEperm},
    {"renameat2", 316, kNotify, kNotify},
    {"kexec_file_load", 320, kEperm, kEperm},
    {"bpf", 321, kEperm, kEperm},
    {"execveat", 322, kNotify, kNotify},
    {"userfaultfd", 323, kEperm, kAllow},
    {"io_uring_setup", 425, kEnosys, kEnosys},
    {"io_uring_enter", 426, kEnosys, kEnosys},
    {"io_uring_register", 427, kEnosys, kEnosys},
    {"open_tree", 428, kEperm, kEperm},
    {"move_mount", 429, kEperm, kEperm},
    {"fsopen", 430, kEperm, kEperm},
    {"fsconfig", 431, kEperm, kEperm},
    {"fsmount", 432, kEperm, kEperm},
    {"fspick", 433, kEperm, kEperm},
    // Its flags lie in memory; libc falls back to clone(2), whose flags are a register.
    {"clone3", 435, kEnosys, kEnosys},
    {"openat2", 437, kNotify, kNotify},
    {"pidfd_getfd", 438, kEperm, kAllow},
    {"mount_setattr", 442, kEperm, kEperm},
    {"quotactl_fd", 443, kEperm, kEperm},
    {"memfd_secret", 447, kEnosys, kEnosys},
    {"fchmodat2", 452, kNotify, kNotify},
    {"setxattrat", 463, kEnosys, kEnosys},
    {"removexattrat", 466, kEnosys, kEnosys},
    {"open_tree_attr", 467, kEnosys, kEnosys},
    {"file_setattr", 469, kEnosys, kEnosys},
});

}  // namespace

std::span<const SyscallRow> SyscallTable() { return kTable; }

std::string_view SyscallName(int number) {
  const auto* const row = std::ranges::find(kTable, number, &SyscallRow::x86_64);
  return row != kTable.end() ? row->name : std::string_view();
}

}  // namespace aegis::sandbox
