#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "ledger/ledger.h"
#include "ledger/policy_set.h"
#include "policy/policy.h"

namespace aegis::cli {

// The policies that the ledger keeps under a digest that begins so, with the texts that were in
// force. kNotFound where there are none, or none with texts; kInvalid where several digests begin
// so; kCorrupt where the texts are not those of the digest.
base::Result<ledger::StoredPolicySet> StoredPolicies(ledger::Ledger& ledger,
                                                     const std::string& digest);

// Whether the texts are those of the digest.
bool IsIntact(const ledger::StoredPolicySet& set);

std::vector<policy::Source> SourcesOf(const ledger::StoredPolicySet& set);

}  // namespace aegis::cli
