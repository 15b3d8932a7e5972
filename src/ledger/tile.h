#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// The tiles of a log (c2sp.org/tlog-tiles): its hashes and entries as files that never change, but
// that a partial one is followed by wider ones and at last by the full one.
namespace aegis::ledger {

inline constexpr unsigned kTileHeight = 8;
inline constexpr unsigned kTileWidth = 1U << kTileHeight;  // of a full tile
inline constexpr std::size_t kMaxTileEntry = 65535;        // bytes of an entry in a bundle

// Names a tile. Position i of hash tile `index` of level l holds the node of tree level 8 * l and
// index 256 * `index` + i; that of an entry bundle holds the entry of that index.
struct TileId {
  enum class Kind : std::uint8_t { kHashes, kEntries };
  Kind kind = Kind::kHashes;
  unsigned level = 0;  // 0 for entries
  std::uint64_t index = 0;
  unsigned width = kTileWidth;  // 1 to 256

  // A path below the log's prefix, in its one form; kInvalid for any other text and for tiles that
  // no tree of less than 2^63 entries has.
  static base::Result<TileId> Parse(std::string_view path);
  // tile/LEVEL/INDEX or tile/entries/INDEX, followed by .p/WIDTH for a partial one; an index such
  // as 1234067 is x001/x234/067.
  std::string Path() const;

  friend bool operator==(const TileId&, const TileId&) = default;
};

// Sees tiles one by one; false or an error stops.
using TileIdVisitor = std::function<base::Result<bool>(const TileId&)>;

// Visits the hash tiles that a tree of `size` entries has and one of `old_size` has not, or has
// narrower: from level 0 up, in each from the lowest index. The entry bundles are those of level 0.
base::Result<> VisitNewTiles(std::uint64_t old_size, std::uint64_t size,
                             const TileIdVisitor& visit);

// Appends an entry to a bundle: its length in two bytes, big-endian, and its bytes. kExhausted, and
// nothing appended, beyond kMaxTileEntry.
base::Result<> AppendBundleEntry(std::string& bundle, std::string_view entry);

// The entries of a bundle, views into it; kCorrupt unless there are exactly `width` of them.
base::Result<std::vector<std::string_view>> ParseBundle(std::string_view bundle, unsigned width);

}  // namespace aegis::ledger
