#include "ledger/raw_filter.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "ledger/glob.h"
#include "ledger/grams.h"
#include "ledger/query.h"
#include "ledger/store.h"

namespace aegis::ledger {
namespace {

using Type = RawValue::Type;

// A member of a canonical object whose value is this string.
std::string MemberText(std::string_view key, std::string_view value) {
  return '"' + std::string(key) + "\":\"" + JsonContents(value) + '"';
}

std::string Lower(std::string_view text) {
  std::string lower;
  AppendLower(lower, text);
  return lower;
}

}  // namespace

RawFilter::RawFilter(const QueryFilter& filter)
    : filter_(filter),
      by_content_(filter.from_ms || filter.to_ms || filter.event_type || filter.text ||
                  filter.action || filter.decision || filter.path) {
  if (filter.action) {
    parts_.push_back(MemberText("action", *filter.action));
  }
  if (filter.decision) {
    lower_decision_ = Lower(MemberText("decision", *filter.decision));
  }
  if (filter.path) {
    for (const Glob::Literal& literal : filter.path->Literals()) {
      parts_.push_back(JsonContents(literal.text));
    }
  }
  if (filter.text) {
    lower_text_ = Lower(*filter.text);
    lower_text_as_json_ = Lower(JsonContents(*filter.text));
  }
}

bool RawFilter::MayMatch(const RawRow& row) {
  if (!row.unreadable.empty()) {
    return true;
  }
  if (filter_.session_id && row.session_id.type == Type::kText &&
      row.session_id.bytes != *filter_.session_id) {
    return false;
  }
  if (row.payload.type == Type::kNull) {
    return !by_content_;
  }
  if (row.ts_unix_ms.type == Type::kInteger &&
      ((filter_.from_ms && row.ts_unix_ms.integer < *filter_.from_ms) ||
       (filter_.to_ms && row.ts_unix_ms.integer >= *filter_.to_ms))) {
    return false;
  }
  if (filter_.event_type && row.event_type.type == Type::kText &&
      row.event_type.bytes != *filter_.event_type) {
    return false;
  }
  return row.payload.type != Type::kText || MayMatchPayload(row);
}

bool RawFilter::MayMatchPayload(const RawRow& row) {
  const std::string_view payload = row.payload.bytes;
  if (!std::ranges::all_of(parts_,
                           [payload](const std::string& part) { return payload.contains(part); })) {
    return false;
  }
  if (!filter_.text && !filter_.decision) {
    return true;
  }
  scratch_.clear();
  AppendLower(scratch_, payload);
  if (!scratch_.contains(lower_decision_)) {
    return false;
  }
  return !filter_.text || scratch_.contains(lower_text_as_json_) ||
         Lower(row.event_type.bytes).contains(lower_text_);
}

}  // namespace aegis::ledger
