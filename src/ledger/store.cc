#include "ledger/store.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/text.h"
#include "canon/canon.h"
#include "ledger/entry.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

constexpr std::int64_t kMaxExact = std::int64_t{1} << 53U;

std::unexpected<base::Error> Bad(std::string_view column, std::string_view what) {
  return Fail(Errc::kCorrupt, std::string(column) + " " + std::string(what));
}

Result<std::string_view> Text(std::string_view column, const RawValue& value, std::size_t limit) {
  if (value.type != RawValue::Type::kText) {
    return Bad(column, "is not text");
  }
  if (value.bytes.size() > limit) {
    return Bad(column, "is too long");
  }
  if (!base::IsValidUtf8(value.bytes)) {
    return Bad(column, "is not valid UTF-8");
  }
  return value.bytes;
}

Result<std::int64_t> Integer(std::string_view column, const RawValue& value, std::int64_t least) {
  if (value.type != RawValue::Type::kInteger) {
    return Bad(column, "is not an integer");
  }
  if (value.integer < least || value.integer > kMaxExact) {
    return Bad(column, "is out of range");
  }
  return value.integer;
}

}  // namespace

Result<EntryView> ToEntry(const RawRow& row) {
  if (!row.unreadable.empty()) {
    return Fail(Errc::kCorrupt, "the row can't be read: " + row.unreadable);
  }
  EntryView entry;
  AEGIS_ASSIGN(entry.tenant_id, Text("tenant_id", row.tenant_id, kMaxIdLength));
  AEGIS_ASSIGN(entry.user_id, Text("user_id", row.user_id, kMaxIdLength));
  AEGIS_ASSIGN(entry.session_id, Text("session_id", row.session_id, kMaxIdLength));
  AEGIS_ASSIGN(const std::int64_t seq, Integer("seq", row.seq, 0));
  entry.seq = static_cast<std::uint64_t>(seq);
  AEGIS_ASSIGN(entry.ts_unix_ms, Integer("ts_unix_ms", row.ts_unix_ms, -kMaxExact));
  AEGIS_ASSIGN(entry.event_type, Text("event_type", row.event_type, kMaxIdLength));
  if (row.payload.type != RawValue::Type::kText) {
    return Bad("payload", "is not text");
  }
  if (row.payload.bytes.size() > kMaxPayload) {
    return Bad("payload", "is too long");
  }
  if (!canon::IsCanonicalObject(row.payload.bytes)) {
    return Bad("payload", "is not a canonical JSON object");
  }
  entry.payload = row.payload.bytes;
  AEGIS_ASSIGN(const std::string_view hex, Text("hash", row.hash, 64));
  const auto hash = canon::Sha256FromHex(hex);
  if (!hash) {
    return Bad("hash", "is not a SHA-256 in lower-case hex");
  }
  entry.hash = *hash;
  if (row.prev_hash.type == RawValue::Type::kNull) {
    return seq == 0 ? Result<EntryView>(entry) : Bad("prev_hash", "is missing");
  }
  AEGIS_ASSIGN(const std::string_view base64, Text("prev_hash", row.prev_hash, 44));
  entry.prev_hash = canon::Sha256FromBase64(base64);
  if (!entry.prev_hash) {
    return Bad("prev_hash", "is not a SHA-256 in base64");
  }
  return seq != 0 ? Result<EntryView>(entry) : Bad("prev_hash", "is set at the chain's beginning");
}

}  // namespace aegis::ledger
