#pragma once

// Internal to aegis::ledger: table `policies`. A ledger that an older version made and that can't
// be written has none, which reads as empty.

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "ledger/policy_set.h"
#include "ledger/sqlite/database.h"
#include "ledger/store.h"

namespace aegis::ledger {

// As Snapshot::PolicySets and Snapshot::FindPolicySet.
base::Result<> ReadPolicySets(Database& database, const PolicySetVisitor& visit);
base::Result<std::optional<StoredPolicySet>> FindPolicyRows(Database& database,
                                                            std::string_view digest);

// As Store::PutPolicySet and Store::NoteAbsentPolicySet, each in a transaction of its own.
base::Result<std::string> PutPolicyRows(Database& database, std::span<const PolicyText> texts);
base::Result<> PutAbsentPolicyRow(Database& database, std::string_view digest);

}  // namespace aegis::ledger
