#pragma once

// Internal to aegis::ledger: tables `tree` and `tiles`.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/entry.h"
#include "ledger/merkle.h"
#include "ledger/sqlite/database.h"

namespace aegis::ledger {

// Reads the tree that stands in table `tree`; kCorrupt if what stands there is none.
base::Result<CompactRange> ReadTree(Database& database);

// Carries tree and tiles forward by the entries of one transaction: Begin, Append each, Save.
class TreeWriter {
 public:
  static base::Result<TreeWriter> Prepare(Database& database);

  base::Result<> Begin(Database& database);
  void Append(const EntryView& entry);
  // kConflict if another writer moved the tree meanwhile, which a transaction rules out.
  base::Result<> Save(Database& database);

  // Of the tree with what was appended.
  std::uint64_t size() const { return tree_.size(); }
  canon::Sha256 Root() { return tree_.Root(hasher_); }

 private:
  TreeWriter() = default;
  base::Result<> SaveTiles();

  Statement update_tree_;
  Statement find_tile_;
  Statement put_tile_;
  MerkleHasher hasher_;
  CompactRange before_;
  CompactRange tree_;
  // By level and number: hashes that came to a tile of level >= 1.
  std::map<std::pair<std::int64_t, std::int64_t>, std::string> grown_;
  std::string leaf_;
};

}  // namespace aegis::ledger
