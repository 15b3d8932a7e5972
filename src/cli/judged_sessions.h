#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "ledger/ledger.h"
#include "policy/policy.h"

namespace aegis::cli {

// Recorded actions that two sets of policies answer differently.
struct JudgedAction {
  std::string action{};
  std::string resource{};
  policy::Outcome a = policy::Outcome::kError;
  policy::Outcome b = policy::Outcome::kError;
  std::uint64_t count = 0;  // how often it was recorded
};

struct JudgedSessions {
  std::vector<std::string> sessions{};    // ids
  std::uint64_t actions = 0;              // recorded decisions that were judged
  std::uint64_t distinct = 0;             // that differ in what the sets look at
  std::vector<JudgedAction> differing{};  // by count, greatest first
};

// Which sessions: one by its id, the beginning of it, or its tag; else the last so many.
struct SessionChoice {
  std::optional<std::string> id{};
  std::optional<std::uint64_t> last{};
  std::uint64_t most_distinct = 1'000'000;
};

// Judges the decisions of sessions anew by both sets. Masked arguments are judged as they are
// recorded; what was erased is passed over. kExhausted: more distinct actions than the choice
// allows.
base::Result<JudgedSessions> JudgeSessions(ledger::Ledger& ledger, const SessionChoice& choice,
                                           const policy::PolicySet& a, const policy::PolicySet& b);

}  // namespace aegis::cli
