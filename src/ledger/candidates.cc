#include "ledger/candidates.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "ledger/block_summary.h"
#include "ledger/finding.h"
#include "ledger/grams.h"
#include "ledger/query.h"
#include "ledger/session.h"
#include "ledger/store.h"

namespace aegis::ledger {

using base::Result;

namespace {

// For each block up to that of row `last`: whether a session with this configuration has an entry
// there.
Result<std::vector<bool>> BlocksOf(Snapshot& snapshot, const std::string& config,
                                   std::int64_t last) {
  const auto size = static_cast<std::size_t>(BlockOfRow(last)) + 1;
  std::vector<std::int64_t> begun(size + 1);  // sessions that begin there, less those that ended
  AEGIS_TRY(snapshot.SessionsOf(config, [&begun, last](IdRange rows) {
    // The table may have been tampered with.
    rows = {.first = std::max<std::int64_t>(rows.first, 1), .last = std::min(rows.last, last)};
    if (rows.first <= rows.last) {
      ++begun[static_cast<std::size_t>(BlockOfRow(rows.first))];
      --begun[static_cast<std::size_t>(BlockOfRow(rows.last)) + 1];
    }
  }));
  std::vector<bool> present(size);
  std::int64_t open = 0;
  for (std::size_t block = 0; block < size; ++block) {
    open += begun[block];
    present[block] = open > 0;
  }
  return present;
}

}  // namespace

Result<Candidates> Candidates::Plan(Snapshot& snapshot, const QueryFilter& filter, IdRange within) {
  Candidates made(filter);
  AEGIS_ASSIGN(const std::int64_t last, snapshot.LastId());
  made.rows_ = {.first = std::max<std::int64_t>(within.first, 1),
                .last = std::min(within.last, last)};
  if (filter.session_id) {
    AEGIS_ASSIGN(const std::optional<Session> session, snapshot.FindSession(*filter.session_id));
    made.rows_.first = std::max(made.rows_.first, session ? session->first_id : 1);
    made.rows_.last = std::min(made.rows_.last, session ? session->last_id : 0);
  }
  if (filter.principal && last > 0) {
    made.of_principal_ = true;
    AEGIS_ASSIGN(made.with_config_, BlocksOf(snapshot, *filter.principal, last));
  }
  return made;
}

Result<> Candidates::Visit(Snapshot& snapshot, StoreOrder order,
                           const IdRangeChooser& visit) const {
  if (rows_.first > rows_.last) {
    return {};
  }
  const bool reversed = order == StoreOrder::kLedgerReversed;
  const BlockRange blocks{.first = BlockOfRow(rows_.first), .last = BlockOfRow(rows_.last)};
  std::int64_t next = reversed ? blocks.last : blocks.first;
  bool stopped = false;
  bool failed = false;  // in `visit`
  // Blocks without a summary, from `next` to before `number`.
  const auto visit_before = [&](std::int64_t number) -> Result<> {
    const auto low = reversed ? number + 1 : next;
    const auto high = reversed ? next : number - 1;
    if (low <= high) {
      AEGIS_ASSIGN(
          const bool more,
          VisitRows({.first = RowsOfBlock(low).first, .last = RowsOfBlock(high).last}, visit));
      stopped = !more;
    }
    next = reversed ? number - 1 : number + 1;
    return {};
  };
  auto read =
      snapshot.AskBlocks(blocks, order, query_, [&](const BlockAnswer& block) -> Result<bool> {
        failed = true;  // unless we come to the end
        AEGIS_TRY(visit_before(block.number));
        if (!stopped && MayMatch(block)) {
          AEGIS_ASSIGN(const bool more, VisitBlock(block, order, visit));
          stopped = !more;
        }
        failed = false;
        return !stopped;
      });
  // Where the summaries can't be read, the entries themselves are.
  if (!read && (failed || !IsDamage(read.error()))) {
    return read;
  }
  return stopped ? Result<>() : visit_before(reversed ? blocks.first - 1 : blocks.last + 1);
}

bool Candidates::MayMatch(const BlockAnswer& block) const {
  return block.may_match && (!of_principal_ || block.may_have_user ||
                             with_config_[static_cast<std::size_t>(block.number)]);
}

Result<bool> Candidates::VisitBlock(const BlockAnswer& block, StoreOrder order,
                                    const IdRangeChooser& visit) const {
  const IdRange rows = RowsOfBlock(block.number);
  if (!block.denials) {
    return VisitRows(rows, visit);
  }
  const auto denied = [&block](std::int64_t at) {
    return at >= 0 && at < kBlockEntries && HasBit(*block.denials, static_cast<std::size_t>(at));
  };
  const bool reversed = order == StoreOrder::kLedgerReversed;
  const std::int64_t step = reversed ? -1 : 1;
  for (std::int64_t at = reversed ? kBlockEntries - 1 : 0; at >= 0 && at < kBlockEntries;
       at += step) {
    if (!denied(at)) {
      continue;
    }
    const std::int64_t begin = at;
    while (denied(at + step)) {
      at += step;
    }
    AEGIS_ASSIGN(const bool more, VisitRows({.first = rows.first + std::min(begin, at),
                                             .last = rows.first + std::max(begin, at)},
                                            visit));
    if (!more) {
      return false;
    }
  }
  return true;
}

Result<bool> Candidates::VisitRows(IdRange rows, const IdRangeChooser& visit) const {
  rows = {.first = std::max(rows.first, rows_.first), .last = std::min(rows.last, rows_.last)};
  return rows.first <= rows.last ? visit(rows) : Result<bool>(true);
}

}  // namespace aegis::ledger
