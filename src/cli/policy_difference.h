#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "ledger/ledger.h"
#include "policy/policy.h"

namespace aegis::cli {

// Names that one of two versions has, or has with another content; in their order.
struct Changes {
  std::vector<std::string> added{};
  std::vector<std::string> removed{};
  std::vector<std::string> changed{};
};

// What tells one stored set of policies from the one before.
struct PolicyDifference {
  Changes files{};
  std::optional<Changes> policies{};  // by id; nothing where a set can't be read any more
};

using LoadSources =
    std::function<base::Result<policy::PolicySet>(const std::vector<policy::Source>& sources)>;
PolicyDifference Compare(const ledger::StoredPolicySet& before, const ledger::StoredPolicySet& now,
                         const LoadSources& load);

}  // namespace aegis::cli
