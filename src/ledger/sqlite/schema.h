#pragma once

// Internal to aegis::ledger.

#include <cstdint>

#include "base/result.h"
#include "ledger/sqlite/database.h"

namespace aegis::ledger {

inline constexpr std::int64_t kApplicationId = 0x41454749;  // "AEGI"
inline constexpr std::int64_t kSchemaVersion = 3;

// Makes the tables in an empty database, in one transaction; whoever else does so at the same time
// finds them made.
base::Result<> CreateSchema(Database& database);

// Makes a ledger of version 2, which is one of ours, one of this version: it lacks the table of
// policies. Others stay as they are.
base::Result<> UpgradeSchema(Database& database);

// Whether the database is an Aegis ledger with exactly our tables: kCorrupt for a foreign one or
// one with objects (triggers, views) that are not ours, kUnsupported for a newer version. One of
// version 2, which can be read as it is, passes.
base::Result<> CheckSchema(Database& database);

}  // namespace aegis::ledger
