#include "ledger/sqlite/tree_writer.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/entry.h"
#include "ledger/merkle.h"
#include "ledger/sqlite/database.h"
#include "ledger/store.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

constexpr std::size_t kHashSize = 32;
constexpr unsigned kTileHeight = 8;  // a tile holds 2^8 hashes

std::string Joined(const std::vector<canon::Sha256>& hashes) {
  std::string bytes;
  for (const canon::Sha256& hash : hashes) {
    bytes += hash.view();
  }
  return bytes;
}

}  // namespace

Result<CompactRange> ReadTree(Database& database) {
  AEGIS_ASSIGN(Statement find, database.Prepare("SELECT size, nodes, (SELECT count(*) FROM tree) "
                                                "FROM tree WHERE id = 1"));
  AEGIS_ASSIGN(const bool found, find.Step());
  const RawValue size = found ? find.Raw(0) : RawValue{};
  const RawValue nodes = found ? find.Raw(1) : RawValue{};
  if (size.type != RawValue::Type::kInteger || size.integer < 0 || find.Integer(2) != 1 ||
      nodes.type != RawValue::Type::kBlob || nodes.bytes.size() % kHashSize != 0) {
    return Fail(Errc::kCorrupt, "the row of table tree is damaged");
  }
  std::vector<canon::Sha256> hashes(nodes.bytes.size() / kHashSize);
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    std::memcpy(hashes[i].bytes.data(), nodes.bytes.data() + i * kHashSize, kHashSize);
  }
  return CompactRange::FromNodes(static_cast<std::uint64_t>(size.integer), std::move(hashes));
}

Result<TreeWriter> TreeWriter::Prepare(Database& database) {
  TreeWriter writer;
  AEGIS_ASSIGN(
      writer.update_tree_,
      database.Prepare("UPDATE tree SET size = ?1, nodes = ?2 WHERE id = 1 AND size = ?3"));
  AEGIS_ASSIGN(writer.find_tile_,
               database.Prepare("SELECT hashes FROM tiles WHERE level = ?1 AND number = ?2"));
  AEGIS_ASSIGN(writer.put_tile_, database.Prepare("INSERT OR REPLACE INTO tiles (level, number, "
                                                  "hashes) VALUES (?1, ?2, ?3)"));
  return writer;
}

Result<> TreeWriter::Begin(Database& database) {
  grown_.clear();
  AEGIS_ASSIGN(before_, ReadTree(database));
  tree_ = before_;
  return {};
}

void TreeWriter::Append(const EntryView& entry) {
  leaf_.clear();
  AppendLeaf(leaf_, entry);
  tree_.Append(hasher_, hasher_.Leaf(leaf_),
               [this](unsigned level, std::uint64_t index, const canon::Sha256& hash) {
                 if (level % kTileHeight == 0) {
                   const auto tile = std::pair(static_cast<std::int64_t>(level / kTileHeight),
                                               static_cast<std::int64_t>(index >> kTileHeight));
                   grown_[tile] += hash.view();
                 }
               });
}

Result<> TreeWriter::SaveTiles() {
  for (const auto& [tile, hashes] : grown_) {
    std::string bytes;
    {
      const ResetGuard guard(find_tile_);
      AEGIS_ASSIGN(const bool found, find_tile_.Bind(1, tile.first).Bind(2, tile.second).Step());
      if (found) {
        bytes = find_tile_.Blob(0);
      }
    }
    bytes += hashes;
    AEGIS_TRY(put_tile_.Bind(1, tile.first)
                  .Bind(2, tile.second)
                  .BindBlob(3, std::string_view(bytes))
                  .Run());
  }
  return {};
}

Result<> TreeWriter::Save(Database& database) {
  AEGIS_TRY(SaveTiles());
  const std::string nodes = Joined(tree_.nodes());
  AEGIS_TRY(update_tree_.Bind(1, static_cast<std::int64_t>(tree_.size()))
                .BindBlob(2, std::string_view(nodes))
                .Bind(3, static_cast<std::int64_t>(before_.size()))
                .Run());
  if (database.changes() != 1) {
    return Fail(Errc::kConflict, "append: another writer moved the tree");
  }
  return {};
}

}  // namespace aegis::ledger
