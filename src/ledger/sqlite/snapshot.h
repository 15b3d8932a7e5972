#pragma once

// Internal to aegis::ledger.

#include <memory>

#include "base/result.h"
#include "ledger/sqlite/database.h"
#include "ledger/store.h"

namespace aegis::ledger {

// A read transaction of `database`, which must outlive it.
base::Result<std::unique_ptr<Snapshot>> OpenSqliteSnapshot(Database& database);

}  // namespace aegis::ledger
