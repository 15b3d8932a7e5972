#pragma once

// Internal to aegis::ledger.

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "ledger/finding.h"
#include "ledger/session.h"
#include "ledger/store.h"
#include "ledger/verify_chunk.h"

namespace aegis::ledger {

// Follows sessions from chunk to chunk, and holds each, once it is whole, against its row in table
// `sessions`. Keeps only the sessions that are not whole yet.
class SessionCheck {
 public:
  SessionCheck(Snapshot& snapshot, Findings& findings) : snapshot_(snapshot), findings_(findings) {}

  // Chunks in their order. An error: the store could not be read.
  base::Result<> Take(Chunk& chunk);
  // After the last one: sessions that are not whole, and rows without entries.
  base::Result<> Finish();

  std::uint64_t sessions() const { return sessions_; }

 private:
  struct Open {
    Session session{};
    std::optional<Session> stored{};
    bool bad = false;
  };

  base::Result<> TakePart(SessionPart& part);
  base::Result<Open> Begin(SessionPart& part);
  void Continue(Open& open, const SessionPart& part);
  void CloseIfWhole(std::map<std::string, Open, std::less<>>::iterator at);
  void CloseAll();
  base::Result<> NameStrayRows();
  base::Result<bool> HasItsEntries(const Session& session);
  void Add(Finding::Kind kind, const Session& session, std::string what);

  Snapshot& snapshot_;
  Findings& findings_;
  std::map<std::string, Open, std::less<>> open_;
  std::uint64_t sessions_ = 0;  // seen
  std::uint64_t rows_ = 0;      // of table sessions that belong to them
  std::uint64_t lost_ = 0;      // rows that may explain a gap
};

}  // namespace aegis::ledger
