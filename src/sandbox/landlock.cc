#include "sandbox/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <sys/prctl.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "sandbox/mode.h"
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

base::Result<> AddRule(int ruleset, int fd, std::uint64_t rights, const std::string& what) {
  landlock_path_beneath_attr rule{};
  rule.allowed_access = rights;
  rule.parent_fd = fd;
  if (uapi::LandlockAddPathRule(ruleset, rule) != 0) {
    return base::FailErrno("add a Landlock rule for " + what);
  }
  return {};
}

base::Result<> AllowExecuting(int ruleset, const std::string& path) {
  const base::UniqueFd fd(uapi::OpenAt2(AT_FDCWD, path.c_str(), O_PATH, 0,
                                        RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS));
  if (!fd.valid()) {
    return {};  // nothing there: no right
  }
  return AddRule(ruleset, fd.get(), kExecutableRights, base::EscapeName(path));
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

base::Result<> RestrictWithLandlock(Mode mode, const std::vector<std::string>& executable) {
  const int abi = LandlockAbi();
  if (mode == Mode::kRun && abi < kOldestAbi) {
    return base::Fail(base::Errc::kUnsupported,
                      "Landlock ABI 2 or newer is missing (Linux 5.19 with Landlock enabled: "
                      "CONFIG_SECURITY_LANDLOCK, and landlock in the lsm= boot parameter)");
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
    for (const std::string& path : executable) {
      AEGIS_TRY(AllowExecuting(ruleset.get(), path));
    }
  }
  if (uapi::LandlockRestrictSelf(ruleset.get()) != 0) {
    return base::FailErrno("restrict the command with Landlock");
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
