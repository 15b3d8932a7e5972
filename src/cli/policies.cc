#include "cli/policies.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/version.h"
#include "config/config.h"
#include "gate/state_guard.h"
#include "policy/dry_run.h"
#include "policy/policy.h"
#include "policy/templates.h"

namespace aegis::cli {

base::Result<> CheckPolicies(const std::vector<policy::Source>& sources, const policy::Names& names,
                             const std::optional<std::string>& state_dir) {
  const auto built_in = [](const policy::Source& one) { return policy::IsBuiltInText(one.text); };
  if (std::ranges::all_of(sources, built_in)) {
    return {};
  }
  const std::string key = state_dir ? policy::DryRunKey(kVersion, sources) : "";
  if (state_dir && config::IsRemembered(*state_dir, key)) {
    return {};
  }
  AEGIS_TRY(policy::DryRun(
      sources, names, {.program = "/proc/self/exe", .argv = {std::string(policy::kDryRunName)}}));
  if (state_dir) {
    config::Remember(*state_dir, key);
  }
  return {};
}

base::Result<> CheckAndMark(std::vector<policy::Source>& sources, const policy::Names& names,
                            const std::optional<std::string>& state_dir) {
  AEGIS_TRY(CheckPolicies(sources, names, state_dir));
  for (policy::Source& source : sources) {
    source.validated = true;
  }
  return {};
}

base::Result<policy::PolicySet> LoadPolicies(std::vector<policy::Source> sources,
                                             const policy::Names& names,
                                             const std::optional<std::string>& state_dir) {
  AEGIS_TRY(CheckAndMark(sources, names, state_dir));
  return policy::PolicySet::Load(sources, names);
}

base::Result<> RequireGuarded(const policy::PolicySet& policies, const std::string& aegis_home) {
  AEGIS_ASSIGN(const auto state, gate::NamesOfState(aegis_home));
  return gate::RequireGuardedState(policies, state);
}

}  // namespace aegis::cli
