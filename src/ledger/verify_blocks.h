#pragma once

// Internal to aegis::ledger.

#include <cstdint>

#include "base/result.h"
#include "ledger/block_summary.h"
#include "ledger/entry.h"
#include "ledger/finding.h"
#include "ledger/store.h"

namespace aegis::ledger {

// Holds the stored summaries of blocks against the entries: a summary that lacks something would
// hide entries from queries. A block without a summary is fine, as is one with a bad entry.
class BlockCheck {
 public:
  // The next row of a reading that begins where a block does; null: it is no good entry. The last
  // row of a block has its summary looked at.
  base::Result<> Take(std::int64_t id, const EntryView* entry, Snapshot& snapshot,
                      Findings& findings);

 private:
  static base::Result<> Compare(const BlockSummary& made, std::int64_t number, Snapshot& snapshot,
                                Findings& findings);

  BlockSummaryBuilder builder_;
  std::int64_t block_ = -1;
  std::int64_t good_ = 0;  // entries of the block so far
};

// Finds summaries of blocks that a ledger with `last` rows does not have.
base::Result<> FindStrayBlocks(Snapshot& snapshot, std::int64_t last, Findings& findings);

}  // namespace aegis::ledger
