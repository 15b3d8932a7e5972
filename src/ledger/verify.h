#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "ledger/finding.h"
#include "ledger/recovery.h"
#include "ledger/store.h"

namespace aegis::ledger {

struct VerifyReport {
  std::uint64_t entries = 0;  // entries looked at, those still in journals included
  std::uint64_t sessions = 0;
  std::uint64_t erased = 0;  // entries whose content was purged, on record
  std::uint64_t checkpoints = 0;
  Findings findings{};  // the first bad entry first
  std::vector<JournalFinding> journals{};

  bool ok() const { return findings.count() == 0; }
};

struct VerifyOptions {
  unsigned threads = 0;  // that read and hash; 0: one for each processor
  // Told now and then, on the caller's thread, how many rows of how many are done.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress{};
};

// Opens one more connection to the store that is being verified; called on the caller's thread.
using StoreOpener = std::function<base::Result<std::unique_ptr<Store>>()>;

// Recomputes every hash from the stored columns, every link, the tree, every derived row, over one
// snapshot and in bounded memory, on several threads with a connection each. Findings are in the
// report; an error means that it could not be done.
base::Result<VerifyReport> VerifySnapshot(Snapshot& snapshot, const StoreOpener& open,
                                          const VerifyOptions& options);

}  // namespace aegis::ledger
