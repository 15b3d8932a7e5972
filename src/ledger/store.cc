#include "ledger/store.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
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

Result<canon::Sha256> Digest(std::string_view column, const RawValue& value) {
  canon::Sha256 digest;
  if (value.type != RawValue::Type::kBlob || value.bytes.size() != digest.bytes.size()) {
    return Bad(column, "is not 32 bytes");
  }
  std::memcpy(digest.bytes.data(), value.bytes.data(), digest.bytes.size());
  return digest;
}

}  // namespace

Result<EntryView> ToPosition(const RawRow& row) {
  if (!row.unreadable.empty()) {
    return Fail(Errc::kCorrupt, "the row can't be read: " + row.unreadable);
  }
  EntryView entry;
  AEGIS_ASSIGN(entry.tenant_id, Text("tenant_id", row.tenant_id, kMaxIdLength));
  AEGIS_ASSIGN(entry.session_id, Text("session_id", row.session_id, kMaxIdLength));
  AEGIS_ASSIGN(const std::int64_t seq, Integer("seq", row.seq, 0));
  entry.seq = static_cast<std::uint64_t>(seq);
  AEGIS_ASSIGN(entry.hash, Digest("hash", row.hash));
  if (row.prev_hash.type != RawValue::Type::kNull) {
    AEGIS_ASSIGN(entry.prev_hash, Digest("prev_hash", row.prev_hash));
  }
  if (entry.prev_hash.has_value() == (seq == 0)) {
    return Bad("prev_hash", seq == 0 ? "is set at the chain's beginning" : "is missing");
  }
  return entry;
}

// What a purge takes away: all of it or nothing.
Result<> TakeContent(const RawRow& row, EntryView& entry) {
  if (row.payload.type == RawValue::Type::kNull) {
    entry.erased = true;
    for (const RawValue* value : {&row.user_id, &row.ts_unix_ms, &row.event_type}) {
      if (value->type != RawValue::Type::kNull) {
        return Bad("payload", "is missing");
      }
    }
    return {};
  }
  AEGIS_ASSIGN(entry.user_id, Text("user_id", row.user_id, kMaxIdLength));
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
  return {};
}

Result<EntryView> ToEntry(const RawRow& row) {
  AEGIS_ASSIGN(EntryView entry, ToPosition(row));
  AEGIS_TRY(TakeContent(row, entry));
  return entry;
}

}  // namespace aegis::ledger
