#include "ledger/verify_blocks.h"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "ledger/block_query.h"
#include "ledger/block_summary.h"
#include "ledger/entry.h"
#include "ledger/finding.h"
#include "ledger/query.h"
#include "ledger/store.h"

namespace aegis::ledger {
namespace {

using base::Fail;
using base::Result;

void Add(Findings& findings, std::int64_t number, std::string what) {
  findings.Add({.kind = Finding::Kind::kDerived,
                .id = RowsOfBlock(number).first,
                .what = "the summary of the block of entries that begins here " + std::move(what)});
}

}  // namespace

Result<> BlockCheck::Take(std::int64_t id, const EntryView* entry, Snapshot& snapshot,
                          Findings& findings) {
  if (BlockOfRow(id) != block_) {
    block_ = BlockOfRow(id);
    good_ = 0;
    (void)builder_.Finish();
  }
  if (entry != nullptr) {
    builder_.Add(*entry);
    ++good_;
  }
  return good_ == kBlockEntries ? Compare(builder_.Finish(), block_, snapshot, findings)
                                : Result<>();
}

Result<> BlockCheck::Compare(const BlockSummary& made, std::int64_t number, Snapshot& snapshot,
                             Findings& findings) {
  auto stored = snapshot.Block(number);
  if (!stored && !IsDamage(stored.error())) {
    return Fail(std::move(stored).error());
  }
  if (!stored) {
    Add(findings, number, "can't be read: " + stored.error().message());
  } else if (*stored && **stored != made) {
    Add(findings, number, "differs from what they say: queries would pass over some of them");
  }
  return {};
}

Result<> FindStrayBlocks(Snapshot& snapshot, std::int64_t last, Findings& findings) {
  const BlockQuery anything{QueryFilter{}};
  const auto add = [&findings](const BlockAnswer& block) -> Result<bool> {
    findings.Add({.kind = Finding::Kind::kDerived,
                  .what = "the summary of block " + std::to_string(block.number) +
                          " is of entries that are not there"});
    return true;
  };
  const std::int64_t full = last / kBlockEntries;
  for (const BlockRange range :
       {BlockRange{.first = INT64_MIN, .last = -1}, BlockRange{.first = full, .last = INT64_MAX}}) {
    auto asked = snapshot.AskBlocks(range, StoreOrder::kLedger, anything, add);
    if (!asked && !IsDamage(asked.error())) {
      return asked;
    }
    if (!asked) {
      findings.Add({.kind = Finding::Kind::kDerived,
                    .what = "the summaries of blocks can't be read: " + asked.error().message()});
    }
  }
  return {};
}

}  // namespace aegis::ledger
