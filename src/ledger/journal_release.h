#pragma once

// Internal to aegis::ledger.

#include <cstdint>

#include "base/result.h"
#include "base/unique_fd.h"
#include "ledger/journal.h"

namespace aegis::ledger {

// Gives the space of records that the store has back to the file system, while the journal is still
// written. One per sequencer.
//
// INVARIANT: of a journal whose records were released, the first that is kept is in the store and
// was on the disk before the mark `released` said so; and the mark was on the disk before anything
// in front of it was given back. So whatever a power cut leaves can be read from `released` on, and
// shows whether the store still has what it was given.
class JournalReleaser {
 public:
  // Releases once at least `every` bytes can be.
  explicit JournalReleaser(std::uint64_t every) : every_(every) {}

  // `last` is where the last record begins that the store has. An error means that the journal
  // could not be synced. A file system that can't give space back, or a reader that holds the
  // records, is none: the file then keeps what it has, or keeps it longer.
  base::Result<> Advance(const JournalReader& reader, std::uint64_t last);

 private:
  bool Open(const JournalReader& reader);
  bool PunchUpTo(std::uint64_t end);

  std::uint64_t every_;
  std::uint64_t released_ = 0;  // as in the header; 0: not looked at yet
  std::uint64_t punched_ = 0;
  bool off_ = false;
  base::UniqueFd fd_;
};

}  // namespace aegis::ledger
