#include "ledger/query.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "canon/canon.h"
#include "ledger/entry.h"

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

// A text as it looks inside the JSON of a payload.
std::string AsJson(std::string_view text) {
  std::string quoted;
  canon::AppendJsonString(quoted, text);
  return quoted.substr(1, quoted.size() - 2);
}

bool MemberIs(const EntryView& entry, std::string_view key,
              const std::optional<std::string>& wanted, bool ignore_case) {
  if (!wanted) {
    return true;
  }
  const auto value = canon::StringMember(entry.payload, key);
  return value && (ignore_case ? EqualIgnoringCase(*value, *wanted) : *value == *wanted);
}

}  // namespace

bool Matches(const QueryFilter& filter, const EntryView& entry) {
  if ((filter.from_ms && entry.ts_unix_ms < *filter.from_ms) ||
      (filter.to_ms && entry.ts_unix_ms >= *filter.to_ms) ||
      (filter.session_id && entry.session_id != *filter.session_id) ||
      (filter.event_type && entry.event_type != *filter.event_type)) {
    return false;
  }
  if (filter.text && !ContainsIgnoringCase(entry.event_type, *filter.text) &&
      !ContainsIgnoringCase(entry.payload, AsJson(*filter.text))) {
    return false;
  }
  return MemberIs(entry, "action", filter.action, false) &&
         MemberIs(entry, "decision", filter.decision, true);
}

}  // namespace aegis::ledger
