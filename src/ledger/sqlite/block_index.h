#pragma once

// Internal to aegis::ledger: table `blocks`.

#include <cstdint>
#include <optional>
#include <set>

#include "base/result.h"
#include "ledger/block_query.h"
#include "ledger/block_summary.h"
#include "ledger/sqlite/database.h"
#include "ledger/store.h"

namespace aegis::ledger {

// Keeps the summaries of full blocks complete. Belongs to one store.
class BlockIndex {
 public:
  static base::Result<BlockIndex> Prepare(Database& database);

  // Makes those that are missing, each in a transaction of its own: a block's entries must not be
  // erased while it is read. Cheap if there is nothing to do. Blocks with a row that is no entry
  // get none.
  base::Result<> Complete(Database& database);

 private:
  BlockIndex() = default;
  base::Result<std::set<std::int64_t>> Missing(Database& database, std::int64_t full);
  base::Result<> Make(Database& database, std::int64_t number);

  Statement find_size_;
  std::int64_t complete_ = 0;         // blocks before this one need nothing any more
  std::set<std::int64_t> damaged_{};  // those that get none
};

// Drops the summaries of all blocks that have an entry in `range`, within the caller's transaction:
// its content is going to change.
base::Result<> ForgetBlocks(Database& database, IdRange range);

// Snapshot::AskBlocks and Snapshot::Block.
base::Result<> AskBlocks(Database& database, BlockRange range, StoreOrder order,
                         const BlockQuery& query, const BlockVisitor& visit);
base::Result<std::optional<BlockSummary>> ReadBlock(Database& database, std::int64_t number);

}  // namespace aegis::ledger
