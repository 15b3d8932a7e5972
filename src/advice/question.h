#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "policy/policy.h"

namespace aegis::advice {

// A request that owns its texts, for those who ask without a gate.
struct Question {
  policy::Action action = policy::Action::kFileRead;
  std::string resource{};  // as the gate would name it
  std::int64_t pid = 1;
  std::string exe{};
  std::vector<std::string> argv{};
  std::string host{};
  std::int64_t port = 0;
  std::string protocol{};

  // Views into this question.
  policy::Request Request() const;
};

// Whether the names of an action's resources are paths.
bool NamesPaths(policy::Action action);

// Fills host, port and protocol of a NetConnect from its resource as the gate does: "h:443",
// "[::1]:443", "unix:/run/x", "unix:@name", of the protocol "dns" a host alone. The resource gets
// the one form that its host has. kInvalid for a name that no connection has.
base::Result<> FillPeer(Question& question);

// kInvalid unless a name is one that the gate could give to a resource of the action; fills the
// peer of a NetConnect.
base::Result<> CheckName(Question& question);

}  // namespace aegis::advice
