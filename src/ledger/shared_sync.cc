#include "ledger/shared_sync.h"

#include <cstdint>
#include <utility>

#include "base/result.h"

namespace aegis::ledger {

bool SharedSync::IsOver(std::uint64_t end) const { return has_failed_ || synced_ >= end; }

void SharedSync::TakeTurn(const Sync& sync) {
  if (auto reached = sync()) {
    synced_ = *reached;
  } else {
    failure_ = std::move(reached).error();
    has_failed_ = true;
  }
}

// No lock, so that those whom a sync wakes need not queue for one.
base::Result<> SharedSync::Reach(std::uint64_t end, const Sync& sync) {
  while (!IsOver(end)) {
    const std::uint32_t turn = turns_;
    if (syncing_.exchange(true)) {
      // Whoever is syncing ends its turn after `turn` was read, so this can't sleep through it.
      turns_.wait(turn);
      continue;
    }
    if (!IsOver(end)) {
      TakeTurn(sync);
    }
    syncing_ = false;
    ++turns_;
    turns_.notify_all();
  }
  return has_failed_ ? base::Fail(*failure_) : base::Result<>();
}

}  // namespace aegis::ledger
