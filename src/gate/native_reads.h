#pragma once

#include <span>
#include <string>
#include <vector>

#include "gate/name_scan.h"
#include "gate/scan_cache.h"
#include "policy/policy.h"
#include "sandbox/host_view.h"
#include "sandbox/plan.h"

namespace aegis::gate {

// What reading is planned from; paths are bytes where nothing else is said.
struct ReadInput {
  std::string home;                       // canonical
  std::string dir;                        // canonical
  std::vector<std::string> private_dirs;  // as in sandbox::PlanInput
  std::vector<std::string> state;         // the names of Aegis' own, escaped
  std::vector<std::string> executable;    // sandbox::ExecutableOf
  std::vector<std::string> hidden;        // policy::PolicySet::Bound
  std::string mountinfo;                  // the text of /proc/self/mountinfo
  ScanBudget budget;
  ScanNotice notice;    // may be empty
  ScanKeeping keeping;  // of what the directories hold
};

// What of reading the kernel may be left with.
struct NativeReads {
  std::vector<sandbox::NativeGrant> grants;
  std::vector<std::string>
      masks;           // to be hidden, so that the grants permit no more than the policy
  std::string reason;  // why reads must stay with the gate; empty if they need not
};

// The compiler from policy to Landlock rules and masks: together they let through no plain read
// that `policies` do not permit, whatever appears under a name that has a rule of its own while the
// run goes on.
//
// Landlock grants whole trees and takes nothing out of them. So a directory with something in it
// that may not be read is not granted; what it holds at this moment is, one by one, and what
// appears in it later can't be read. Where the agent itself may make files that would not do: such
// a directory is granted if all that may not be read in it exists and is masked by a mount. What
// rules about names forbid is looked for, and masked.
NativeReads PlanNativeReads(const policy::PolicySet& policies, const ReadInput& input,
                            const sandbox::HostView& host);

}  // namespace aegis::gate
