#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "ledger/entry.h"
#include "ledger/glob.h"

namespace aegis::ledger {

// A place in a ledger at which a query goes on. Opaque to users, as text.
struct QueryCursor {
  bool before = false;         // entries before `position` (of `last`), else those behind it
  std::uint64_t position = 0;  // an entry's place in ledger order, from 1

  std::string Text() const;
  static std::optional<QueryCursor> Parse(std::string_view text);
  friend bool operator==(const QueryCursor&, const QueryCursor&) = default;
};

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
  // The first so many that match and are stored; not together with `last`.
  std::optional<std::uint64_t> limit{};
  // Where the page before ended, from QueryPage: of a query with `last` if this one has it.
  std::optional<QueryCursor> cursor{};
  bool stored_only = false;  // not what running sessions have not stored yet
};

// What there is to know of a query's answer besides the entries.
struct QueryPage {
  // Where to go on: set if `limit` or `last` cut the answer short, or may have.
  std::optional<QueryCursor> next{};
  // Without `last`: all entries up to this place were looked at.
  std::uint64_t searched = 0;
};

// Sees a matching entry and its place in ledger order, from 1: none while it is not stored. False
// stops without error.
using FoundVisitor =
    std::function<base::Result<bool>(const EntryView&, std::optional<std::uint64_t> position)>;

// Whether an entry passes everything but what needs more than the entry: `principal`, and which of
// those that match are wanted (`last`, `limit`, `cursor`, `stored_only`). Of an erased entry
// nothing but its session can match.
bool Matches(const QueryFilter& filter, const EntryView& entry);

// A text as it stands inside a JSON string.
std::string JsonContents(std::string_view text);

}  // namespace aegis::ledger
