#pragma once

#include <array>
#include <string_view>

#include "sandbox/syscall_rows_make.h"
#include "sandbox/syscall_table.h"

// Rows of calls about memory, time, sockets, and the system as a whole.
namespace aegis::sandbox::rows {

inline constexpr std::string_view kMemoryAbout =
    "The caller's own memory, or that of a process inside; a file is mapped through a descriptor.";
inline constexpr auto kMemory = std::to_array<SyscallRow>({
    Free("mmap", 9, 222, kDescriptor),
    Free("munmap", 11, 215),
    Free("mprotect", 10, 226),
    Free("mremap", 25, 216),
    Free("remap_file_pages", 216, 234),
    Free("brk", 12, 214),
    Free("msync", 26, 227),
    Free("mincore", 27, 232),
    Free("madvise", 28, 233),
    Free("mlock", 149, 228),
    Free("mlock2", 325, 284),
    Free("munlock", 150, 229),
    Free("mlockall", 151, 230),
    Free("munlockall", 152, 231),
    Free("mseal", 462, 462),
    Free("pkey_mprotect", 329, 288),
    Free("pkey_alloc", 330, 289),
    Free("pkey_free", 331, 290),
    Free("map_shadow_stack", 453, 453, kNothing, "libc needs it where shadow stacks are on"),
    Free("mbind", 237, 235),
    Free("set_mempolicy", 238, 237),
    Free("get_mempolicy", 239, 236),
    Free("set_mempolicy_home_node", 450, 450),
    Free("migrate_pages", 256, 238, kProcess),
    Free("move_pages", 279, 239, kProcess),
    RefusedByRun("userfaultfd", 323, 282, kNothing, "stops the kernel at a place of one's choice"),
    Refused("memfd_secret", 447, 447, kNothing, kEnosys, "memory that the supervisor can't read"),
    RefusedByRun("modify_ldt", 154, kNone, kNothing, "a seldom used part of the kernel"),
});

inline constexpr std::string_view kWaitingAbout = "The caller's own.";
inline constexpr std::string_view kEpollsWhy =
    "a socket that connects to outside stays in its epoll instances";
inline constexpr auto kWaiting = std::to_array<SyscallRow>({
    Free("futex", 202, 98),
    Free("futex_waitv", 449, 449),
    Free("futex_wake", 454, 454),
    Free("futex_wait", 455, 455),
    Free("futex_requeue", 456, 456),
    Free("poll", 7, kNone, kDescriptor),
    Free("ppoll", 271, 73, kDescriptor),
    Free("select", 23, kNone, kDescriptor),
    Free("pselect6", 270, 72, kDescriptor),
    AskedByRun("epoll_create", 213, kNone, kNothing, kContinue, kEpollsWhy),
    AskedByRun("epoll_create1", 291, 20, kNothing, kContinue, kEpollsWhy),
    Free("epoll_ctl", 233, 21, kDescriptor),
    Free("epoll_wait", 232, kNone, kDescriptor),
    Free("epoll_pwait", 281, 22, kDescriptor),
    Free("epoll_pwait2", 441, 441, kDescriptor),
    Free("eventfd", 284, kNone),
    Free("eventfd2", 290, 19),
    Free("timerfd_create", 283, 85),
    Free("timerfd_settime", 286, 86, kDescriptor),
    Free("timerfd_gettime", 287, 87, kDescriptor),
    Free("timer_create", 222, 107),
    Free("timer_settime", 223, 110),
    Free("timer_gettime", 224, 108),
    Free("timer_getoverrun", 225, 109),
    Free("timer_delete", 226, 111),
    Free("getitimer", 36, 102),
    Free("setitimer", 38, 103),
    Free("alarm", 37, kNone),
    Free("nanosleep", 35, 101),
    Free("clock_nanosleep", 230, 115),
    Free("clock_gettime", 228, 113),
    Free("clock_getres", 229, 114),
    Free("gettimeofday", 96, 169),
    Free("time", 201, kNone),
    Free("times", 100, 153),
    Free("adjtimex", 159, 171, kNothing, "asks; setting needs a capability"),
    Free("getrandom", 318, 278),
});

inline constexpr std::string_view kSocketsAbout =
    "What names a peer is judged. Under run a socket begins in a network namespace that holds "
    "nothing but loopback; one that may connect to outside is replaced by one made outside.";
inline constexpr auto kSockets = std::to_array<SyscallRow>({
    Asked("socket", 41, 198, kFamily, "NetConnect", kContinue, kOddSocket),
    Asked("socketpair", 53, 199, kFamily, "NetConnect", kContinue, kDatagramPair),
    Asked("connect", 42, 203, kAddress, "NetConnect, FileWrite", kContinue, kAlways,
          "by the supervisor, to a Unix socket of the run itself as FileWrite"),
    Asked("bind", 49, 200, kAddress, "FileWrite", kEmulate, kAlways,
          "to a path; other addresses are of the run's own network"),
    Asked("sendto", 44, 206, kAddress, "NetConnect", kContinue, kAddressed),
    Asked("sendmsg", 46, 211, kAddress, "NetConnect", kContinue),
    Asked("sendmmsg", 307, 269, kAddress, "NetConnect", kContinue),
    AskedByRun("listen", 50, 201, kDescriptor, kEmulate,
               "a socket that was made outside listens nowhere"),
    Free("accept", 43, 202, kDescriptor),
    Free("accept4", 288, 242, kDescriptor),
    Free("recvfrom", 45, 207, kDescriptor),
    Free("recvmsg", 47, 212, kDescriptor),
    Free("recvmmsg", 299, 243, kDescriptor),
    Free("shutdown", 48, 210, kDescriptor),
    Free("getsockname", 51, 204, kDescriptor),
    AskedByRun("getpeername", 52, 205, kDescriptor, kEmulate,
               "the address that the caller connected to, which may stand for a name"),
    RefusedByRun("setsockopt", 54, 208, kDescriptor, "would lead packets elsewhere than was judged",
                 kRouteOption),
    Free("setsockopt", 54, 208, kDescriptor),
    Free("getsockopt", 55, 209, kDescriptor),
});

inline constexpr std::string_view kQueuesAbout =
    "Of the ipc namespace, which is the run's own under run; no file is named.";
inline constexpr auto kQueues = std::to_array<SyscallRow>({
    Free("shmget", 29, 194, kQueue),
    Free("shmat", 30, 196, kQueue),
    Free("shmctl", 31, 195, kQueue),
    Free("shmdt", 67, 197),
    Free("semget", 64, 190, kQueue),
    Free("semop", 65, 193, kQueue),
    Free("semctl", 66, 191, kQueue),
    Free("semtimedop", 220, 192, kQueue),
    Free("msgget", 68, 186, kQueue),
    Free("msgsnd", 69, 189, kQueue),
    Free("msgrcv", 70, 188, kQueue),
    Free("msgctl", 71, 187, kQueue),
    Free("mq_open", 240, 180, kQueue),
    Free("mq_unlink", 241, 181, kQueue),
    Free("mq_timedsend", 242, 182, kDescriptor),
    Free("mq_timedreceive", 243, 183, kDescriptor),
    Free("mq_notify", 244, 184, kDescriptor),
    Free("mq_getsetattr", 245, 185, kDescriptor),
});

inline constexpr std::string_view kMountsAbout =
    "The agent's view of files is the one that the supervisor judges by: nothing changes it.";
inline constexpr auto kMounts = std::to_array<SyscallRow>({
    Refused("mount", 165, 40, kTwoPaths, kEperm),
    Refused("umount2", 166, 39, kPath, kEperm),
    Refused("open_tree", 428, 428, kAtPath, kEperm),
    Refused("open_tree_attr", 467, 467, kAtPath, kEnosys, "newer; no program needs it"),
    Refused("move_mount", 429, 429, kTwoAtPaths, kEperm),
    Refused("fsopen", 430, 430, kNothing, kEperm),
    Refused("fsconfig", 431, 431, kDescriptor, kEperm),
    Refused("fsmount", 432, 432, kDescriptor, kEperm),
    Refused("fspick", 433, 433, kAtPath, kEperm),
    Refused("mount_setattr", 442, 442, kAtPath, kEperm),
    Refused("statmount", 457, 457, kNothing, kEnosys,
            "newer; programs read /proc/self/mountinfo, which is judged"),
    Refused("listmount", 458, 458, kNothing, kEnosys,
            "newer; programs read /proc/self/mountinfo, which is judged"),
    Refused("setns", 308, 268, kDescriptor, kEperm),
    Refused("unshare", 272, 97, kNamespaces, kEperm, {}, kUnshareNamespace),
});

inline constexpr std::string_view kKernelAbout =
    "What changes or shows more than the run: for administrators outside.";
inline constexpr auto kKernel = std::to_array<SyscallRow>({
    Refused("acct", 163, 89, kPath, kEperm),
    Refused("swapon", 167, 224, kPath, kEperm),
    Refused("swapoff", 168, 225, kPath, kEperm),
    Refused("quotactl", 179, 60, kPath, kEperm),
    Refused("quotactl_fd", 443, 443, kDescriptor, kEperm),
    Refused("reboot", 169, 142, kNothing, kEperm),
    Refused("kexec_load", 246, 104, kNothing, kEperm),
    Refused("kexec_file_load", 320, 294, kDescriptor, kEperm),
    Refused("init_module", 175, 105, kNothing, kEperm),
    Refused("finit_module", 313, 273, kDescriptor, kEperm),
    Refused("delete_module", 176, 106, kNothing, kEperm),
    Refused("sethostname", 170, 161, kNothing, kEperm),
    Refused("setdomainname", 171, 162, kNothing, kEperm),
    Refused("settimeofday", 164, 170, kNothing, kEperm),
    Refused("clock_settime", 227, 112, kNothing, kEperm),
    Refused("clock_adjtime", 305, 266, kNothing, kEperm),
    Refused("iopl", 172, kNone, kNothing, kEperm),
    Refused("ioperm", 173, kNone, kNothing, kEperm),
    Refused("vhangup", 153, 58, kNothing, kEperm),
    Refused("lookup_dcookie", 212, 18, kNothing, kEperm),
    RefusedByRun("syslog", 103, 116, kNothing, "the kernel's log"),
    RefusedByRun("perf_event_open", 298, 241, kProcess, "measures the kernel and others"),
    Refused("bpf", 321, 280, kNothing, kEperm),
    RefusedByRun("add_key", 248, 217, kNothing, "keyrings are shared with the outside"),
    RefusedByRun("request_key", 249, 218, kNothing, "keyrings are shared with the outside"),
    RefusedByRun("keyctl", 250, 219, kNothing, "keyrings are shared with the outside"),
});

inline constexpr std::string_view kRingsAbout = "A ring carries calls past the filter.";
inline constexpr auto kRings = std::to_array<SyscallRow>({
    Refused("io_uring_setup", 425, 425, kNothing, kEnosys),
    Refused("io_uring_enter", 426, 426, kDescriptor, kEnosys),
    Refused("io_uring_register", 427, 427, kDescriptor, kEnosys),
});

inline constexpr std::string_view kGoneAbout =
    "The kernel has taken them away, or no program is left that uses them.";
inline constexpr auto kGone = std::to_array<SyscallRow>({
    Refused("uselib", 134, kNone, kPath, kEnosys),
    Refused("ustat", 136, kNone, kNothing, kEnosys),
    Refused("sysfs", 139, kNone, kNothing, kEnosys),
    Refused("_sysctl", 156, kNone, kNothing, kEnosys),
    Refused("create_module", 174, kNone, kNothing, kEnosys),
    Refused("get_kernel_syms", 177, kNone, kNothing, kEnosys),
    Refused("query_module", 178, kNone, kNothing, kEnosys),
    Refused("nfsservctl", 180, 42, kNothing, kEnosys),
    Refused("getpmsg", 181, kNone, kNothing, kEnosys),
    Refused("putpmsg", 182, kNone, kNothing, kEnosys),
    Refused("afs_syscall", 183, kNone, kNothing, kEnosys),
    Refused("tuxcall", 184, kNone, kNothing, kEnosys),
    Refused("security", 185, kNone, kNothing, kEnosys),
    Refused("set_thread_area", 205, kNone, kNothing, kEnosys),
    Refused("get_thread_area", 211, kNone, kNothing, kEnosys),
    Refused("epoll_ctl_old", 214, kNone, kNothing, kEnosys),
    Refused("epoll_wait_old", 215, kNone, kNothing, kEnosys),
    Refused("vserver", 236, kNone, kNothing, kEnosys),
});

}  // namespace aegis::sandbox::rows
