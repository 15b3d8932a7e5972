#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>

#include "base/result.h"

namespace aegis::ledger {

// Group commit: threads that wait for a file to be synced share its syncs. One of them syncs for
// all that had written by then; those that come meanwhile wait for the next sync. Any thread.
class SharedSync {
 public:
  // Syncs the file and says up to which offset; runs in one thread at a time.
  using Sync = std::function<base::Result<std::uint64_t>()>;

  // Returns once a sync has succeeded that began after everything before `end` was written. After a
  // failed sync nobody knows what is on the disk: that error is returned from then on.
  base::Result<> Reach(std::uint64_t end, const Sync& sync);

 private:
  // Whether that is decided: by a failure, or because the disk has it.
  bool IsOver(std::uint64_t end) const;
  void TakeTurn(const Sync& sync);

  std::atomic<bool> syncing_ = false;
  std::atomic<std::uint32_t> turns_ = 0;  // ended; what the others wait for
  std::atomic<std::uint64_t> synced_ = 0;
  std::atomic<bool> has_failed_ = false;
  std::optional<base::Error> failure_;  // written once, before has_failed_
};

}  // namespace aegis::ledger
