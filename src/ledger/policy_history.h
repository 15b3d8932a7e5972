#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "ledger/archive.h"

namespace aegis::ledger {

// A set of policies coming into force: with a session that began under another set than was in
// force last, or by an edit while one went on.
struct PolicyStep {
  std::string digest{};
  std::string previous{};  // in force last; of an edit: in its session. Empty for the first
  std::int64_t since_ms = 0;
  std::string session_id{};
  bool live = false;           // an edit
  std::string outside{};       // of an edit: the first place beyond the session's reach
  std::uint64_t sessions = 0;  // that began under it, until the next step
};

// All steps of a ledger, oldest first, by time. Sessions that name no policies are passed over, and
// so are those whose beginning was erased. Memory grows with the steps and sessions.
base::Result<std::vector<PolicyStep>> PolicyHistory(Ledger& ledger);

// The stored set whose digest begins so. kNotFound: there is none; kInvalid: there are several.
base::Result<StoredPolicySet> FindPolicies(Ledger& ledger, const std::string& prefix);

}  // namespace aegis::ledger
