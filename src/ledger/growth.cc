#include "ledger/growth.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "ledger/archive.h"
#include "ledger/block_query.h"
#include "ledger/block_summary.h"
#include "ledger/finding.h"
#include "ledger/query.h"
#include "ledger/recovery.h"
#include "ledger/store.h"

namespace aegis::ledger {
namespace {

using base::Result;

// Blocks whose entries are read: some tens of milliseconds.
constexpr int kMostRead = 16;

bool IsYoung(const RawRow& row, std::int64_t from_ms) {
  return row.ts_unix_ms.type == RawValue::Type::kInteger && row.ts_unix_ms.integer >= from_ms;
}

// What the summaries say of each block. Those of a damaged index are unknown: their entries tell.
class BlockAges {
 public:
  static Result<BlockAges> Read(Snapshot& snapshot, std::int64_t from_ms, std::int64_t last_row) {
    BlockAges ages(static_cast<std::size_t>(BlockOfRow(last_row)) + 1);
    AEGIS_TRY(ages.Ask(snapshot, {.from_ms = from_ms}, kMayBeYoung));
    AEGIS_TRY(ages.Ask(snapshot, {.to_ms = from_ms}, kMayBeOld));
    return ages;
  }

  std::size_t size() const { return ages_.size(); }
  bool OnlyYoung(std::size_t block) const { return ages_[block] == (kKnown | kMayBeYoung); }
  // An erased block is of no age, and counts as old.
  bool OnlyOld(std::size_t block) const {
    return (ages_[block] & (kKnown | kMayBeYoung)) == kKnown;
  }

 private:
  static constexpr unsigned kKnown = 1;
  static constexpr unsigned kMayBeYoung = 2;
  static constexpr unsigned kMayBeOld = 4;

  explicit BlockAges(std::size_t blocks) : ages_(blocks) {}

  Result<> Ask(Snapshot& snapshot, const QueryFilter& filter, unsigned age) {
    const BlockQuery query(filter);
    const BlockRange all{.first = 0, .last = static_cast<std::int64_t>(ages_.size()) - 1};
    auto read = snapshot.AskBlocks(all, StoreOrder::kLedger, query,
                                   [&](const BlockAnswer& answer) -> Result<bool> {
                                     const auto block = static_cast<std::size_t>(answer.number);
                                     ages_[block] |= kKnown | (answer.may_match ? age : 0U);
                                     return true;
                                   });
    if (!read && IsDamage(read.error())) {
      std::ranges::fill(ages_, 0U);
      return {};
    }
    return read;
  }

  std::vector<unsigned> ages_;
};

Result<std::uint64_t> CountYoung(Snapshot& snapshot, IdRange rows, std::int64_t from_ms) {
  std::uint64_t count = 0;
  AEGIS_TRY(snapshot.Scan(rows, StoreOrder::kLedger, [&](const RawRow& row) -> Result<bool> {
    count += IsYoung(row, from_ms) ? 1U : 0U;
    return true;
  }));
  return count;
}

// A missing journal was drained meanwhile.
std::uint64_t BytesOnDisk(const std::string& path) {
  constexpr std::uint64_t kBytesPerBlock = 512;
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0
             ? static_cast<std::uint64_t>(info.st_blocks) * kBytesPerBlock
             : 0;
}

}  // namespace

Result<std::uint64_t> CountSince(Snapshot& snapshot, std::int64_t from_ms) {
  AEGIS_ASSIGN(const std::int64_t last, snapshot.LastId());
  if (last == 0) {
    return 0;
  }
  AEGIS_ASSIGN(const BlockAges ages, BlockAges::Read(snapshot, from_ms, last));
  std::uint64_t count = 0;
  int read = 0;
  for (std::size_t left = ages.size(); left > 0; --left) {  // the youngest first
    const std::size_t block = left - 1;
    IdRange rows = RowsOfBlock(static_cast<std::int64_t>(block));
    rows.last = std::min(rows.last, last);
    const auto size = static_cast<std::uint64_t>(rows.last - rows.first + 1);
    if (ages.OnlyOld(block)) {
      continue;
    }
    if (ages.OnlyYoung(block)) {
      count += size;
    } else if (read < kMostRead) {
      ++read;
      AEGIS_ASSIGN(const std::uint64_t young, CountYoung(snapshot, rows, from_ms));
      count += young;
    } else {
      rows.last = rows.first;
      AEGIS_ASSIGN(const std::uint64_t young, CountYoung(snapshot, rows, from_ms));
      count += young * size;
    }
  }
  return count;
}

Result<LedgerSize> MeasureLedger(Ledger& ledger, std::int64_t from_ms) {
  LedgerSize size;
  AEGIS_ASSIGN(const auto journals, ListJournals(ledger.directory() + "/journal"));
  for (const std::string& path : journals) {
    size.journal_bytes += BytesOnDisk(path);
  }
  AEGIS_ASSIGN(const std::unique_ptr<Snapshot> snapshot, ledger.store().OpenSnapshot());
  AEGIS_ASSIGN(size.store_bytes, snapshot->Bytes());
  AEGIS_ASSIGN(const std::int64_t last, snapshot->LastId());
  size.stored = static_cast<std::uint64_t>(last);
  AEGIS_ASSIGN(size.recent, CountSince(*snapshot, from_ms));
  return size;
}

}  // namespace aegis::ledger
