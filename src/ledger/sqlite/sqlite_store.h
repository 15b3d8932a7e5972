#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "ledger/store.h"

namespace aegis::ledger {

enum class OpenMode : std::uint8_t { kCreate, kReadWrite, kReadOnly };

// The embedded store: one SQLite file in WAL mode. kNotFound without kCreate if it is missing;
// kCorrupt for a file that is no Aegis ledger, has a foreign schema, or is damaged; kUnsupported
// for a newer version of the format. Names in errors are in escaped form.
base::Result<std::unique_ptr<Store>> OpenSqliteStore(const std::string& path, OpenMode mode);

}  // namespace aegis::ledger
