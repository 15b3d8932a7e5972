#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "ledger/recovery.h"
#include "ledger/store.h"

namespace aegis::ledger {

// One thing that is wrong with a ledger. Text may come from hostile rows: show it through
// base::ForDisplay.
struct Finding {
  std::string session_id{};           // as far as known
  std::optional<std::int64_t> seq{};  // as far as known
  std::optional<std::int64_t> id{};   // row id
  std::string what{};                 // e.g. "hash does not match the content"
};

struct VerifyReport {
  std::uint64_t entries = 0;  // entries looked at, those still in journals included
  std::uint64_t sessions = 0;
  std::uint64_t bad = 0;            // findings in all
  std::vector<Finding> findings{};  // the first kMaxFindings, the first bad entry first
  std::vector<JournalFinding> journals{};

  static constexpr std::size_t kMaxFindings = 20;
  bool ok() const { return bad == 0; }
};

// Recomputes every hash from the stored columns, every link, every derived row, over one snapshot
// and in bounded memory. Findings are in the report; an error means that it could not be done.
base::Result<VerifyReport> VerifySnapshot(Snapshot& snapshot);

}  // namespace aegis::ledger
