#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "policy/policy.h"

namespace aegis::gate {

// What the launcher hands to the supervisor when the policies were edited: a set to put in force,
// or, where `refused` is not empty, why the one in force stays, to be recorded.
struct PolicyUpdate {
  std::string refused{};
  std::string digest{};  // of the set
  std::vector<policy::Source> sources{};
  std::string agent{};  // of policy::Names
  std::string home{};
  std::string dir{};
  // Names::leads_to as the launcher saw the files: the supervisor lives among the agent's.
  std::map<std::string, std::string> links{};
  std::string outside{};  // the first place that the set permits and the run cannot reach
};

// The names to load the set with. `update` must outlive them.
policy::Names NamesOf(const PolicyUpdate& update);

// Sends it as one message with a sealed memory file, so that its size doesn't matter.
base::Result<> SendPolicyUpdate(int socket, const PolicyUpdate& update);

// Reads what came with such a message, of which the first byte is already known. kInvalid for
// anything that SendPolicyUpdate does not write.
base::Result<PolicyUpdate> ReadPolicyUpdate(int memory);

}  // namespace aegis::gate
