#pragma once

// Internal to aegis::ledger: the part of a verification that needs nothing but one run of rows, so
// that many runs can be read at once.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/entry.h"
#include "ledger/finding.h"
#include "ledger/merkle.h"
#include "ledger/session.h"
#include "ledger/store.h"
#include "ledger/verify_checkpoints.h"

namespace aegis::ledger {

// Rows of one chunk: a whole number of tiles, and a subtree of the tree.
inline constexpr std::int64_t kChunkRows = 1 << 14;

// What a chunk says of one session: its entries there, joined.
struct SessionPart {
  Session session{};
  std::uint64_t first_seq = 0;
  std::optional<canon::Sha256> first_prev_hash{};
  bool bad = false;  // something in it was found wrong already
};

// An entry says that this set of policies is stored.
struct PolicyClaim {
  std::string digest{};
  std::string session_id{};
  std::int64_t seq = 0;
  std::int64_t id = 0;
};

struct Chunk {
  std::uint64_t rows = 0;    // seen
  std::uint64_t erased = 0;  // of them
  std::uint64_t lost = 0;    // missing or unreadable, and not yet explained by a gap in a chain
  Findings findings{};
  std::vector<SessionPart> sessions{};  // in the order of their first entries

  bool tree_known = true;  // every leaf could be read
  CompactRange tree{};     // over the leaves of the chunk
  // Checkpoints of trees that end in the chunk, and those trees' part of it.
  std::vector<std::pair<Claim, CompactRange>> claims{};
  std::vector<canon::Sha256> tiles{};  // roots of its whole tiles

  std::vector<PolicyClaim> policy_claims{};
  std::vector<IdRange> erased_ids{};
  std::vector<IdRange> purged_ids{};  // named by records of purges
};

// Reads the rows of `range`, all of which should be there, and checks what can be checked without
// their surroundings. An error only if the store could not be read; what is wrong is in the
// findings.
base::Result<Chunk> ReadChunk(Snapshot& snapshot, IdRange range,
                              const CheckpointCheck& checkpoints);

}  // namespace aegis::ledger
