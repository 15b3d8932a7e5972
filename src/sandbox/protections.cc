#include "sandbox/protections.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>  // WIFEXITED
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/landlock.h"
#include "sandbox/namespaces.h"
#include "sandbox/uapi.h"

namespace aegis::sandbox {
namespace {

constexpr std::pair<int, int> kOldestKernel = {5, 19};
constexpr int kOldestLandlock = 2;
constexpr int kScopingLandlock = 6;

std::pair<int, int> KernelVersion(std::string& release) {
  utsname names{};
  std::pair<int, int> version{0, 0};
  if (::uname(&names) == 0) {
    release = names.release;
    (void)std::sscanf(names.release, "%d.%d", &version.first, &version.second);
  }
  return version;
}

Protection Kernel() {
  Protection protection{.name = "kernel", .detail = {}, .advice = {}};
  protection.in_force = KernelVersion(protection.detail) >= kOldestKernel;
  if (!protection.in_force) {
    protection.advice = "Linux 5.19 or newer is needed";
  }
  return protection;
}

Protection Landlock() {
  const int abi = LandlockAbi();
  Protection protection{.name = "Landlock",
                        .in_force = abi >= kOldestLandlock,
                        .detail = abi == 0 ? "absent" : "ABI " + std::to_string(abi),
                        .advice = {}};
  if (!protection.in_force) {
    protection.advice =
        "ABI 2 or newer is needed: a kernel with CONFIG_SECURITY_LANDLOCK, and landlock in the "
        "lsm= boot parameter";
  }
  return protection;
}

Protection LandlockScopes() {
  Protection protection{.name = "Landlock scopes",
                        .in_force = LandlockAbi() >= kScopingLandlock,
                        .required = false,
                        .detail = "signals and abstract Unix sockets",
                        .advice = {}};
  if (!protection.in_force) {
    protection.advice =
        "Linux 6.12 or newer scopes them; until then the pid and network namespaces do, but for a "
        "signal to the own process group";
  }
  return protection;
}

Protection UserNotification() {
  // With no program at all valid flags fail with EFAULT, unknown ones with EINVAL.
  const unsigned flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | uapi::kSeccompFilterWaitKillableRecv;
  const bool known = uapi::Seccomp(SECCOMP_SET_MODE_FILTER, flags, nullptr) != 0 && errno == EFAULT;
  Protection protection{.name = "seccomp user notification",
                        .in_force = known,
                        .detail = known ? "with killable wait and descriptor injection" : "absent",
                        .advice = {}};
  if (!known) {
    protection.advice = "Linux 5.19 or newer with CONFIG_SECCOMP_FILTER is needed";
  }
  return protection;
}

Protection PidfdGetfd() {
  const base::UniqueFd self(uapi::PidfdOpen(::getpid(), 0));
  const base::UniqueFd copy(self.valid() ? uapi::PidfdGetfd(self.get(), self.get()) : -1);
  Protection protection{
      .name = "pidfd_getfd", .in_force = copy.valid(), .detail = {}, .advice = {}};
  protection.detail = copy.valid() ? "works" : "refused";
  if (!copy.valid()) {
    protection.advice = "an outer seccomp filter (a container's) refuses it: allow pidfd_getfd";
  }
  return protection;
}

// Runs `attempt` in a child; its value (an errno, 0 for success) comes back.
int InChild(const std::function<int()>& attempt) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(attempt());
  }
  int status = 0;
  while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

int Unshare(int flags) { return ::unshare(flags) == 0 ? 0 : errno; }

bool WriteOwn(const char* file, const std::string& text) {
  const base::UniqueFd fd(::open(file, O_WRONLY | O_CLOEXEC));
  return fd.valid() && ::write(fd.get(), text.data(), text.size()) >= 0;
}

int EnterMapped(int flags) {
  const std::string user = std::to_string(::geteuid());
  const std::string group = std::to_string(::getegid());
  if (const int error = Unshare(CLONE_NEWUSER | CLONE_NEWNS | flags); error != 0) {
    return error;
  }
  const bool mapped = WriteOwn("/proc/self/setgroups", "deny") &&
                      WriteOwn("/proc/self/uid_map", user + " " + user + " 1") &&
                      WriteOwn("/proc/self/gid_map", group + " " + group + " 1");
  return mapped ? 0 : EPERM;
}

int TryMounting() {
  if (const int error = EnterMapped(0); error != 0) {
    return error;
  }
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("tmpfs", "/proc", "tmpfs", 0, nullptr) != 0) {
    return errno;
  }
  return 0;
}

int TryProc() {
  if (const int error = EnterMapped(CLONE_NEWPID); error != 0) {
    return error;
  }
  return InChild([] { return ::mount("proc", "/proc", "proc", 0, nullptr) == 0 ? 0 : errno; });
}

// As the supervisor does it: with the capabilities of its own user namespace.
int TryTracing() {
  if (const int error = EnterMapped(0); error != 0) {
    return error;
  }
  const pid_t child = ::fork();
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  const int error = child > 0 && ::ptrace(PTRACE_SEIZE, child, nullptr, nullptr) == 0 ? 0 : errno;
  if (child > 0) {
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
  }
  return error;
}

struct Attempt {
  const char* name;
  int (*attempt)();
  const char* advice;
};

constexpr std::array<Attempt, 5> kAttempts = {{
    {"user namespaces", [] { return EnterMapped(0); }, nullptr},
    {"mounts in a user namespace", TryMounting,
     "a security module refuses them; on Ubuntu: sysctl "
     "kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile for aegis"},
    {"pid, ipc, uts and network namespaces",
     [] { return EnterMapped(CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET); },
     "raise user.max_pid_namespaces and kin (sysctl)"},
    {"a fresh /proc", TryProc, "in a container: run it with an unmasked /proc"},
    {"tracing of processes", TryTracing,
     "kernel.yama.ptrace_scope is 3, or an outer seccomp filter (a container's) refuses ptrace"},
}};

Protection Try(const Attempt& attempt) {
  const int error = InChild(attempt.attempt);
  Protection protection{
      .name = attempt.name, .in_force = error == 0, .detail = "works", .advice = {}};
  if (error != 0) {
    protection.detail = base::Error::FromErrno("refused", error).message();
    protection.advice =
        attempt.advice == nullptr ? UserNamespaceError(error).message() : attempt.advice;
  }
  return protection;
}

base::Result<> Demand(const Protection& protection) {
  if (protection.required && !protection.in_force) {
    return base::Fail(base::Errc::kUnsupported, protection.name + " is missing (" +
                                                    protection.detail + "): " + protection.advice);
  }
  return {};
}

}  // namespace

std::vector<Protection> Probe() {
  std::vector<Protection> protections = {Kernel()};
  for (const Attempt& attempt : kAttempts) {
    protections.push_back(Try(attempt));
  }
  protections.push_back(Landlock());
  protections.push_back(LandlockScopes());
  protections.push_back(UserNotification());
  protections.push_back(PidfdGetfd());
  return protections;
}

base::Result<> CheckProtections() {
  AEGIS_TRY(Demand(Kernel()));
  AEGIS_TRY(Demand(Landlock()));
  return Demand(UserNotification());
}

}  // namespace aegis::sandbox
