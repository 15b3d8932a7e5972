#pragma once

// Internal to aegis::ledger: the removal of contents, within a transaction of the caller's.

#include <span>

#include "base/result.h"
#include "ledger/sqlite/database.h"
#include "ledger/store.h"

namespace aegis::ledger {

// Removes the content of the entries in `ranges`, but for records of purges, and brings sessions
// and summaries in line with what is left. What SQLite frees is overwritten.
base::Result<> EraseContents(Database& database, std::span<const IdRange> ranges);

// After the transaction: takes what was erased out of the write-ahead log too, unless a reader
// holds it; the next purge or the last close does it then.
void ForgetLog(Database& database);

}  // namespace aegis::ledger
