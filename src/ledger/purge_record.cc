#include "ledger/purge_record.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "canon/canon.h"
#include "ledger/store.h"

namespace aegis::ledger {

void AppendErasedPayload(std::string& out, std::span<const IdRange> ids) {
  std::string_view before = R"({"ranges":[[)";
  for (const IdRange& range : ids) {
    out += before;
    canon::AppendJsonInteger(out, range.first - 1);
    out += ',';
    canon::AppendJsonInteger(out, range.last - 1);
    before = "],[";
  }
  out += "]]}";
}

std::optional<std::vector<IdRange>> ParseErasedPayload(std::string_view payload) {
  canon::Cursor cursor(payload);
  std::vector<IdRange> ids;
  if (!cursor.Literal(R"({"ranges":[)")) {
    return std::nullopt;
  }
  for (std::string_view before = "["; cursor.Literal(before); before = ",[") {
    IdRange range;
    if (!cursor.Integer(&range.first) || !cursor.Literal(",") || !cursor.Integer(&range.last) ||
        !cursor.Literal("]") || range.first < 0 || range.last < range.first) {
      return std::nullopt;
    }
    ids.push_back({.first = range.first + 1, .last = range.last + 1});
  }
  if (ids.empty() || !cursor.Literal("]}") || !cursor.AtEnd()) {
    return std::nullopt;
  }
  return ids;
}

void Normalize(std::vector<IdRange>& ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const IdRange& a, const IdRange& b) { return a.first < b.first; });
  std::size_t kept = 0;
  for (const IdRange& range : ranges) {
    if (kept > 0 && range.first <= ranges[kept - 1].last + 1) {
      ranges[kept - 1].last = std::max(ranges[kept - 1].last, range.last);
    } else {
      ranges[kept++] = range;
    }
  }
  ranges.resize(kept);
}

}  // namespace aegis::ledger
