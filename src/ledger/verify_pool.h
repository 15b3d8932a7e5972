#pragma once

// Internal to aegis::ledger.

#include <cstdint>
#include <functional>

#include "base/result.h"
#include "ledger/store.h"
#include "ledger/verify.h"
#include "ledger/verify_checkpoints.h"
#include "ledger/verify_chunk.h"

namespace aegis::ledger {

// Reads rows 1 to `last` chunk by chunk on at most `threads` threads, each with a store of its own
// that shows the same moment as `snapshot`, and gives the chunks to `take` on the caller's thread,
// in order. At most a few chunks are held at a time. One thread, little to read, or a store that
// has moved on: all is done in the caller's thread on `snapshot`. Ends with the first error.
base::Result<> ReadChunks(Snapshot& snapshot, std::int64_t last, unsigned threads,
                          const StoreOpener& open, const CheckpointCheck& checkpoints,
                          const std::function<base::Result<>(Chunk&)>& take);

}  // namespace aegis::ledger
