#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/entry.h"

namespace aegis::ledger {

// One file of a set of policies: its name without directories, in escaped form, and what it said.
struct PolicyText {
  std::string file{};
  std::string text{};

  friend bool operator==(const PolicyText&, const PolicyText&) = default;
};

// The digest that sessions name a set by (docs/ledger-format.md, section 16): SHA-256 in lower-case
// hex. Whoever has the texts can tell whether they are what was in force.
std::string DigestOfPolicies(std::span<const PolicyText> texts);

// The digest of a set that the entry says is kept with the ledger, if it says so. With
// SESSION_STARTED that holds from the session's next entry on: the set is stored after the one and
// before the other.
std::optional<std::string> ClaimedPolicies(const EntryView& entry);

// A set as the store has it. `texts` is empty for one that an import named and did not bring.
struct StoredPolicySet {
  std::string digest{};
  std::vector<PolicyText> texts{};

  bool absent() const { return texts.empty(); }
};

}  // namespace aegis::ledger
