#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "cli/output.h"
#include "sandbox/plan.h"

namespace aegis::cli {

// Which layers of a plan are shown.
struct PlanParts {
  bool mounts = false;
  bool landlock = false;
  bool seccomp = false;
};

// A plan as people read it. Names are shown harmlessly.
void PrintPlan(Output& out, const sandbox::Plan& plan, const PlanParts& parts);

// The same for programs, as members of `document`; names in their escaped form.
void AddPlan(nlohmann::ordered_json& document, const sandbox::Plan& plan, const PlanParts& parts);

}  // namespace aegis::cli
