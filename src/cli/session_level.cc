#include "cli/session_level.h"

#include <span>
#include <string>
#include <utility>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/ledger.h"

namespace aegis::cli {

SessionLevel LevelIn(const ledger::EntryView& first) {
  if (first.erased) {
    return {};
  }
  auto name = canon::StringMember(first.payload, "level");
  if (!name && !canon::Member(first.payload, "level")) {
    name = "full";  // as everything was before there were levels
  }
  if (name != "full" && name != "writes") {
    return {};
  }
  return {.name = *std::move(name),
          .detail = canon::StringMember(first.payload, "level_detail").value_or("")};
}

base::Result<SessionLevels> ReadLevels(ledger::Ledger& ledger,
                                       std::span<const ledger::SessionInfo> sessions) {
  SessionLevels levels;
  AEGIS_TRY(
      ledger.FirstEntries(sessions, [&](const ledger::EntryView& entry) -> base::Result<bool> {
        levels.insert_or_assign(std::string(entry.session_id), LevelIn(entry));
        return true;
      }));
  return levels;
}

SessionLevel LevelOf(const SessionLevels& levels, const ledger::SessionInfo& info) {
  const auto found = levels.find(info.session.session_id);
  return found == levels.end() ? SessionLevel() : found->second;
}

std::string LevelText(const SessionLevel& level) {
  if (level.name == "writes") {
    return "writes (plain reads left no entries)";
  }
  if (level.name == "unknown") {
    return "unknown (the session's beginning was erased, or can't be read)";
  }
  return level.detail.empty() ? level.name : level.name + ", not writes as asked: " + level.detail;
}

}  // namespace aegis::cli
