#include "sandbox/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdint>
#include <span>
#include <string>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "sandbox/mode.h"
#include "sandbox/paths.h"
#include "sandbox/plan.h"
#include "sandbox/uapi.h"

namespace aegis::sandbox {
namespace {

constexpr int kOldestAbi = 2;  // ABI 1 refuses every rename between directories for good

// Every file right that an ABI knows: one bit each, in order of their coming.
constexpr std::uint64_t kFsAbi2 = (LANDLOCK_ACCESS_FS_REFER << 1U) - 1;

std::uint64_t FileRights(int abi) {
  std::uint64_t rights = kFsAbi2;
  if (abi >= 3) {
    rights |= uapi::kLandlockFsTruncate;
  }
  if (abi >= 5) {
    rights |= uapi::kLandlockFsIoctlDevice;
  }
  return rights;
}

base::Result<> RequireOldestAbi(int abi) {
  if (abi >= kOldestAbi) {
    return {};
  }
  return base::Fail(base::Errc::kUnsupported,
                    "Landlock ABI 2 or newer is missing (Linux 5.19 with Landlock enabled: "
                    "CONFIG_SECURITY_LANDLOCK, and landlock in the lsm= boot parameter)");
}

base::Result<> AddRule(int ruleset, int fd, std::uint64_t rights, const std::string& what) {
  landlock_path_beneath_attr rule{};
  rule.allowed_access = rights;
  rule.parent_fd = fd;
  if (uapi::LandlockAddPathRule(ruleset, rule) != 0) {
    return base::FailErrno("add a Landlock rule for " + what);
  }
  return {};
}

base::Result<> AllowBinding(int ruleset, std::span<const std::uint16_t> ports) {
  for (const std::uint16_t port : ports) {
    const uapi::LandlockNetPortAttr rule{.allowed_access = uapi::kLandlockNetBindTcp, .port = port};
    if (uapi::LandlockAddPortRule(ruleset, rule) != 0) {
      return base::FailErrno("add a Landlock rule for port " + std::to_string(port));
    }
  }
  return {};
}

// Invalid where nothing is: no right is given then.
base::UniqueFd OpenPlainly(const std::string& path) {
  return base::UniqueFd(uapi::OpenAt2(AT_FDCWD, path.c_str(), O_PATH, 0,
                                      RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS));
}

base::Result<> AllowExecuting(int ruleset, const std::string& path) {
  const base::UniqueFd fd = OpenPlainly(path);
  return fd.valid() ? AddRule(ruleset, fd.get(), kExecutableRights, base::EscapeName(path))
                    : base::Result<>();
}

base::Result<> AllowNative(int ruleset, const NativeGrant& grant, int abi) {
  const base::UniqueFd fd = OpenPlainly(grant.path);
  struct stat st{};
  if (!fd.valid() || ::fstat(fd.get(), &st) != 0 || S_ISDIR(st.st_mode) != grant.directory) {
    return {};
  }
  const std::uint64_t rights = NativeRights(grant, abi);
  return rights == 0 ? base::Result<>()
                     : AddRule(ruleset, fd.get(), rights, base::EscapeName(grant.path));
}

base::Result<> AddRules(int ruleset, const Plan& plan, int abi) {
  if (plan.level == Level::kWrites) {
    for (const NativeGrant& grant : plan.native) {
      AEGIS_TRY(AllowNative(ruleset, grant, abi));
    }
    return {};
  }
  for (const std::string& path : plan.executable) {
    AEGIS_TRY(AllowExecuting(ruleset, path));
  }
  return {};
}

}  // namespace

int LandlockAbi() {
  const int abi = uapi::LandlockCreateRuleset(nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return abi < 0 ? 0 : abi;
}

uapi::LandlockRulesetAttr LandlockAttributes(Mode mode, int abi) {
  uapi::LandlockRulesetAttr attr;
  if (mode == Mode::kRun) {
    attr.handled_access_fs = FileRights(abi);
    if (abi >= 4) {
      attr.handled_access_net = uapi::kLandlockNetBindTcp | uapi::kLandlockNetConnectTcp;
    }
  }
  if (abi >= 6) {
    attr.scoped = uapi::kLandlockScopeSignal;
    if (mode == Mode::kRun) {
      attr.scoped |= uapi::kLandlockScopeAbstractUnix;
    }
  }
  return attr;
}

std::uint64_t NativeRights(const NativeGrant& grant, int abi) {
  std::uint64_t rights = grant.read ? LANDLOCK_ACCESS_FS_READ_FILE : 0;
  rights |= grant.list && grant.directory ? LANDLOCK_ACCESS_FS_READ_DIR : 0;
  rights |= grant.read && grant.execute ? LANDLOCK_ACCESS_FS_EXECUTE : 0;
  const bool device = grant.read && IsWithin(grant.path, "/dev");
  return rights | (device && abi >= 5 ? uapi::kLandlockFsIoctlDevice : 0);
}

base::Result<> RestrictWithLandlock(const Plan& plan) {
  const int abi = LandlockAbi();
  const Mode mode = plan.mode;
  if (mode == Mode::kRun) {
    AEGIS_TRY(RequireOldestAbi(abi));
  }
  const uapi::LandlockRulesetAttr attr = LandlockAttributes(mode, abi);
  if (attr.handled_access_fs == 0 && attr.handled_access_net == 0 && attr.scoped == 0) {
    return {};
  }
  const base::UniqueFd ruleset(uapi::LandlockCreateRuleset(&attr, sizeof attr, 0));
  if (!ruleset.valid()) {
    return base::FailErrno("create a Landlock ruleset");
  }
  if (attr.handled_access_fs != 0) {
    AEGIS_TRY(AddRules(ruleset.get(), plan, abi));
  }
  if (uapi::LandlockRestrictSelf(ruleset.get()) != 0) {
    return base::FailErrno("restrict the command with Landlock");
  }
  return {};
}

base::Result<> ConfineProxy(const std::string& readable, std::span<const std::uint16_t> ports) {
  const int abi = LandlockAbi();
  AEGIS_TRY(RequireOldestAbi(abi));
  uapi::LandlockRulesetAttr attr = LandlockAttributes(Mode::kRun, abi);
  attr.handled_access_net &= uapi::kLandlockNetBindTcp;  // it does connect
  const base::UniqueFd ruleset(uapi::LandlockCreateRuleset(&attr, sizeof attr, 0));
  if (!ruleset.valid()) {
    return base::FailErrno("create the proxy's Landlock ruleset");
  }
  // Symlinks count: the machine's owner placed them.
  if (const auto file = base::Open(readable, O_PATH)) {
    AEGIS_TRY(AddRule(ruleset.get(), file->get(), LANDLOCK_ACCESS_FS_READ_FILE,
                      base::EscapeName(readable)));
  }
  if (attr.handled_access_net != 0) {
    AEGIS_TRY(AllowBinding(ruleset.get(), ports));
  }
  if (uapi::LandlockRestrictSelf(ruleset.get()) != 0) {
    return base::FailErrno("restrict the proxy with Landlock");
  }
  return {};
}

base::Result<> ConfineSupervisor(const Plan& plan, int host_root, int host_proc) {
  const int abi = LandlockAbi();
  if (plan.mode == Mode::kWrap || plan.whole_root) {
    return {};
  }
  uapi::LandlockRulesetAttr attr;
  attr.handled_access_fs = FileRights(abi);
  attr.scoped = abi >= 6 ? uapi::kLandlockScopeSignal : 0;
  const base::UniqueFd ruleset(uapi::LandlockCreateRuleset(&attr, sizeof attr, 0));
  if (!ruleset.valid()) {
    return base::FailErrno("create the supervisor's Landlock ruleset");
  }
  AEGIS_ASSIGN(const base::UniqueFd root, base::Open("/", O_PATH | O_DIRECTORY));
  AEGIS_TRY(AddRule(ruleset.get(), root.get(), attr.handled_access_fs, "/"));
  AEGIS_TRY(AddRule(ruleset.get(), host_proc,
                    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR, "/proc"));
  const base::UniqueFd terminal(::openat(host_root, "dev/tty", O_PATH | O_CLOEXEC));
  if (terminal.valid()) {
    const std::uint64_t rights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                 (attr.handled_access_fs & uapi::kLandlockFsIoctlDevice);
    AEGIS_TRY(AddRule(ruleset.get(), terminal.get(), rights, "/dev/tty"));
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      uapi::LandlockRestrictSelf(ruleset.get()) != 0) {
    return base::FailErrno("restrict the supervisor with Landlock");
  }
  return {};
}

}  // namespace aegis::sandbox
