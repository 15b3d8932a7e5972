#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>

#include "base/result.h"
#include "ledger/ledger.h"

namespace aegis::cli {

// At which recording level a session ran, as its beginning says.
struct SessionLevel {
  std::string name = "unknown";  // or "full", or "writes": plain reads left no entries
  std::string detail{};          // why not the level that was asked for; may hold anything

  friend bool operator==(const SessionLevel&, const SessionLevel&) = default;
};

// Of the first entry of a session. "unknown" if it was erased, or names a level that there is not.
SessionLevel LevelIn(const ledger::EntryView& first);

// By session id. Without those whose beginning can't be read.
using SessionLevels = std::map<std::string, SessionLevel, std::less<>>;
base::Result<SessionLevels> ReadLevels(ledger::Ledger& ledger,
                                       std::span<const ledger::SessionInfo> sessions);

// That of one of them; "unknown" if it is not there.
SessionLevel LevelOf(const SessionLevels& levels, const ledger::SessionInfo& info);

// "full", "writes (plain reads left no entries)", "full, not writes as asked: WHY", or "unknown
// (WHY)". Make it harmless before it is shown.
std::string LevelText(const SessionLevel& level);

}  // namespace aegis::cli
