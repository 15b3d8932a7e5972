#pragma once

// Internal to aegis::ledger.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ledger/entry.h"
#include "ledger/journal.h"
#include "ledger/session.h"
#include "ledger/store.h"

namespace aegis::ledger {

// What journals hold that a snapshot of the store does not: the entries of running sessions that
// are not drained yet, and those of journals that can't be drained. Open before the snapshot is
// taken, Align after. A journal that vanishes in between was drained, so it has no tail.
class Tails {
 public:
  Tails() = default;
  static base::Result<Tails> Open(const std::string& journal_dir);

  // Finds where each journal goes beyond the store. Journals that don't fit are remembered, and
  // reported at the end of Visit.
  base::Result<> Align(Snapshot& snapshot);

  // All tails, one session after the other, each in order, up to what was committed at Open. Can be
  // repeated. A damaged journal gives what it holds before the damage, and kCorrupt at the end.
  base::Result<> Visit(const EntryVisitor& visit);

  // The sessions that have a tail, as they stand at its end.
  std::map<std::string, Session, std::less<>> Sessions() const;
  std::optional<Session> FindSession(std::string_view session_id) const;

 private:
  struct Tail {
    JournalReader reader;
    std::uint64_t committed = 0;
    JournalReader::Marks marks{};
    ChainPosition begin{};
    std::optional<Session> session{};
  };
  static base::Result<std::optional<Tail>> OpenOne(const std::string& path);
  static base::Result<> SeekToStored(Tail& tail, std::uint64_t committed);
  static base::Result<> AlignOne(Tail& tail, Snapshot& snapshot);

  std::vector<Tail> tails_;
  std::optional<base::Error> damage_;
};

}  // namespace aegis::ledger
