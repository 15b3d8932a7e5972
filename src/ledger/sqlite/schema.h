#pragma once

// Internal to aegis::ledger.

#include <cstdint>

#include "base/result.h"
#include "ledger/sqlite/database.h"

namespace aegis::ledger {

inline constexpr std::int64_t kApplicationId = 0x41454749;  // "AEGI"
inline constexpr std::int64_t kSchemaVersion = 2;

// Makes the tables in an empty database, in one transaction; whoever else does so at the same time
// finds them made.
base::Result<> CreateSchema(Database& database);

// Whether the database is an Aegis ledger with exactly our tables: kCorrupt for a foreign one or
// one with objects (triggers, views) that are not ours, kUnsupported for a newer version.
base::Result<> CheckSchema(Database& database);

}  // namespace aegis::ledger
