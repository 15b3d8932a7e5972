#include "gate/state_guard.h"

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "gate/mount_names.h"
#include "policy/policy.h"
#include "sandbox/paths.h"

namespace aegis::gate {

base::Result<std::vector<std::string>> NamesOfState(const std::string& aegis_home) {
  AEGIS_ASSIGN(const std::string mounts, base::ReadFile("/proc/self/mountinfo"));
  std::vector<std::string> names = NamesThroughMounts(mounts, aegis_home);
  std::ranges::transform(names, names.begin(), base::EscapeName);
  return names;
}

base::Result<> RequireGuardedState(const policy::PolicySet& policies,
                                   std::span<const std::string> state) {
  const auto in_state = [state](const std::string& place) {
    return std::ranges::any_of(
        state, [&place](const std::string& name) { return sandbox::IsWithin(place, name); });
  };
  for (const policy::PolicySet::Info& policy : policies.policies()) {
    if (policy.forbid) {
      continue;
    }
    for (const policy::PolicySet::Place& place : policy.places) {
      if (place.name.starts_with('/') &&
          (in_state(place.name) || in_state(policy::LeadsTo(place.name)))) {
        return base::Fail(base::Errc::kInvalid, policy.file + ":" + std::to_string(policy.line) +
                                                    ": policy \"" + policy.id + "\" permits " +
                                                    place.name +
                                                    ", which lies in Aegis' own state");
      }
    }
  }
  return {};
}

}  // namespace aegis::gate
