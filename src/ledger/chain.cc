#include "ledger/chain.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "canon/canon.h"
#include "ledger/entry.h"

namespace aegis::ledger {

EntryView Chain::Next(std::string_view event_type, std::string payload) {
  const std::optional<canon::Sha256> before =
      next_seq_ == 0 ? std::nullopt : std::optional(entry_.hash);
  entry_ = {.identity = identity_,
            .seq = next_seq_++,
            .ts_unix_ms = clock_(),
            .event_type = std::string(event_type),
            .payload = std::move(payload),
            .prev_hash = before};
  entry_.hash = HashEntry(hasher_, entry_.view(), scratch_);
  return entry_.view();
}

}  // namespace aegis::ledger
