#include "cli/stored_policies.h"

#include <string>
#include <vector>

#include "base/result.h"
#include "ledger/ledger.h"
#include "ledger/policy_history.h"
#include "ledger/policy_set.h"
#include "policy/policy.h"

namespace aegis::cli {

base::Result<ledger::StoredPolicySet> StoredPolicies(ledger::Ledger& ledger,
                                                     const std::string& digest) {
  AEGIS_ASSIGN(ledger::StoredPolicySet set, ledger::FindPolicies(ledger, digest));
  if (set.absent()) {
    return base::Fail(base::Errc::kNotFound,
                      "policies " + set.digest + ": they came with an import, without their texts");
  }
  if (!IsIntact(set)) {
    return base::Fail(base::Errc::kCorrupt, "policies " + set.digest +
                                                ": what is stored are others (aegis audit verify)");
  }
  return set;
}

bool IsIntact(const ledger::StoredPolicySet& set) {
  return ledger::DigestOfPolicies(set.texts) == set.digest;
}

std::vector<policy::Source> SourcesOf(const ledger::StoredPolicySet& set) {
  std::vector<policy::Source> sources;
  sources.reserve(set.texts.size());
  for (const ledger::PolicyText& text : set.texts) {
    sources.push_back({.file = text.file, .text = text.text});
  }
  return sources;
}

}  // namespace aegis::cli
