#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/merkle.h"
#include "ledger/store.h"

namespace aegis::ledger {

// The nodes of a ledger's tree: leaves from the entries, the others from tiles. Reads a few hundred
// rows for a proof, however large the tree is. Trusts the store: what it gives is right if the
// ledger verifies. Must not outlive the snapshot.
class TreeReader final : public NodeSource {
 public:
  explicit TreeReader(Snapshot& snapshot) : snapshot_(snapshot) {}

  // kCorrupt if the store lacks what a tree of its size must have.
  base::Result<canon::Sha256> Node(unsigned level, std::uint64_t index) override;

  // The leaves of entries [first, first + count), as bytes that are hashed.
  base::Result<std::vector<std::string>> Leaves(std::uint64_t first, std::uint64_t count);

 private:
  base::Result<std::vector<canon::Sha256>> LeafHashes(std::uint64_t first, std::uint64_t count);
  base::Result<std::vector<canon::Sha256>> TileHashes(unsigned tile_level, std::uint64_t first,
                                                      std::uint64_t count);
  Snapshot& snapshot_;
  MerkleHasher hasher_;
  // The tile read last: proofs take several nodes of one.
  std::pair<std::int64_t, std::int64_t> tile_{-1, -1};
  std::string tile_hashes_;
};

}  // namespace aegis::ledger
