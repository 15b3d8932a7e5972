#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ledger/entry.h"
#include "ledger/glob.h"

namespace aegis::ledger {

// Which entries to give. All that are set must hold.
struct QueryFilter {
  std::optional<std::uint64_t> last{};    // only the last so many that match
  std::optional<std::int64_t> from_ms{};  // inclusive
  std::optional<std::int64_t> to_ms{};    // exclusive
  std::optional<std::string> action{};    // payload.action, e.g. "FileRead"
  std::optional<std::string> decision{};  // payload.decision: "allow" or "deny", any case
  std::optional<std::string> session_id{};
  std::optional<std::string> principal{};   // the agent: user_id, or the session's config
  std::optional<std::string> event_type{};  // e.g. "ACTION_DECIDED"
  std::optional<std::string> text{};  // occurs in the payload or event type, ASCII case ignored
  std::optional<Glob> path{};         // matches payload.resource or payload.context.target
};

// Whether an entry passes everything but what needs more than the entry: `principal`, and which of
// those that match are wanted (`last`, `limit`, `cursor`). Of an erased entry nothing but its
// session can match.
bool Matches(const QueryFilter& filter, const EntryView& entry);

// A text as it stands inside a JSON string.
std::string JsonContents(std::string_view text);

}  // namespace aegis::ledger
