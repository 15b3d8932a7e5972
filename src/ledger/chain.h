#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "canon/canon.h"
#include "ledger/entry.h"

namespace aegis::ledger {

// Makes the entries of a session that go to the store without a journal, because nothing waits for
// them: each continues the one before. One thread.
class Chain {
 public:
  Chain(Identity identity, Clock clock)
      : identity_(std::move(identity)), clock_(std::move(clock)) {}

  // The next entry; `payload` is canonical. The view stays valid until the next call.
  EntryView Next(std::string_view event_type, std::string payload);

 private:
  Identity identity_;
  Clock clock_;
  Entry entry_;
  std::uint64_t next_seq_ = 0;
  canon::Sha256Hasher hasher_;
  std::string scratch_;
};

}  // namespace aegis::ledger
