#include "ledger/envelope.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/entry.h"

namespace aegis::ledger {
namespace {

bool TakeString(canon::Cursor& cursor, std::string_view name, std::string& out) {
  std::string_view raw;
  if (!cursor.Literal(name) || !cursor.String(&raw)) {
    return false;
  }
  const std::string_view contents = raw.substr(1, raw.size() - 2);
  if (!contents.contains('\\')) {
    out = contents;
    return true;
  }
  auto decoded = canon::DecodeString(raw);
  if (decoded) {
    out = std::move(*decoded);
  }
  return decoded.has_value();
}

bool TakeDigest(canon::Cursor& cursor, bool hex, canon::Sha256& out) {
  std::string_view raw;
  if (!cursor.String(&raw)) {
    return false;
  }
  const std::string_view contents = raw.substr(1, raw.size() - 2);
  const auto digest = hex ? canon::Sha256FromHex(contents) : canon::Sha256FromBase64(contents);
  if (digest) {
    out = *digest;
  }
  return digest.has_value();
}

bool TakeInteger(canon::Cursor& cursor, std::string_view name, std::int64_t& out) {
  return cursor.Literal(name) && cursor.Integer(&out);
}

bool TakePayload(canon::Cursor& cursor, std::string& out) {
  std::string_view raw;
  if (!cursor.Literal(R"(,"payload":)") || !cursor.Value(&raw) || !raw.starts_with('{')) {
    return false;
  }
  out = raw;
  return true;
}

base::Result<Entry> Parse(std::string_view text, bool with_hash) {
  Entry entry;
  if (!ParseEnvelopeInto(text, with_hash, entry)) {
    return base::Fail(base::Errc::kCorrupt, "not an envelope in canonical form");
  }
  return entry;
}

}  // namespace

bool ParseEnvelopeInto(std::string_view text, bool with_hash, Entry& entry) {
  canon::Cursor cursor(text);
  if (!TakeString(cursor, R"({"event_type":)", entry.event_type) ||
      (with_hash && !(cursor.Literal(R"(,"hash":)") && TakeDigest(cursor, true, entry.hash))) ||
      !TakePayload(cursor, entry.payload)) {
    return false;
  }
  canon::Sha256 prev_hash;
  entry.prev_hash.reset();
  if (cursor.Literal(R"(,"prev_hash":)")) {
    if (!TakeDigest(cursor, false, prev_hash)) {
      return false;
    }
    entry.prev_hash = prev_hash;
  }
  std::int64_t seq = 0;
  if (!TakeInteger(cursor, R"(,"seq":)", seq) || seq < 0 ||
      (seq == 0) == entry.prev_hash.has_value()) {
    return false;
  }
  entry.seq = static_cast<std::uint64_t>(seq);
  return TakeString(cursor, R"(,"session_id":)", entry.identity.session_id) &&
         TakeString(cursor, R"(,"tenant_id":)", entry.identity.tenant_id) &&
         TakeInteger(cursor, R"(,"ts_unix_ms":)", entry.ts_unix_ms) &&
         TakeString(cursor, R"(,"user_id":)", entry.identity.user_id) && cursor.Literal("}") &&
         cursor.AtEnd();
}

base::Result<Entry> ParseEnvelope(std::string_view text) { return Parse(text, true); }

base::Result<Entry> ParseHashedEnvelope(std::string_view text) { return Parse(text, false); }

}  // namespace aegis::ledger
