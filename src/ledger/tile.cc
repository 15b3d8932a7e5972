#include "ledger/tile.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ledger/lines.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

constexpr std::string_view kRoot = "tile/";
constexpr std::string_view kEntries = "entries";
constexpr std::string_view kPartial = ".p/";
constexpr std::uint64_t kIndexBase = 1000;  // an index is written in groups of three digits
constexpr std::size_t kIndexDigits = 3;
constexpr unsigned kMaxLevel = 62 / kTileHeight;

// How many nodes of a tile level a tree has, each over a full tile below (or an entry).
std::uint64_t NodesAt(unsigned level, std::uint64_t size) { return size >> (kTileHeight * level); }

std::string ThreeDigits(std::uint64_t value) {
  const std::string digits = std::to_string(value);
  return std::string(kIndexDigits - digits.size(), '0') + digits;
}

std::string IndexPath(std::uint64_t index) {
  std::string path = ThreeDigits(index % kIndexBase);
  for (index /= kIndexBase; index > 0; index /= kIndexBase) {
    path.insert(0, 'x' + ThreeDigits(index % kIndexBase) + '/');
  }
  return path;
}

// The number that such a path stands for, whether or not it is in its one form.
std::optional<std::uint64_t> ParseIndexPath(std::string_view path) {
  std::string digits;
  for (; path.starts_with('x') && path.size() > kIndexDigits + 2;
       path.remove_prefix(kIndexDigits + 2)) {
    digits += path.substr(1, kIndexDigits);
  }
  digits += path;
  const std::size_t first = digits.find_first_not_of('0');
  return ParseDecimal(first == std::string::npos ? "0" : std::string_view(digits).substr(first));
}

// Whether some tree of at most kMaxTreeSize entries has the tile.
bool CanExist(const TileId& tile) {
  if (tile.level > kMaxLevel || tile.width == 0 || tile.width > kTileWidth) {
    return false;
  }
  const std::uint64_t most = NodesAt(tile.level, kMaxTreeSize);
  return tile.width <= most && tile.index <= (most - tile.width) / kTileWidth;
}

// Takes `.p/WIDTH` from the end of `path`, if it is there, and gives the width.
std::optional<std::uint64_t> TakeWidth(std::string_view& path) {
  const std::size_t at = path.find(kPartial);
  if (at == std::string_view::npos) {
    return kTileWidth;
  }
  const auto width = ParseDecimal(path.substr(at + kPartial.size()));
  path = path.substr(0, at);
  return width && *width < kTileWidth ? width : std::nullopt;
}

}  // namespace

Result<TileId> TileId::Parse(std::string_view path) {
  const auto malformed = [] { return Fail(Errc::kInvalid, "not the path of a tile"); };
  const std::string_view whole = path;
  if (!path.starts_with(kRoot)) {
    return malformed();
  }
  path.remove_prefix(kRoot.size());
  const std::size_t slash = path.find('/');
  if (slash == std::string_view::npos) {
    return malformed();
  }
  const bool entries = path.substr(0, slash) == kEntries;
  const auto level = entries ? 0 : ParseDecimal(path.substr(0, slash));
  path.remove_prefix(slash + 1);
  const auto width = TakeWidth(path);
  const auto index = ParseIndexPath(path);
  if (!level || *level > kMaxLevel || !width || !index) {
    return malformed();
  }
  const TileId tile = {.kind = entries ? Kind::kEntries : Kind::kHashes,
                       .level = static_cast<unsigned>(*level),
                       .index = *index,
                       .width = static_cast<unsigned>(*width)};
  // Writing it again finds all that is not the one form.
  if (!CanExist(tile) || tile.Path() != whole) {
    return malformed();
  }
  return tile;
}

std::string TileId::Path() const {
  std::string path(kRoot);
  path += kind == Kind::kEntries ? std::string(kEntries) : std::to_string(level);
  path += '/';
  path += IndexPath(index);
  if (width < kTileWidth) {
    path += kPartial;
    path += std::to_string(width);
  }
  return path;
}

Result<> VisitNewTiles(std::uint64_t old_size, std::uint64_t size, const TileIdVisitor& visit) {
  for (unsigned level = 0; level <= kMaxLevel && NodesAt(level, size) > 0; ++level) {
    const std::uint64_t nodes = NodesAt(level, size);
    const std::uint64_t old_nodes = NodesAt(level, old_size);
    // A tile that was partial is visited again if it has grown.
    for (std::uint64_t first = old_nodes - old_nodes % kTileWidth;
         first < nodes && old_nodes < nodes; first += kTileWidth) {
      const std::uint64_t rest = nodes - first;
      const TileId tile = {.level = level,
                           .index = first / kTileWidth,
                           .width = rest < kTileWidth ? static_cast<unsigned>(rest) : kTileWidth};
      AEGIS_ASSIGN(const bool more, visit(tile));
      if (!more) {
        return {};
      }
    }
  }
  return {};
}

Result<> AppendBundleEntry(std::string& bundle, std::string_view entry) {
  if (entry.size() > kMaxTileEntry) {
    return Fail(Errc::kExhausted, "the entry is longer than a bundle can hold: " +
                                      std::to_string(entry.size()) + " bytes");
  }
  bundle += static_cast<char>(entry.size() >> 8U);
  bundle += static_cast<char>(entry.size() & 0xffU);
  bundle += entry;
  return {};
}

Result<std::vector<std::string_view>> ParseBundle(std::string_view bundle, unsigned width) {
  std::vector<std::string_view> entries;
  while (!bundle.empty()) {
    if (entries.size() == width || bundle.size() < 2) {
      return Fail(Errc::kCorrupt, "the bundle has bytes behind its last entry");
    }
    const auto byte = [bundle](std::size_t at) { return static_cast<std::uint8_t>(bundle[at]); };
    const std::size_t size = static_cast<std::size_t>(byte(0)) * 256 + byte(1);
    bundle.remove_prefix(2);
    if (bundle.size() < size) {
      return Fail(Errc::kCorrupt, "the last entry of the bundle is cut short");
    }
    entries.push_back(bundle.substr(0, size));
    bundle.remove_prefix(size);
  }
  if (entries.size() != width) {
    return Fail(Errc::kCorrupt, "the bundle has fewer entries than its name says");
  }
  return entries;
}

}  // namespace aegis::ledger
