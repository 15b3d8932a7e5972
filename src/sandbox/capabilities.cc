#include "sandbox/capabilities.h"

#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>

#include "base/result.h"

namespace aegis::sandbox {
namespace {

constexpr CapabilitySet Bit(int capability) {
  return CapabilitySet{1} << static_cast<unsigned>(capability);
}

constexpr CapabilitySet kFile = Bit(CAP_CHOWN) | Bit(CAP_DAC_OVERRIDE) | Bit(CAP_DAC_READ_SEARCH) |
                                Bit(CAP_FOWNER) | Bit(CAP_FSETID);

// Locked, so that nobody turns them on or off later. Root keeps the rule that an exec by uid 0 has
// the bounding set: that is how its file capabilities survive exec.
constexpr unsigned long kLocks = SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                                 SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                                 SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

base::Result<> SetProcess(int option, unsigned long value, const char* attempted) {
  if (::prctl(option, value, 0UL, 0UL, 0UL) != 0) {
    return base::FailErrno(attempted);
  }
  return {};
}

base::Result<> SetCapabilities(CapabilitySet kept) {
  __user_cap_header_struct header{};
  header.version = _LINUX_CAPABILITY_VERSION_3;
  std::array<__user_cap_data_struct, 2> data{};
  for (unsigned half = 0; half < 2; ++half) {
    data[half].effective = data[half].permitted = static_cast<std::uint32_t>(kept >> (32U * half));
  }
  if (::syscall(SYS_capset, &header, data.data()) != 0) {
    return base::FailErrno("drop capabilities");
  }
  return {};
}

// Empties the bounding set but for `kept`; needs CAP_SETPCAP.
base::Result<> LimitBoundingSet(CapabilitySet kept) {
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if ((kept & Bit(capability)) == 0 && ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) {
      return base::FailErrno("drop a capability from the bounding set");
    }
  }
  return {};
}

base::Result<> LimitForGood(CapabilitySet kept) {
  AEGIS_TRY(SetProcess(PR_SET_NO_NEW_PRIVS, 1, "set no_new_privs"));
  AEGIS_TRY(LimitBoundingSet(kept));
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) {
    return base::FailErrno("clear the ambient capabilities");
  }
  const unsigned long bits = kept == 0 ? kLocks | SECBIT_NOROOT : kLocks;
  AEGIS_TRY(SetProcess(PR_SET_SECUREBITS, bits, "lock the securebits"));
  return SetCapabilities(kept);
}

}  // namespace

CapabilitySet FileCapabilities(bool root) { return root ? kFile : 0; }

base::Result<> LimitSupervisor(bool root) {
  AEGIS_TRY(SetProcess(PR_SET_NO_NEW_PRIVS, 1, "set no_new_privs"));
  AEGIS_TRY(SetCapabilities(Bit(CAP_SYS_PTRACE) | Bit(CAP_SYS_NICE) | FileCapabilities(root)));
  return SetProcess(PR_SET_DUMPABLE, 0, "make the supervisor undumpable");
}

base::Result<> DropAllCapabilities() {
  AEGIS_TRY(LimitForGood(0));
  return SetProcess(PR_SET_DUMPABLE, 0, "make init undumpable");
}

base::Result<> LimitProxy() {
  AEGIS_TRY(SetProcess(PR_SET_NO_NEW_PRIVS, 1, "set no_new_privs"));
  AEGIS_TRY(SetCapabilities(0));
  return SetProcess(PR_SET_DUMPABLE, 0, "make the proxy undumpable");
}

base::Result<> LimitCommand(bool root) { return LimitForGood(root ? kFile | Bit(CAP_KILL) : 0); }

}  // namespace aegis::sandbox
