#pragma once

// Internal to aegis::ledger: which rows of a store a query has to read.

#include <cstdint>
#include <functional>
#include <vector>

#include "base/result.h"
#include "ledger/block_query.h"
#include "ledger/query.h"
#include "ledger/store.h"

namespace aegis::ledger {

// Sees a run of rows; false stops.
using IdRangeChooser = std::function<base::Result<bool>(IdRange)>;

// The rows among which all stored matches of a filter are. All that the summaries of blocks don't
// rule out: so are blocks that have none, as those at the ledger's end.
class Candidates {
 public:
  // Of the filter's cursor nothing is known here: `within` bounds the rows.
  static base::Result<Candidates> Plan(Snapshot& snapshot, const QueryFilter& filter,
                                       IdRange within);

  // In runs that do not overlap, in order; within a run all rows are to be read.
  base::Result<> Visit(Snapshot& snapshot, StoreOrder order, const IdRangeChooser& visit) const;

 private:
  explicit Candidates(const QueryFilter& filter) : query_(filter) {}
  bool MayMatch(const BlockAnswer& block) const;
  base::Result<bool> VisitBlock(const BlockAnswer& block, StoreOrder order,
                                const IdRangeChooser& visit) const;
  base::Result<bool> VisitRows(IdRange rows, const IdRangeChooser& visit) const;

  BlockQuery query_;
  IdRange rows_{};
  bool of_principal_ = false;
  // For each block: whether a session with the configuration has an entry there.
  std::vector<bool> with_config_;
};

}  // namespace aegis::ledger
