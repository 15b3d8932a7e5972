#include "ledger/tree_reader.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/entry.h"
#include "ledger/store.h"
#include "ledger/tile.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;
using canon::Sha256;

}  // namespace

Result<std::vector<std::string>> TreeReader::Leaves(std::uint64_t first, std::uint64_t count) {
  std::vector<std::string> leaves;
  const IdRange range{.first = static_cast<std::int64_t>(first + 1),
                      .last = static_cast<std::int64_t>(first + count)};
  AEGIS_TRY(snapshot_.Scan(range, StoreOrder::kLedger, [&](const RawRow& row) -> Result<bool> {
    const auto entry = ToPosition(row);
    if (!entry || row.id != range.first + static_cast<std::int64_t>(leaves.size())) {
      return Fail(Errc::kCorrupt, "the entry in row " + std::to_string(row.id) + " is damaged");
    }
    AppendLeaf(leaves.emplace_back(), *entry);
    return true;
  }));
  if (leaves.size() != count) {
    return Fail(Errc::kCorrupt, "entries of the tree are missing");
  }
  return leaves;
}

Result<std::vector<Sha256>> TreeReader::LeafHashes(std::uint64_t first, std::uint64_t count) {
  AEGIS_ASSIGN(const std::vector<std::string> leaves, Leaves(first, count));
  std::vector<Sha256> hashes;
  hashes.reserve(leaves.size());
  for (const std::string& leaf : leaves) {
    hashes.push_back(hasher_.Leaf(leaf));
  }
  return hashes;
}

Result<std::vector<Sha256>> TreeReader::TileHashes(unsigned tile_level, std::uint64_t first,
                                                   std::uint64_t count) {
  const std::pair tile(static_cast<std::int64_t>(tile_level),
                       static_cast<std::int64_t>(first / kTileWidth));
  if (tile != tile_) {
    AEGIS_ASSIGN(tile_hashes_, snapshot_.Tile(tile.first, tile.second));
    tile_ = tile;
  }
  const std::size_t size = Sha256().bytes.size();
  const std::size_t begin = first % kTileWidth * size;
  if (begin + count * size > tile_hashes_.size()) {
    return Fail(Errc::kCorrupt, "tiles of the tree are missing");
  }
  std::vector<Sha256> hashes(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::memcpy(hashes[i].bytes.data(), tile_hashes_.data() + begin + i * size, size);
  }
  return hashes;
}

Result<Sha256> TreeReader::Node(unsigned level, std::uint64_t index) {
  const unsigned above = level % kTileHeight;
  const std::uint64_t count = std::uint64_t{1} << above;
  const std::uint64_t first = index << above;
  AEGIS_ASSIGN(std::vector<Sha256> hashes, level < kTileHeight
                                               ? LeafHashes(first, count)
                                               : TileHashes(level / kTileHeight, first, count));
  for (; hashes.size() > 1; hashes.resize(hashes.size() / 2)) {
    for (std::size_t i = 0; i < hashes.size() / 2; ++i) {
      hashes[i] = hasher_.Node(hashes[2 * i], hashes[2 * i + 1]);
    }
  }
  return hashes.front();
}

}  // namespace aegis::ledger
