#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "policy/policy.h"

namespace aegis::advice {

// A permit that opens what the template `project` keeps closed.
struct SecretFinding {
  std::size_t policy = 0;             // its number in the set
  bool write = false;                 // false: reading secrets; true: changing startup files
  std::vector<std::string> places{};  // as the template writes them: "~/.ssh", "*/.env"
};

// The forbids of the template `project` are the list of what is secret: each of its places is asked
// about. A permit is named once for reading and once for writing, by the first that determines it.
std::vector<SecretFinding> FindSecrets(const policy::PolicySet& policies,
                                       const policy::Names& names);

}  // namespace aegis::advice
