#pragma once

#include <cstdint>

#include "base/result.h"
#include "ledger/archive.h"
#include "ledger/store.h"

namespace aegis::ledger {

// How large a ledger is, and what of it is young.
struct LedgerSize {
  std::uint64_t store_bytes = 0;
  std::uint64_t journal_bytes = 0;  // of what is not stored yet, as the disk has it
  std::uint64_t stored = 0;         // entries; those of journals count nowhere here
  std::uint64_t recent = 0;         // those of them that are not older than asked
};

// Reads summaries of blocks, and entries only where these can't tell: of a block that has none, or
// that holds both young and old ones. Where that would be many blocks, the first entry of each
// further one speaks for it. Erased entries are taken for as old as their block.
base::Result<LedgerSize> MeasureLedger(Ledger& ledger, std::int64_t from_ms);

// The number of entries not older than `from_ms`, as MeasureLedger counts them.
base::Result<std::uint64_t> CountSince(Snapshot& snapshot, std::int64_t from_ms);

}  // namespace aegis::ledger
