#include "sandbox/filter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/in.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/bpf_interpreter.h"
#include "sandbox/mode.h"
#include "sandbox/syscall_table.h"
#include "sandbox/uapi.h"

namespace aegis::sandbox {
namespace {

using testing_support::BpfRun;
using testing_support::RunBpf;

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t kNotify = SECCOMP_RET_USER_NOTIF;
constexpr std::uint32_t kEperm = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t kEnosys = SECCOMP_RET_ERRNO | ENOSYS;

// The numbers below are those of x86-64, whatever this runs on.
int X64(std::string_view name) {
  const auto table = SyscallTable(Arch::kX64);
  const auto row = std::ranges::find(table, name, &SyscallRow::name);
  EXPECT_NE(row, table.end()) << name;
  return row != table.end() ? row->x86_64 : -1;
}

struct Call {
  std::string what;
  long number = 0;
  std::array<std::uint64_t, 6> args{};
  std::uint32_t run = kAllow;
  std::uint32_t wrap = kAllow;
};

BpfRun Decide(const std::vector<sock_filter>& program, std::uint32_t arch, std::uint32_t number,
              const std::array<std::uint64_t, 6>& args) {
  seccomp_data data{};
  data.arch = arch;
  data.nr = static_cast<int>(number);
  std::ranges::copy(args, data.args);
  const auto run = RunBpf(program, data);
  EXPECT_TRUE(run.has_value()) << "invalid program at call " << number;
  return run.value_or(BpfRun{});
}

BpfRun OnX64(const std::vector<sock_filter>& program, long number,
             const std::array<std::uint64_t, 6>& args = {}) {
  return Decide(program, AUDIT_ARCH_X86_64, static_cast<std::uint32_t>(number), args);
}

void ExpectAll(const std::vector<Call>& calls) {
  const auto run = BuildFilter(Mode::kRun, Arch::kX64);
  const auto wrap = BuildFilter(Mode::kWrap, Arch::kX64);
  for (const Call& call : calls) {
    EXPECT_EQ(OnX64(run, call.number, call.args).action, call.run) << "run: " << call.what;
    EXPECT_EQ(OnX64(wrap, call.number, call.args).action, call.wrap) << "wrap: " << call.what;
  }
}

constexpr std::uint64_t kHigh = 0xdead00000000ULL;  // upper half: the kernel ignores it in an int

TEST(Filter, OpensAreJudgedUnlessOPath) {
  ExpectAll({
      {"open", X64("open"), {1, O_RDONLY}, kNotify, kNotify},
      {"open O_PATH", X64("open"), {1, O_PATH | O_CLOEXEC}, kAllow, kAllow},
      {"open, O_PATH in the ignored half",
       X64("open"),
       {1, O_PATH * 0x100000000ULL},
       kNotify,
       kNotify},
      {"openat", X64("openat"), {5, 1, O_RDWR | O_CREAT}, kNotify, kNotify},
      {"openat O_PATH", X64("openat"), {5, 1, O_PATH | kHigh}, kAllow, kAllow},
      {"openat2", uapi::kSysOpenat2, {5, 1, O_PATH, 24}, kNotify, kNotify},
      {"creat", X64("creat"), {1, O_PATH}, kNotify, kNotify},
      {"open_by_handle_at", X64("open_by_handle_at"), {}, kEperm, kEperm},
      {"name_to_handle_at", X64("name_to_handle_at"), {}, kEperm, kAllow},
  });
}

TEST(Filter, ChangesOfNamesAndMetadataAreJudged) {
  for (const int number :
       {X64("unlink"),    X64("unlinkat"),    X64("rmdir"),        X64("mkdir"),
        X64("mkdirat"),   X64("rename"),      X64("renameat"),     X64("renameat2"),
        X64("link"),      X64("linkat"),      X64("symlink"),      X64("symlinkat"),
        X64("mknod"),     X64("mknodat"),     X64("truncate"),     X64("chmod"),
        X64("fchmod"),    X64("fchmodat"),    X64("chown"),        X64("fchown"),
        X64("lchown"),    X64("fchownat"),    X64("utime"),        X64("utimes"),
        X64("futimesat"), X64("utimensat"),   X64("setxattr"),     X64("lsetxattr"),
        X64("fsetxattr"), X64("removexattr"), X64("lremovexattr"), X64("fremovexattr"),
        X64("execve"),    X64("execveat"),    X64("chdir"),        X64("fchdir"),
        X64("umask"),     uapi::kSysFchmodat2}) {
    ExpectAll({{"call " + std::to_string(number), number, {}, kNotify, kNotify}});
  }
  ExpectAll({{"setxattrat", uapi::kSysSetxattrat, {}, kEnosys, kEnosys},
             {"removexattrat", uapi::kSysRemovexattrat, {}, kEnosys, kEnosys},
             {"file_setattr", uapi::kSysFileSetattr, {}, kEnosys, kEnosys}});
}

TEST(Filter, WatchesAreJudged) {
  ExpectAll({
      {"inotify_add_watch", X64("inotify_add_watch"), {3, 1, IN_MODIFY}, kNotify, kNotify},
      {"inotify_init1", X64("inotify_init1"), {}, kAllow, kAllow},
      {"inotify_rm_watch", X64("inotify_rm_watch"), {}, kAllow, kAllow},
      {"fanotify_init", X64("fanotify_init"), {}, kEperm, kAllow},
      {"fanotify_mark", X64("fanotify_mark"), {}, kEperm, kNotify},
  });
}

TEST(Filter, ReadingAndComputingIsLeftAlone) {
  for (const int number :
       {X64("read"),      X64("write"),        X64("close"),   X64("stat"),     X64("fstat"),
        X64("lstat"),     X64("newfstatat"),   X64("statx"),   X64("access"),   X64("faccessat"),
        X64("readlink"),  X64("getdents64"),   X64("mmap"),    X64("mprotect"), X64("brk"),
        X64("futex"),     X64("rt_sigaction"), X64("fork"),    X64("vfork"),    X64("exit_group"),
        X64("wait4"),     X64("pipe2"),        X64("dup3"),    X64("fcntl"),    X64("ftruncate"),
        X64("fsync"),     X64("memfd_create"), X64("accept4"), X64("shutdown"), X64("recvmsg"),
        X64("getrandom"), X64("epoll_wait"),   X64("seccomp"), X64("prctl"),    X64("kill")}) {
    ExpectAll({{"call " + std::to_string(number), number, {1, 2, 3, 4, 5, 6}, kAllow, kAllow}});
  }
}

TEST(Filter, AlwaysAllowedCallsAreDecidedByTheNumberAlone) {
  const auto program = BuildFilter(Mode::kRun, Arch::kX64);
  for (const int number :
       {X64("read"), X64("write"), X64("newfstatat"), X64("mmap"), X64("futex"), X64("close")}) {
    const BpfRun run = OnX64(program, number);
    EXPECT_FALSE(run.read_arguments) << number;
    EXPECT_LE(run.instructions, 16) << number;
  }
}

TEST(Filter, NewNamespacesAreRefused) {
  std::vector<Call> calls = {
      {"fork by clone", X64("clone"), {0x01200011}, kAllow, kAllow},
      {"thread", X64("clone"), {0x3d0f00}, kAllow, kAllow},
      {"clone, odd signal bit", X64("clone"), {0x80}, kAllow, kAllow},
      {"clone, away from the tracer", X64("clone"), {CLONE_UNTRACED | SIGCHLD}, kEperm, kEperm},
      {"unshare files", X64("unshare"), {CLONE_FILES | CLONE_FS}, kAllow, kAllow},
      {"unshare time", X64("unshare"), {0x80}, kEperm, kEperm},
      {"clone3", uapi::kSysClone3, {}, kEnosys, kEnosys},
      {"setns", X64("setns"), {}, kEperm, kEperm}};
  for (const std::uint64_t flag : {0x00020000ULL, 0x02000000ULL, 0x04000000ULL, 0x08000000ULL,
                                   0x10000000ULL, 0x20000000ULL, 0x40000000ULL}) {
    calls.push_back({"clone namespace", X64("clone"), {flag | SIGCHLD}, kEperm, kEperm});
    calls.push_back({"unshare namespace", X64("unshare"), {flag}, kEperm, kEperm});
  }
  ExpectAll(calls);
}

TEST(Filter, IoctlsThatTypeOrChangeInodesAreRefused) {
  ExpectAll({
      {"TIOCSTI", X64("ioctl"), {0, TIOCSTI}, kEperm, kEperm},
      {"TIOCSTI with upper bits", X64("ioctl"), {0, TIOCSTI | kHigh}, kEperm, kEperm},
      {"TIOCLINUX", X64("ioctl"), {0, TIOCLINUX}, kEperm, kEperm},
      {"USERFAULTFD_IOC_NEW", X64("ioctl"), {0, 0xaa00}, kEperm, kEperm},
      {"FS_IOC_SETFLAGS", X64("ioctl"), {3, FS_IOC_SETFLAGS}, kEperm, kNotify},
      {"FS_IOC_FSSETXATTR", X64("ioctl"), {3, FS_IOC_FSSETXATTR | kHigh}, kEperm, kNotify},
      {"EXT4_IOC_SETVERSION", X64("ioctl"), {3, 0x40086604}, kEperm, kNotify},
      {"FS_IOC_ENABLE_VERITY", X64("ioctl"), {3, 0x40806685}, kEperm, kNotify},
      {"BTRFS_IOC_SUBVOL_CREATE", X64("ioctl"), {3, 0x5000940e}, kEperm, kNotify},
      {"bcachefs subvolume", X64("ioctl"), {3, 0x4020bc10}, kEperm, kNotify},
      {"TCGETS", X64("ioctl"), {0, TCGETS}, kAllow, kAllow},
      {"TIOCGWINSZ", X64("ioctl"), {0, TIOCGWINSZ}, kAllow, kAllow},
      {"FS_IOC_GETFLAGS", X64("ioctl"), {3, FS_IOC_GETFLAGS}, kAllow, kAllow},
      {"FICLONE", X64("ioctl"), {3, FICLONE}, kAllow, kAllow},
      {"FICLONERANGE", X64("ioctl"), {3, FICLONERANGE}, kAllow, kAllow},
      {"FIDEDUPERANGE", X64("ioctl"), {3, FIDEDUPERANGE}, kAllow, kAllow},
  });
}

TEST(Filter, OddSocketsAreJudged) {
  constexpr std::uint64_t kStream = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
  ExpectAll({
      {"tcp", X64("socket"), {AF_INET, kStream, 0}, kAllow, kAllow},
      {"tcp6", X64("socket"), {AF_INET6, SOCK_STREAM, IPPROTO_TCP}, kAllow, kAllow},
      {"udp", X64("socket"), {AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP}, kAllow, kAllow},
      {"unix stream", X64("socket"), {AF_UNIX, kStream, 0}, kAllow, kAllow},
      {"unix seqpacket", X64("socket"), {AF_UNIX | kHigh, SOCK_SEQPACKET, 0}, kAllow, kAllow},
      {"unix datagram", X64("socket"), {AF_UNIX, SOCK_DGRAM, 0}, kNotify, kNotify},
      {"unix raw", X64("socket"), {AF_UNIX, SOCK_RAW, 0}, kNotify, kNotify},
      {"sctp stream", X64("socket"), {AF_INET, SOCK_STREAM, 132}, kNotify, kNotify},
      {"mptcp", X64("socket"), {AF_INET6, SOCK_STREAM, 262}, kNotify, kNotify},
      {"sctp seqpacket", X64("socket"), {AF_INET, SOCK_SEQPACKET, 132}, kNotify, kNotify},
      {"ping", X64("socket"), {AF_INET, SOCK_DGRAM, IPPROTO_ICMP}, kNotify, kNotify},
      {"raw", X64("socket"), {AF_INET, SOCK_RAW, IPPROTO_TCP}, kNotify, kNotify},
      {"netlink", X64("socket"), {AF_NETLINK, SOCK_RAW, 0}, kNotify, kNotify},
      {"packet", X64("socket"), {AF_PACKET, SOCK_RAW, 0}, kNotify, kNotify},
      {"vsock", X64("socket"), {40, SOCK_STREAM, 0}, kNotify, kNotify},
      {"pair", X64("socketpair"), {AF_UNIX, kStream}, kAllow, kAllow},
      {"seqpacket pair", X64("socketpair"), {AF_UNIX, SOCK_SEQPACKET}, kAllow, kAllow},
      {"datagram pair", X64("socketpair"), {AF_UNIX, SOCK_DGRAM}, kNotify, kNotify},
  });
}

TEST(Filter, AddressesAreJudged) {
  ExpectAll({
      {"connect", X64("connect"), {}, kNotify, kNotify},
      {"bind", X64("bind"), {}, kNotify, kNotify},
      {"send", X64("sendto"), {3, 1, 1, 0, 0, 0}, kAllow, kAllow},
      {"sendto", X64("sendto"), {3, 1, 1, 0, 0x7fff12345678ULL, 16}, kNotify, kNotify},
      {"sendto, low half 0", X64("sendto"), {3, 1, 1, 0, 0x7fff00000000ULL, 16}, kNotify, kNotify},
      {"sendmsg", X64("sendmsg"), {}, kNotify, kNotify},
      {"sendmmsg", X64("sendmmsg"), {}, kNotify, kNotify},
  });
}

// What the network of a run is made of is asked about there, and nowhere else.
TEST(Filter, SocketsOfTheRunsOwnNetworkAreAskedAbout) {
  for (const std::string_view name : {"listen", "getpeername", "epoll_create", "epoll_create1"}) {
    ExpectAll({{std::string(name), X64(name), {3, 1, 2}, kNotify, kAllow}});
  }
  for (const std::string_view name : {"getsockname", "getsockopt", "epoll_ctl", "epoll_wait"}) {
    ExpectAll({{std::string(name), X64(name), {3, 1, 2}, kAllow, kAllow}});
  }
}

// A route of the caller's leads packets of a judged connection elsewhere.
TEST(Filter, RoutesAreRefusedUnderRun) {
  const long number = X64("setsockopt");
  ExpectAll({
      {"IP_OPTIONS", number, {3, IPPROTO_IP, IP_OPTIONS}, kEperm, kAllow},
      {"with ignored halves", number, {3, kHigh | IPPROTO_IP, kHigh | IP_OPTIONS}, kEperm, kAllow},
      {"IP_TOS", number, {3, IPPROTO_IP, IP_TOS}, kAllow, kAllow},
      {"IP_TTL", number, {3, IPPROTO_IP, IP_TTL}, kAllow, kAllow},
      {"the number of IP_OPTIONS at TCP", number, {3, IPPROTO_TCP, IP_OPTIONS}, kAllow, kAllow},
      {"the number of IP_OPTIONS at sockets", number, {3, SOL_SOCKET, IP_OPTIONS}, kAllow, kAllow},
  });
  // IPV6_2292HOPOPTS to IPV6_2292PKTOPTIONS, IPV6_HOPOPTS, _RTHDRDSTOPTS, _RTHDR and _DSTOPTS.
  const std::set<std::uint64_t> refused = {3, 4, 5, 6, 54, 55, 57, 59};
  const auto program = BuildFilter(Mode::kRun, Arch::kX64);
  for (std::uint64_t option = 0; option < 256; ++option) {
    const bool leads = refused.contains(option);
    EXPECT_EQ(OnX64(program, number, {3, IPPROTO_IPV6, option}).action, leads ? kEperm : kAllow)
        << option;
    EXPECT_EQ(OnX64(program, number, {3, IPPROTO_TCP, option}).action, kAllow) << option;
    EXPECT_EQ(OnX64(program, number, {3, IPPROTO_IP, option}).action,
              option == IP_OPTIONS ? kEperm : kAllow)
        << option;
  }
}

// A condition of the supervisor's own table.
TEST(Filter, TcpSocketsAreToldFromOthers) {
  const std::array<SyscallRow, 1> table = {{{.name = "socket",
                                             .x86_64 = 41,
                                             .run = Treatment::kEperm,
                                             .wrap = Treatment::kEperm,
                                             .when = When::kNotTcpSocket}}};
  constexpr std::array<std::uint64_t, 3> kSocketFlags = {0, SOCK_CLOEXEC,
                                                         SOCK_CLOEXEC | SOCK_NONBLOCK};
  const auto program = BuildFilter(Mode::kRun, Arch::kX64, Level::kFull, table);
  for (std::uint64_t family = 0; family < 46; ++family) {
    for (std::uint64_t type = 0; type < 16; ++type) {
      for (const std::uint64_t protocol : {0U, 1U, 6U, 17U, 132U, 136U, 255U, 262U}) {
        const bool tcp = (family == AF_INET || family == AF_INET6) && type == SOCK_STREAM &&
                         (protocol == 0 || protocol == IPPROTO_TCP);
        for (const std::uint64_t flags : kSocketFlags) {
          EXPECT_EQ(OnX64(program, 41, {kHigh | family, type | flags, protocol}).action,
                    tcp ? kAllow : kEperm)
              << family << " " << type << " " << protocol;
        }
      }
    }
  }
}

TEST(Filter, PowersOverTheKernelAndOtherProcessesAreClosed) {
  ExpectAll({
      {"io_uring_setup", X64("io_uring_setup"), {}, kEnosys, kEnosys},
      {"io_uring_enter", X64("io_uring_enter"), {}, kEnosys, kEnosys},
      {"memfd_secret", uapi::kSysMemfdSecret, {}, kEnosys, kEnosys},
      {"ptrace", X64("ptrace"), {}, kEperm, kAllow},
      {"process_vm_readv", X64("process_vm_readv"), {}, kEperm, kAllow},
      {"process_vm_writev", X64("process_vm_writev"), {}, kEperm, kAllow},
      {"pidfd_getfd", uapi::kSysPidfdGetfd, {}, kEperm, kAllow},
      {"keyctl", X64("keyctl"), {}, kEperm, kAllow},
      {"bpf", X64("bpf"), {}, kEperm, kEperm},
      {"perf_event_open", X64("perf_event_open"), {}, kEperm, kAllow},
      {"userfaultfd", X64("userfaultfd"), {}, kEperm, kAllow},
      {"mount", X64("mount"), {}, kEperm, kEperm},
      {"umount2", X64("umount2"), {}, kEperm, kEperm},
      {"pivot_root", X64("pivot_root"), {}, kEperm, kEperm},
      {"chroot", X64("chroot"), {}, kEperm, kEperm},
      {"move_mount", uapi::kSysMoveMount, {}, kEperm, kEperm},
      {"open_tree", uapi::kSysOpenTree, {}, kEperm, kEperm},
      {"mount_setattr", uapi::kSysMountSetattr, {}, kEperm, kEperm},
      {"kexec_load", X64("kexec_load"), {}, kEperm, kEperm},
      {"personality query", X64("personality"), {0xffffffff}, kAllow, kAllow},
      {"no randomisation", X64("personality"), {0x40000}, kAllow, kAllow},
      {"READ_IMPLIES_EXEC", X64("personality"), {0x0400000}, kEperm, kAllow},
      {"statmount", uapi::kSysStatmount, {}, kEnosys, kEnosys},
      {"listmount", uapi::kSysListmount, {}, kEnosys, kEnosys},
      {"lsm_set_self_attr", uapi::kSysLsmSetSelfAttr, {}, kEnosys, kEnosys},
      {"getxattrat", uapi::kSysGetxattrat, {}, kEnosys, kEnosys},
      {"file_getattr", uapi::kSysFileGetattr, {}, kEnosys, kEnosys},
      {"cachestat", uapi::kSysCachestat, {}, kEnosys, kEnosys},
      {"landlock", uapi::kSysLandlockRestrictSelf, {}, kAllow, kAllow},
      {"mseal", uapi::kSysMseal, {}, kAllow, kAllow},
  });
}

// Plain reads are the kernel's at the level `writes`, and nothing but they.
TEST(Filter, OnlyPlainReadsAreLeftAtWrites) {
  const auto program = BuildFilter(Mode::kRun, Arch::kX64, Level::kWrites);
  const auto full = BuildFilter(Mode::kRun, Arch::kX64, Level::kFull);
  const auto wrap = BuildFilter(Mode::kWrap, Arch::kX64, Level::kWrites);
  for (const unsigned plain :
       std::initializer_list<unsigned>{O_RDONLY, O_RDONLY | O_CLOEXEC,
                                       O_NONBLOCK | O_NOCTTY | O_NOFOLLOW, O_NOATIME | O_DIRECT}) {
    EXPECT_EQ(OnX64(program, SYS_openat, {0, 0, plain}).action, kAllow) << plain;
    EXPECT_EQ(OnX64(program, SYS_open, {0, plain}).action, kAllow) << plain;
    EXPECT_EQ(OnX64(full, SYS_openat, {0, 0, plain}).action, kNotify) << plain;
    EXPECT_EQ(OnX64(wrap, SYS_openat, {0, 0, plain}).action, kNotify) << plain;
  }
  for (const unsigned more : std::initializer_list<unsigned>{
           O_WRONLY, O_RDWR, O_ACCMODE, O_CREAT, O_TRUNC, O_DIRECTORY, O_TMPFILE, 020000000}) {
    EXPECT_EQ(OnX64(program, SYS_openat, {0, 0, more}).action, kNotify) << more;
    EXPECT_EQ(OnX64(program, SYS_open, {0, more}).action, kNotify) << more;
  }
  const auto arm64 = BuildFilter(Mode::kRun, Arch::kArm64, Level::kWrites);
  const auto on_arm64 = [&](std::uint64_t flags) {
    return Decide(arm64, AUDIT_ARCH_AARCH64, 56, {0, 0, flags}).action;
  };
  EXPECT_EQ(on_arm64(0200000), kAllow);  // O_DIRECT there
  EXPECT_EQ(on_arm64(040000), kNotify);  // O_DIRECTORY there
  EXPECT_EQ(OnX64(program, SYS_openat2, {}).action, kNotify);
  EXPECT_EQ(OnX64(program, SYS_creat, {}).action, kNotify);
}

TEST(Filter, UnknownNumbersAndX32AreNotImplemented) {
  for (const auto mode : {Mode::kRun, Mode::kWrap}) {
    const auto program = BuildFilter(mode, Arch::kX64);
    EXPECT_EQ(OnX64(program, kNewestSyscall + 1).action, kEnosys);
    EXPECT_EQ(OnX64(program, 1000).action, kEnosys);
    EXPECT_EQ(OnX64(program, 400).action, kEnosys);  // no call has it, though others lie above
    EXPECT_EQ(OnX64(program, uapi::kX32Bit | 0U).action, kEnosys);
    EXPECT_EQ(OnX64(program, uapi::kX32Bit | 512).action, kEnosys);
    EXPECT_EQ(OnX64(program, 0xffffffffL).action, kEnosys);
  }
}

TEST(Filter, OtherArchitecturesAreKilled) {
  const auto program = BuildFilter(Mode::kWrap, Arch::kX64);
  for (const std::uint32_t arch : {0x40000003U /* i386 */, 0x40000028U /* arm */, 0U}) {
    EXPECT_EQ(Decide(program, arch, 0, {}).action, SECCOMP_RET_KILL_PROCESS);
  }
  const auto arm64 = BuildFilter(Mode::kWrap, Arch::kArm64);
  const auto x86_64 = BuildFilter(Mode::kWrap, Arch::kX64);
  EXPECT_EQ(Decide(x86_64, AUDIT_ARCH_X86_64, 0, {}).action, kAllow);
  EXPECT_EQ(Decide(x86_64, AUDIT_ARCH_AARCH64, 0, {}).action, SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(Decide(arm64, AUDIT_ARCH_AARCH64, 0, {}).action, kAllow);
  EXPECT_EQ(Decide(arm64, AUDIT_ARCH_X86_64, 0, {}).action, SECCOMP_RET_KILL_PROCESS);
}

std::uint32_t ActionOf(Treatment treatment) {
  switch (treatment) {
    case Treatment::kAllow:
      return kAllow;
    case Treatment::kNotify:
      return kNotify;
    case Treatment::kEperm:
      return kEperm;
    case Treatment::kEnosys:
      return kEnosys;
  }
  return 0;
}

struct Build {
  Mode mode;
  Arch arch;
  std::uint32_t audit_arch;
};
constexpr std::array<Build, 4> kBuilds = {{{Mode::kRun, Arch::kX64, AUDIT_ARCH_X86_64},
                                           {Mode::kWrap, Arch::kX64, AUDIT_ARCH_X86_64},
                                           {Mode::kRun, Arch::kArm64, AUDIT_ARCH_AARCH64},
                                           {Mode::kWrap, Arch::kArm64, AUDIT_ARCH_AARCH64}}};

// The tree against the table itself, over every number.
TEST(Filter, EveryNumberGetsItsRow) {
  for (const Build& build : kBuilds) {
    const auto program = BuildFilter(build.mode, build.arch);
    const auto decide = [&](int number) {
      return Decide(program, build.audit_arch, static_cast<std::uint32_t>(number), {});
    };
    std::set<int> listed;
    for (const SyscallRow& row : SyscallTable(build.arch)) {
      listed.insert(NumberOn(row, build.arch));
      if (row.when == When::kAlways) {
        EXPECT_EQ(decide(NumberOn(row, build.arch)).action, ActionOf(TreatmentIn(row, build.mode)))
            << row.name;
      }
    }
    for (int number = 0; number <= kNewestSyscall + 100; ++number) {
      if (!listed.contains(number)) {
        EXPECT_EQ(decide(number).action, kEnosys) << number;
      }
    }
    EXPECT_LT(program.size(), 1000U);
  }
}

TEST(Filter, WhatIsAlwaysAllowedIsDecidedByFewInstructions) {
  for (const Build& build : kBuilds) {
    const auto program = BuildFilter(build.mode, build.arch);
    std::map<int, int> rows;
    for (const SyscallRow& row : SyscallTable(build.arch)) {
      ++rows[NumberOn(row, build.arch)];
    }
    for (const SyscallRow& row : SyscallTable(build.arch)) {
      // Where another row refuses some of its arguments they are looked at.
      if (row.how == How::kHarmless && rows[NumberOn(row, build.arch)] == 1) {
        const auto number = static_cast<std::uint32_t>(NumberOn(row, build.arch));
        const BpfRun run = Decide(program, build.audit_arch, number, {});
        EXPECT_FALSE(run.read_arguments) << row.name;
        EXPECT_LE(run.instructions, 16) << row.name;
      }
    }
  }
}

TEST(Filter, FarSubtreesAreReached) {
  // A table whose halves do not fit a conditional jump.
  std::vector<SyscallRow> table;
  for (int number = 0; number < 400; number += 2) {
    table.push_back({.name = "x",
                     .x86_64 = number,
                     .run = Treatment::kNotify,
                     .wrap = Treatment::kNotify,
                     .when = When::kOddSocket});
  }
  const auto program = BuildFilter(Mode::kRun, Arch::kX64, Level::kFull, table);
  EXPECT_GT(program.size(), 1000U);
  for (int number = 0; number < 400; ++number) {
    EXPECT_EQ(OnX64(program, number, {AF_NETLINK}).action, number % 2 == 0 ? kNotify : kEnosys);
    EXPECT_EQ(OnX64(program, number, {AF_UNIX, SOCK_STREAM}).action,
              number % 2 == 0 ? kAllow : kEnosys);
  }
}

}  // namespace
}  // namespace aegis::sandbox
