#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "ledger/signer.h"
#include "ledger/store.h"

// What a ledger shows to those who do not trust it: checkpoints, proofs, tiles
// (c2sp.org/tlog-checkpoint, tlog-proof, tlog-tiles).
namespace aegis::ledger {

// The newest checkpoint if it covers the whole tree, else a new one, signed and kept. kCorrupt if
// it is of a greater tree: entries are gone.
base::Result<StoredCheckpoint> CheckpointOfAll(Store& store, const LedgerSigner& signer);

// The newest stored checkpoint; nothing if there is none.
base::Result<std::optional<StoredCheckpoint>> NewestCheckpoint(Snapshot& snapshot);

// A tlog-proof that the entry of this index is in the tree of `checkpoint`, a stored one; kInvalid
// if the tree is smaller, kCorrupt if the ledger is damaged so that none can be made.
base::Result<std::string> ProveEntry(Snapshot& snapshot, std::uint64_t index,
                                     const StoredCheckpoint& checkpoint);

// The hashes, one a line, that prove that the tree of `checkpoint` extends that of the signed note
// `older`; kInvalid if that is larger, or of another log, or if its root is not that of this
// ledger's tree at its size: no proof exists then. kCorrupt as above.
base::Result<std::string> ProveExtension(Snapshot& snapshot, std::string_view older,
                                         const StoredCheckpoint& checkpoint);

// The index of an entry: SESSION:SEQ, where the beginning of a session's id will do if it is the
// only one; or its hash in hexadecimal, which means reading the whole ledger. kNotFound.
base::Result<std::uint64_t> FindIndex(Snapshot& snapshot, std::string_view entry_id);

// The tree of `checkpoint` as static files, tlog-tiles: `put` is given each path below the log's
// prefix and its content, the checkpoint last. Tiles that a tree of `old_size` has too are left
// out.
using PutFile = std::function<base::Result<>(const std::string& path, std::string_view content)>;
base::Result<> ExportTiles(Snapshot& snapshot, std::uint64_t old_size,
                           const StoredCheckpoint& checkpoint, const PutFile& put);

}  // namespace aegis::ledger
