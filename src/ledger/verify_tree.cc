#include "ledger/verify_tree.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/finding.h"
#include "ledger/merkle.h"
#include "ledger/store.h"
#include "ledger/verify_chunk.h"

namespace aegis::ledger {
namespace {

using base::Fail;
using base::Result;
using Kind = Finding::Kind;

constexpr unsigned kTileHeight = 8;
constexpr std::uint64_t kTileWidth = 256;
constexpr std::size_t kHashSize = 32;

struct Node {
  unsigned level = 0;
  std::uint64_t index = 0;
  canon::Sha256 hash{};
};

}  // namespace

Result<> TreeCheck::Take(const Chunk& chunk) {
  known_ = known_ && chunk.tree_known;
  if (!known_) {
    return {};
  }
  std::uint64_t index = tree_.size() >> kTileHeight;
  for (const canon::Sha256& hash : chunk.tiles) {
    AEGIS_TRY(Add(1, index++, hash));
  }
  std::vector<Node> nodes;
  tree_.Join(hasher_, chunk.tree,
             [&nodes](unsigned level, std::uint64_t at, const canon::Sha256& hash) {
               // Those of level 8 came with the chunk.
               if (level % kTileHeight == 0 && level > kTileHeight) {
                 nodes.push_back({.level = level, .index = at, .hash = hash});
               }
             });
  for (const Node& node : nodes) {
    AEGIS_TRY(Add(node.level / kTileHeight, node.index, node.hash));
  }
  return {};
}

Result<> TreeCheck::Add(std::int64_t level, std::uint64_t index, const canon::Sha256& hash) {
  const TileName name(level, static_cast<std::int64_t>(index / kTileWidth));
  std::string& hashes = growing_[name];
  hashes += hash.view();
  if (hashes.size() == kTileWidth * kHashSize) {
    AEGIS_TRY(CheckTile(name, hashes));
    growing_.erase(name);
  }
  return {};
}

// Names the first entries whose hash differs.
Result<> TreeCheck::CheckTile(TileName name, const std::string& hashes) {
  ++tiles_;
  auto stored = snapshot_.Tile(name.first, name.second);
  if (!stored && !IsDamage(stored.error())) {
    return Fail(std::move(stored).error());
  }
  if (stored && *stored == hashes) {
    return {};
  }
  const std::string bytes = stored.value_or(std::string());
  const auto differs = std::mismatch(hashes.begin(), hashes.end(), bytes.begin(), bytes.end());
  const auto at = static_cast<std::uint64_t>(differs.first - hashes.begin()) / kHashSize;
  const unsigned level = static_cast<unsigned>(name.first) * kTileHeight;
  const std::uint64_t node = static_cast<std::uint64_t>(name.second) * kTileWidth + at;
  findings_.Add({.kind = Kind::kDerived,
                 .id = static_cast<std::int64_t>((node << level) + 1),
                 .what = bytes.empty() ? "the tree's tile over the entries from here is missing"
                                       : "the tree's tile says that the entries from here were "
                                         "others"});
  return {};
}

Result<> TreeCheck::CountTiles() {
  std::uint64_t tiles = 0;
  auto walked = snapshot_.Tiles([&tiles](const Result<StoredTile>&) -> Result<bool> {
    ++tiles;
    return true;
  });
  if (!walked && !IsDamage(walked.error())) {
    return walked;
  }
  if (!walked || tiles != tiles_) {
    findings_.Add({.kind = Kind::kDerived,
                   .what = walked ? "table tiles holds rows that belong to no tree"
                                  : walked.error().message()});
  }
  return {};
}

Result<> TreeCheck::Finish(const Result<CompactRange>& stored) {
  if (!stored) {
    findings_.Add({.kind = Kind::kDamaged, .what = stored.error().message()});
  }
  if (!known_) {
    return {};
  }
  for (const auto& [name, hashes] : growing_) {
    AEGIS_TRY(CheckTile(name, hashes));
  }
  growing_.clear();
  AEGIS_TRY(CountTiles());
  if (stored && *stored != tree_) {
    findings_.Add(
        {.kind = Kind::kDerived, .what = "table tree says that the ledger's entries were others"});
  }
  return {};
}

canon::Sha256 TreeCheck::RootWith(const CompactRange& cut) {
  CompactRange tree = tree_;
  tree.Join(hasher_, cut);
  return tree.Root(hasher_);
}

}  // namespace aegis::ledger
