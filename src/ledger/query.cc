#include "ledger/query.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "canon/canon.h"
#include "ledger/entry.h"
#include "ledger/glob.h"

namespace aegis::ledger {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool EqualIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return Lower(x) == Lower(y); });
}

bool ContainsIgnoringCase(std::string_view text, std::string_view wanted) {
  return std::search(text.begin(), text.end(), wanted.begin(), wanted.end(),
                     [](char x, char y) { return Lower(x) == Lower(y); }) != text.end();
}

bool MemberIs(const EntryView& entry, std::string_view key,
              const std::optional<std::string>& wanted, bool ignore_case) {
  if (!wanted) {
    return true;
  }
  const auto value = canon::StringMember(entry.payload, key);
  return value && (ignore_case ? EqualIgnoringCase(*value, *wanted) : *value == *wanted);
}

bool PathMatches(const Glob& path, std::string_view payload) {
  const auto matches = [&path](std::string_view object, std::string_view key) {
    const auto name = canon::StringMember(object, key);
    return name && path.Matches(*name);
  };
  if (matches(payload, "resource")) {
    return true;
  }
  const auto context = canon::Member(payload, "context");
  return context && matches(*context, "target");
}

}  // namespace

std::string JsonContents(std::string_view text) {
  std::string quoted;
  canon::AppendJsonString(quoted, text);
  return quoted.substr(1, quoted.size() - 2);
}

// `a` or `b` (after, before) and the position.
std::string QueryCursor::Text() const { return (before ? "b" : "a") + std::to_string(position); }

std::optional<QueryCursor> QueryCursor::Parse(std::string_view text) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 62U;
  QueryCursor cursor{.before = text.starts_with('b')};
  if (!cursor.before && !text.starts_with('a')) {
    return std::nullopt;
  }
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data() + 1, end, cursor.position);
  const bool whole = read.ec == std::errc() && read.ptr == end && cursor.position <= kMost;
  return whole && cursor.Text() == text ? std::optional(cursor) : std::nullopt;
}

bool Matches(const QueryFilter& filter, const EntryView& entry) {
  if (entry.erased && (filter.from_ms || filter.to_ms || filter.event_type || filter.text ||
                       filter.action || filter.decision || filter.path)) {
    return false;
  }
  if ((filter.from_ms && entry.ts_unix_ms < *filter.from_ms) ||
      (filter.to_ms && entry.ts_unix_ms >= *filter.to_ms) ||
      (filter.session_id && entry.session_id != *filter.session_id) ||
      (filter.event_type && entry.event_type != *filter.event_type)) {
    return false;
  }
  if (filter.text && !ContainsIgnoringCase(entry.event_type, *filter.text) &&
      !ContainsIgnoringCase(entry.payload, JsonContents(*filter.text))) {
    return false;
  }
  return MemberIs(entry, "action", filter.action, false) &&
         MemberIs(entry, "decision", filter.decision, true) &&
         (!filter.path || PathMatches(*filter.path, entry.payload));
}

}  // namespace aegis::ledger
