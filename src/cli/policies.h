#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "policy/policy.h"

namespace aegis::cli {

// Whether sources may be parsed in this process: what is not built in first passes a dry run in a
// process of its own. With the state directory of a configuration that costs nothing once it has
// passed; without one nothing is remembered.
base::Result<> CheckPolicies(const std::vector<policy::Source>& sources, const policy::Names& names,
                             const std::optional<std::string>& state_dir);

// CheckPolicies for sources that are loaded next, and need not be validated again.
base::Result<> CheckAndMark(std::vector<policy::Source>& sources, const policy::Names& names,
                            const std::optional<std::string>& state_dir);

// CheckAndMark, then PolicySet::Load: the one way in which commands load policies.
base::Result<policy::PolicySet> LoadPolicies(std::vector<policy::Source> sources,
                                             const policy::Names& names,
                                             const std::optional<std::string>& state_dir);

// Refuses policies that no run would take: those for Aegis' own state (gate::RequireGuardedState).
base::Result<> RequireGuarded(const policy::PolicySet& policies, const std::string& aegis_home);

}  // namespace aegis::cli
