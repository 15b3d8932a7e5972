#pragma once

// Internal to aegis::ledger.

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/finding.h"
#include "ledger/merkle.h"
#include "ledger/store.h"
#include "ledger/verify_chunk.h"

namespace aegis::ledger {

// Rebuilds the tree from the leaves of the chunks, and holds tables `tree` and `tiles` against it.
class TreeCheck {
 public:
  TreeCheck(Snapshot& snapshot, Findings& findings) : snapshot_(snapshot), findings_(findings) {}

  // Chunks in their order. An error: the store could not be read.
  base::Result<> Take(const Chunk& chunk);
  // After the last one; `stored` is what table `tree` says.
  base::Result<> Finish(const base::Result<CompactRange>& stored);

  // The root over all leaves of the chunks before the next and the first of it, as a cut of it
  // says.
  canon::Sha256 RootWith(const CompactRange& cut);
  // Whether all leaves so far could be read: otherwise no root is known.
  bool known() const { return known_; }
  std::uint64_t size() const { return tree_.size(); }
  canon::Sha256 Root() { return tree_.Root(hasher_); }

 private:
  using TileName = std::pair<std::int64_t, std::int64_t>;  // level, number

  base::Result<> Add(std::int64_t level, std::uint64_t index, const canon::Sha256& hash);
  base::Result<> CheckTile(TileName name, const std::string& hashes);
  base::Result<> CountTiles();

  Snapshot& snapshot_;
  Findings& findings_;
  MerkleHasher hasher_;
  CompactRange tree_;
  bool known_ = true;
  std::map<TileName, std::string> growing_;  // the last tile of each level
  std::uint64_t tiles_ = 0;                  // that must be there
};

}  // namespace aegis::ledger
