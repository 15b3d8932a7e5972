#pragma once

// Internal to aegis::ledger.

#include <string>

#include "base/result.h"
#include "ledger/sqlite/database.h"
#include "ledger/sqlite/sqlite_store.h"

namespace aegis::ledger {

// Opens (and for kCreate makes) the file as OpenSqliteStore says, with our settings, after checking
// that it is a ledger of ours on a file system that keeps its promises.
base::Result<Database> OpenDatabase(const std::string& path, OpenMode mode);

}  // namespace aegis::ledger
