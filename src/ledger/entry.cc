#include "ledger/entry.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "canon/canon.h"

namespace aegis::ledger {
namespace {

bool IsSessionIdCharacter(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
         c == '_' || c == '.';
}

void AppendPrevHash(std::string& out, const EntryView& entry) {
  if (entry.prev_hash) {
    out += R"(,"prev_hash":")";
    canon::AppendBase64(out, entry.prev_hash->view());
    out += '"';
  }
}

void AppendPosition(std::string& out, const EntryView& entry) {
  out += R"(,"seq":)";
  canon::AppendJsonInteger(out, static_cast<std::int64_t>(entry.seq));
  out += R"(,"session_id":)";
  canon::AppendJsonString(out, entry.session_id);
  out += R"(,"tenant_id":)";
  canon::AppendJsonString(out, entry.tenant_id);
}

void AppendRemains(std::string& out, const EntryView& entry) {
  out += R"({"erased":true,"hash":")";
  canon::AppendHex(out, entry.hash.view());
  out += '"';
  AppendPrevHash(out, entry);
  AppendPosition(out, entry);
  out += '}';
}

void AppendFields(std::string& out, const EntryView& entry, bool with_hash) {
  out += R"({"event_type":)";
  canon::AppendJsonString(out, entry.event_type);
  if (with_hash) {
    out += R"(,"hash":")";
    canon::AppendHex(out, entry.hash.view());
    out += '"';
  }
  out += R"(,"payload":)";
  out += entry.payload;
  AppendPrevHash(out, entry);
  AppendPosition(out, entry);
  out += R"(,"ts_unix_ms":)";
  canon::AppendJsonInteger(out, entry.ts_unix_ms);
  out += R"(,"user_id":)";
  canon::AppendJsonString(out, entry.user_id);
  out += '}';
}

}  // namespace

std::int64_t SystemClock() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

void AppendEnvelope(std::string& out, const EntryView& entry) {
  if (entry.erased) {
    AppendRemains(out, entry);
  } else {
    AppendFields(out, entry, true);
  }
}

void AppendLeaf(std::string& out, const EntryView& entry) {
  out += R"({"hash":")";
  canon::AppendHex(out, entry.hash.view());
  out += '"';
  AppendPosition(out, entry);
  out += '}';
}

void AppendHashedEnvelope(std::string& out, const EntryView& entry) {
  AppendFields(out, entry, false);
}

canon::Sha256 HashEntry(canon::Sha256Hasher& hasher, const EntryView& entry, std::string& scratch) {
  scratch.clear();
  AppendHashedEnvelope(scratch, entry);
  return hasher.Hash(scratch);
}

EntryView Entry::view() const {
  return {.tenant_id = identity.tenant_id,
          .user_id = identity.user_id,
          .session_id = identity.session_id,
          .seq = seq,
          .ts_unix_ms = ts_unix_ms,
          .event_type = event_type,
          .payload = payload,
          .prev_hash = prev_hash,
          .hash = hash};
}

bool IsValidSessionId(std::string_view id) {
  return !id.empty() && id.size() <= 128 && id.front() != '.' &&
         std::all_of(id.begin(), id.end(), IsSessionIdCharacter);
}

base::Result<std::string> NewSessionId(std::int64_t now_ms) {
  std::array<std::uint8_t, 16> bytes{};
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return base::FailErrno("make a session id");
  }
  // RFC 9562: 48 bits of time, version 7, variant 2, random otherwise.
  for (std::size_t i = 0; i < 6; ++i) {
    bytes.at(i) = static_cast<std::uint8_t>(now_ms >> (40 - 8 * i));
  }
  bytes[6] = static_cast<std::uint8_t>(0x70U | (bytes[6] & 0x0fU));
  bytes[8] = static_cast<std::uint8_t>(0x80U | (bytes[8] & 0x3fU));
  std::string id;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    id += i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "";
    const char byte = static_cast<char>(bytes.at(i));
    canon::AppendHex(id, {&byte, 1});
  }
  return id;
}

}  // namespace aegis::ledger
