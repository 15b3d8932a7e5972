#pragma once

// Kernel interfaces that Debian 12's headers lack, and thin wrappers of system calls that its libc
// does not have. Values are the kernel's ABI and never change. The wrappers behave like libc's: -1
// and errno on failure.

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

namespace aegis::sandbox::uapi {

// Landlock, beyond ABI 2.
inline constexpr std::uint64_t kLandlockFsTruncate = 1ULL << 14U;        // ABI 3
inline constexpr std::uint64_t kLandlockFsIoctlDevice = 1ULL << 15U;     // ABI 5
inline constexpr std::uint64_t kLandlockNetBindTcp = 1ULL << 0U;         // ABI 4
inline constexpr std::uint64_t kLandlockNetConnectTcp = 1ULL << 1U;      // ABI 4
inline constexpr std::uint64_t kLandlockScopeAbstractUnix = 1ULL << 0U;  // ABI 6
inline constexpr std::uint64_t kLandlockScopeSignal = 1ULL << 1U;        // ABI 6

// landlock_net_port_attr of ABI 4, and its rule's kind.
struct LandlockNetPortAttr {
  std::uint64_t allowed_access = 0;
  std::uint64_t port = 0;  // host byte order
};
inline constexpr int kLandlockRuleNetPort = 2;

// landlock_ruleset_attr of ABI 6; an older kernel takes a prefix of it.
struct LandlockRulesetAttr {
  std::uint64_t handled_access_fs = 0;
  std::uint64_t handled_access_net = 0;
  std::uint64_t scoped = 0;
};

// seccomp user notification.
inline constexpr unsigned kSeccompFilterWaitKillableRecv = 1U << 5U;  // Linux 5.19
inline constexpr std::uint64_t kSeccompNotifSyncWakeUp = 1ULL << 0U;  // Linux 6.6
inline constexpr unsigned long kSeccompIoctlNotifSetFlags = _IOW('!', 4, std::uint64_t);

// prctl and securebits are in linux/prctl.h and linux/securebits.h.

// sched_setattr(2), the first version of the structure. For SCHED_OTHER `runtime` is the time
// slice, ns (Linux 6.12; 0 from an older kernel).
struct SchedAttr {
  std::uint32_t size = 48;
  std::uint32_t policy = 0;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0;
  std::uint64_t deadline = 0;
  std::uint64_t period = 0;
};

inline constexpr int kSoNetnsCookie = 71;  // SO_NETNS_COOKIE, Linux 5.14; with most architectures

// System calls whose numbers are the same on every architecture (from 424 on).
inline constexpr unsigned kStatxMntIdUnique = 0x4000U;  // Linux 6.8

inline constexpr int kSysOpenTree = 428;
inline constexpr int kSysMoveMount = 429;
inline constexpr int kSysFsopen = 430;
inline constexpr int kSysFsconfig = 431;
inline constexpr int kSysFsmount = 432;
inline constexpr int kSysFspick = 433;
inline constexpr int kSysPidfdOpen = 434;
inline constexpr int kSysClone3 = 435;
inline constexpr int kSysCloseRange = 436;
inline constexpr int kSysOpenat2 = 437;
inline constexpr int kSysPidfdGetfd = 438;
inline constexpr int kSysFaccessat2 = 439;
inline constexpr int kSysProcessMadvise = 440;
inline constexpr int kSysEpollPwait2 = 441;
inline constexpr int kSysMountSetattr = 442;
inline constexpr int kSysQuotactlFd = 443;
inline constexpr int kSysLandlockCreateRuleset = 444;
inline constexpr int kSysLandlockAddRule = 445;
inline constexpr int kSysLandlockRestrictSelf = 446;
inline constexpr int kSysMemfdSecret = 447;
inline constexpr int kSysProcessMrelease = 448;
inline constexpr int kSysFutexWaitv = 449;
inline constexpr int kSysSetMempolicyHomeNode = 450;
inline constexpr int kSysCachestat = 451;
inline constexpr int kSysFchmodat2 = 452;
inline constexpr int kSysMapShadowStack = 453;
inline constexpr int kSysFutexWake = 454;
inline constexpr int kSysFutexWait = 455;
inline constexpr int kSysFutexRequeue = 456;
inline constexpr int kSysStatmount = 457;
inline constexpr int kSysListmount = 458;
inline constexpr int kSysLsmGetSelfAttr = 459;
inline constexpr int kSysLsmSetSelfAttr = 460;
inline constexpr int kSysLsmListModules = 461;
inline constexpr int kSysMseal = 462;
inline constexpr int kSysSetxattrat = 463;
inline constexpr int kSysGetxattrat = 464;
inline constexpr int kSysListxattrat = 465;
inline constexpr int kSysRemovexattrat = 466;
inline constexpr int kSysOpenTreeAttr = 467;
inline constexpr int kSysFileGetattr = 468;
inline constexpr int kSysFileSetattr = 469;

// x86-64: the bit that marks the x32 ABI in a system call number.
inline constexpr unsigned kX32Bit = 0x40000000U;

inline int Seccomp(unsigned operation, unsigned flags, void* args) {
  return static_cast<int>(::syscall(SYS_seccomp, operation, flags, args));
}

inline int LandlockCreateRuleset(const LandlockRulesetAttr* attr, std::size_t size,
                                 unsigned flags) {
  return static_cast<int>(::syscall(kSysLandlockCreateRuleset, attr, size, flags));
}

inline int LandlockAddPathRule(int ruleset, const landlock_path_beneath_attr& rule) {
  return static_cast<int>(
      ::syscall(kSysLandlockAddRule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0U));
}

inline int LandlockAddPortRule(int ruleset, const LandlockNetPortAttr& rule) {
  return static_cast<int>(::syscall(kSysLandlockAddRule, ruleset, kLandlockRuleNetPort, &rule, 0U));
}

inline int LandlockRestrictSelf(int ruleset) {
  return static_cast<int>(::syscall(kSysLandlockRestrictSelf, ruleset, 0U));
}

inline int OpenAt2(int dirfd, const char* path, std::uint64_t flags, std::uint64_t mode,
                   std::uint64_t resolve) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.mode = mode;
  how.resolve = resolve;
  return static_cast<int>(::syscall(kSysOpenat2, dirfd, path, &how, sizeof how));
}

inline int PidfdOpen(pid_t pid, unsigned flags) {
  return static_cast<int>(::syscall(kSysPidfdOpen, pid, flags));
}

inline int PidfdGetfd(int pidfd, int target_fd) {
  return static_cast<int>(::syscall(kSysPidfdGetfd, pidfd, target_fd, 0U));
}

inline int CloseRange(unsigned first, unsigned last, unsigned flags) {
  return static_cast<int>(::syscall(kSysCloseRange, first, last, flags));
}

inline int SchedGetattr(pid_t tid, SchedAttr& attributes) {
  return static_cast<int>(::syscall(SYS_sched_getattr, tid, &attributes, sizeof attributes, 0U));
}

inline int SchedSetattr(pid_t tid, const SchedAttr& attributes) {
  return static_cast<int>(::syscall(SYS_sched_setattr, tid, &attributes, 0U));
}

inline int PivotRoot(const char* new_root, const char* put_old) {
  return static_cast<int>(::syscall(SYS_pivot_root, new_root, put_old));
}

}  // namespace aegis::sandbox::uapi
