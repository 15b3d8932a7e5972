#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "gate/run.h"
#include "policy/policy.h"
#include "sandbox/plan.h"

namespace aegis::gate {

// What stands around a command before it runs.
struct Walls {
  policy::PolicySet policies;
  policy::PolicySet::Bound bound;  // theirs
  sandbox::Plan plan;
  std::vector<std::string> state;            // the names of Aegis' own, escaped
  std::map<std::string, std::string> links;  // what policy::Names::leads_to answered
  std::string level_detail;                  // why plan.level is not the one that was asked for
};

// Loads the policies of a run and makes its plan from their bound. Looks at the host's files and at
// descriptors 0-2 (the terminal), changes nothing. kInvalid: unusable policies or places, policies
// for Aegis' own state among them.
base::Result<Walls> RaiseWalls(const RunSpec& spec);

}  // namespace aegis::gate
