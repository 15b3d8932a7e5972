#pragma once

// Internal to aegis::ledger: the newest checkpoint as a file beside the store, by which an older or
// emptied store is noticed at once. It proves nothing against who can write both.

#include <string>

#include "base/result.h"
#include "ledger/store.h"

namespace aegis::ledger {

// DIRECTORY/checkpoint; kNotFound without it, kCorrupt if it is no checkpoint. Its signature is not
// verified.
base::Result<StoredCheckpoint> ReadNotedCheckpoint(const std::string& directory);

// Replaces it, unless it is of a greater tree. Not synced: after a power cut it may be older, or
// empty.
base::Result<> WriteNotedCheckpoint(const std::string& directory,
                                    const StoredCheckpoint& checkpoint);

}  // namespace aegis::ledger
