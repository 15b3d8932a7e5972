#pragma once

// Internal to aegis::ledger.

#include <memory>

#include "base/result.h"
#include "ledger/sqlite/database.h"
#include "ledger/store.h"

namespace aegis::ledger {

// A read transaction of `database`, which must outlive it.
base::Result<std::unique_ptr<Snapshot>> OpenSqliteSnapshot(Database& database);

// Snapshot::Scan, of a database in whatever transaction it is.
base::Result<> ScanRows(Database& database, IdRange range, StoreOrder order,
                        const RowVisitor& visit);

}  // namespace aegis::ledger
