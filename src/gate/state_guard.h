#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "policy/policy.h"

namespace aegis::gate {

// The names that Aegis' state goes by: its canonical one, and those under which bind mounts show
// it. Escaped form.
base::Result<std::vector<std::string>> NamesOfState(const std::string& aegis_home);

// Refuses (kInvalid, with policy and file) a set with a permit for a place in Aegis' own state,
// named as it is or by a link that leads there. Nothing could come of it (AEGIS_STATE), but whoever
// wrote it means to loosen what no policy may. A permit of a place that holds the state and more,
// like "~", is no such permit.
base::Result<> RequireGuardedState(const policy::PolicySet& policies,
                                   std::span<const std::string> state);

}  // namespace aegis::gate
