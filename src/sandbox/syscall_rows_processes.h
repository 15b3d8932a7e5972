#pragma once

#include <array>
#include <string_view>

#include "sandbox/syscall_rows_make.h"
#include "sandbox/syscall_table.h"

// Rows of calls about processes: their own and those of others.
namespace aegis::sandbox::rows {

inline constexpr std::string_view kProcessesAbout =
    "Making a process gives it nothing new; what it executes is judged.";
inline constexpr std::string_view kProbe =
    "of a probe that was set from outside: only the kernel's own trampoline can call it";
inline constexpr auto kProcesses = std::to_array<SyscallRow>({
    Asked("execve", 59, 221, kProgram, "ProcessSpawn", kContinue, kAlways,
          "Landlock stands behind the verdict"),
    Asked("execveat", 322, 281, kAtProgram, "ProcessSpawn", kContinue, kAlways,
          "Landlock stands behind the verdict"),
    Refused("clone", 56, 220, kNamespaces, kEperm, {}, kNewNamespace),
    Refused("clone3", 435, 435, kNamespaces, kEnosys,
            "its flags lie in memory; libc falls back to clone, whose flags are a register"),
    Free("fork", 57, kNone),
    Free("vfork", 58, kNone),
    Free("exit", 60, 93),
    Free("exit_group", 231, 94),
    Free("wait4", 61, 260, kProcess),
    Free("waitid", 247, 95, kProcess),
    Free("set_tid_address", 218, 96),
    Free("set_robust_list", 273, 99),
    Free("get_robust_list", 274, 100, kProcess),
    Free("arch_prctl", 158, kNone),
    Free("uretprobe", 335, kNone, kNothing, kProbe),
    Free("uprobe", 336, kNone, kNothing, kProbe),
    Free("prctl", 157, 167, kNothing, "of the caller's own; gains nothing after `no_new_privs`"),
    Free("seccomp", 317, 277, kNothing, "a filter more; the kernel refuses a second listener"),
    Free("landlock_create_ruleset", 444, 444, kNothing, "a wall more"),
    Free("landlock_add_rule", 445, 445, kDescriptor, "a wall more"),
    Free("landlock_restrict_self", 446, 446, kDescriptor, "a wall more"),
    Refused("lsm_get_self_attr", 459, 459, kNothing, kEnosys,
            "newer; programs read /proc/self/attr, which is judged"),
    Refused("lsm_set_self_attr", 460, 460, kNothing, kEnosys,
            "newer; programs write /proc/self/attr, which is judged"),
    Refused("lsm_list_modules", 461, 461, kNothing, kEnosys, "newer; no program needs it"),
});

inline constexpr std::string_view kOthersAbout =
    "Only processes inside can be named. Debugging them, and taking memory or descriptors from "
    "them, is refused under run.";
inline constexpr std::string_view kDebugs = "reaches into another process";
inline constexpr auto kOthers = std::to_array<SyscallRow>({
    RefusedByRun("ptrace", 101, 117, kProcess, kDebugs),
    RefusedByRun("process_vm_readv", 310, 270, kProcess, kDebugs),
    RefusedByRun("process_vm_writev", 311, 271, kProcess, kDebugs),
    RefusedByRun("pidfd_getfd", 438, 438, kProcess, kDebugs),
    Free("pidfd_open", 434, 434, kProcess),
    Free("pidfd_send_signal", 424, 424, kProcess),
    Free("kcmp", 312, 272, kProcess, "compares; gives nothing out"),
    Free("process_madvise", 440, 440, kProcess, "advice"),
    Free("process_mrelease", 448, 448, kProcess, "of a process that is dying"),
});

inline constexpr std::string_view kSignalsAbout = "Only processes inside can be named.";
inline constexpr auto kSignals = std::to_array<SyscallRow>({
    Free("rt_sigaction", 13, 134),
    Free("rt_sigprocmask", 14, 135),
    Free("rt_sigreturn", 15, 139),
    Free("rt_sigpending", 127, 136),
    Free("rt_sigtimedwait", 128, 137),
    Free("rt_sigqueueinfo", 129, 138, kProcess),
    Free("rt_tgsigqueueinfo", 297, 240, kProcess),
    Free("rt_sigsuspend", 130, 133),
    Free("sigaltstack", 131, 132),
    Free("kill", 62, 129, kProcess),
    Free("tkill", 200, 130, kProcess),
    Free("tgkill", 234, 131, kProcess),
    Free("pause", 34, kNone),
    Free("signalfd", 282, kNone),
    Free("signalfd4", 289, 74),
    Free("restart_syscall", 219, 128),
});

inline constexpr std::string_view kIdentityAbout =
    "Nothing inside has a capability, nor ids to change to that gain one.";
inline constexpr auto kIdentity = std::to_array<SyscallRow>({
    Free("getpid", 39, 172),
    Free("gettid", 186, 178),
    Free("getppid", 110, 173),
    Free("getpgrp", 111, kNone),
    Free("getpgid", 121, 155, kProcess),
    Free("setpgid", 109, 154, kProcess),
    Free("getsid", 124, 156, kProcess),
    Free("setsid", 112, 157),
    Free("getuid", 102, 174),
    Free("geteuid", 107, 175),
    Free("getgid", 104, 176),
    Free("getegid", 108, 177),
    Free("getresuid", 118, 148),
    Free("getresgid", 120, 150),
    Free("getgroups", 115, 158),
    Free("setuid", 105, 146),
    Free("setgid", 106, 144),
    Free("setreuid", 113, 145),
    Free("setregid", 114, 143),
    Free("setresuid", 117, 147),
    Free("setresgid", 119, 149),
    Free("setfsuid", 122, 151),
    Free("setfsgid", 123, 152),
    Free("setgroups", 116, 159),
    Free("capget", 125, 90, kProcess),
    Free("capset", 126, 91),
    Free("getrlimit", 97, 163),
    Free("setrlimit", 160, 164),
    Free("prlimit64", 302, 261, kProcess),
    Free("getrusage", 98, 165),
    Free("uname", 63, 160),
    Free("sysinfo", 99, 179),
    RefusedByRun("personality", 135, 92, kNothing, "weakens the protections of memory",
                 kOddPersonality),
});

inline constexpr std::string_view kSchedulingAbout = "Of processes inside.";
inline constexpr auto kScheduling = std::to_array<SyscallRow>({
    Free("sched_yield", 24, 124),
    Free("sched_setparam", 142, 118, kProcess),
    Free("sched_getparam", 143, 121, kProcess),
    Free("sched_setscheduler", 144, 119, kProcess),
    Free("sched_getscheduler", 145, 120, kProcess),
    Free("sched_get_priority_max", 146, 125),
    Free("sched_get_priority_min", 147, 126),
    Free("sched_rr_get_interval", 148, 127, kProcess),
    Free("sched_setattr", 314, 274, kProcess),
    Free("sched_getattr", 315, 275, kProcess),
    Asked("sched_setaffinity", 203, 122, kProcess, "", kContinue, kAlways,
          "from then on the supervisor leaves affinities alone"),
    Asked("sched_getaffinity", 204, 123, kProcess, "", kContinue, kAlways,
          "what it says is the agent's own, not where the supervisor keeps a caller"),
    Free("getpriority", 140, 141, kProcess),
    Free("setpriority", 141, 140, kProcess),
    Free("ioprio_get", 252, 31, kProcess),
    Free("ioprio_set", 251, 30, kProcess),
    Free("getcpu", 309, 168),
    Free("rseq", 334, 293),
    Free("membarrier", 324, 283),
});

}  // namespace aegis::sandbox::rows
