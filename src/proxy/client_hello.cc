#include "proxy/client_hello.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "proxy/byte_reader.h"
#include "proxy/bytes.h"
#include "proxy/host_name.h"
#include "proxy/parsed.h"

namespace aegis::proxy {
namespace {

constexpr std::uint8_t kHandshakeRecord = 0x16;
constexpr std::uint8_t kMajorVersion = 3;
constexpr std::uint8_t kClientHelloMessage = 1;
constexpr std::uint8_t kOldHello = 0x80;  // the length's top bit in SSLv2
constexpr std::size_t kRecordHeader = 5;
constexpr std::size_t kLongestRecord = 16384;
constexpr std::size_t kMessageHeader = 4;
constexpr std::size_t kLongestMessage = 16384;

constexpr std::uint16_t kTls10 = 0x0301;
constexpr std::uint16_t kTls12 = 0x0303;  // what TLS 1.3 says, too
constexpr std::size_t kRandomBytes = 32;
constexpr std::size_t kLongestSessionId = 32;
constexpr std::uint8_t kHostNameType = 0;

constexpr std::uint16_t kServerName = 0;
constexpr std::uint16_t kAlpn = 16;
constexpr std::uint16_t kEarlyData = 42;

constexpr std::string_view kMalformed = "malformed ClientHello";

// RFC 9849 and its drafts; each draft had a number of its own from the eighth on.
bool HidesTheName(std::uint16_t extension) {
  constexpr std::uint16_t kDraft8 = 0xfe08;
  constexpr std::uint16_t kEncryptedClientHello = 0xfe0d;
  constexpr std::uint16_t kDraft7 = 0xff02;
  constexpr std::uint16_t kDraft8Unpublished = 0xff08;
  constexpr std::uint16_t kEncryptedServerName = 0xffce;  // drafts up to the sixth
  return (extension >= kDraft8 && extension <= kEncryptedClientHello) || extension == kDraft7 ||
         extension == kDraft8Unpublished || extension == kEncryptedServerName;
}

// The handshake message with its header, out of its records.
struct Joined {
  Bytes message{};
  std::size_t size = 0;  // of the records
};

Refused Because(std::string_view reason) { return {.reason = reason}; }

// The start of a record that is to belong to the message: its length, which is never 0.
Parsed<std::size_t> ReadRecordHeader(std::span<const std::uint8_t> bytes, bool first) {
  ByteReader reader(bytes);
  const std::uint8_t type = reader.Number8();
  if (!reader.ok()) {
    return NeedMore{};
  }
  if (type != kHandshakeRecord) {
    return Because(first ? "not TLS" : "a record of another type inside the ClientHello");
  }
  const std::uint8_t major = reader.Number8();
  if (reader.ok() && major != kMajorVersion) {
    return Because(first ? "not TLS" : "malformed TLS record");
  }
  static_cast<void>(reader.Number8());  // to be ignored (RFC 8446 §5.1)
  const std::size_t length = reader.Number16();
  if (!reader.ok()) {
    return NeedMore{};
  }
  if (length == 0) {
    return Because("empty TLS record");
  }
  if (length > kLongestRecord) {
    return Because("TLS record too long");
  }
  return length;
}

// How long the message says that it is, header included.
Parsed<std::size_t> ReadMessageHeader(std::span<const std::uint8_t> message) {
  ByteReader reader(message);
  const std::uint8_t type = reader.Number8();
  if (reader.ok() && type != kClientHelloMessage) {
    return Because("another handshake message than a ClientHello");
  }
  const std::size_t high = reader.Number8();
  const std::size_t low = reader.Number16();
  if (!reader.ok()) {
    return NeedMore{};
  }
  constexpr unsigned kLowBits = 16;
  const std::size_t length = high << kLowBits | low;
  if (length > kLongestMessage) {
    return Because("ClientHello too long");
  }
  return length + kMessageHeader;
}

// A header is judged before what it announces has come: the answer is the same however the bytes
// are split, and nobody waits for what is refused in any case.
Parsed<Joined> Join(std::span<const std::uint8_t> bytes) {
  Joined joined;
  for (;;) {
    const auto rest = bytes.subspan(joined.size);
    const Parsed<std::size_t> header = ReadRecordHeader(rest, joined.size == 0);
    const auto* length = std::get_if<std::size_t>(&header);
    if (length == nullptr) {
      return std::holds_alternative<NeedMore>(header) ? Parsed<Joined>(NeedMore{})
                                                      : std::get<Refused>(header);
    }
    if (joined.size + kRecordHeader + *length > kMostHelloBytes) {
      return Because("ClientHello in too many records");
    }
    const std::size_t message_end = joined.message.size() + *length;
    const auto fragment = rest.subspan(kRecordHeader);
    const auto there = fragment.first(std::min(*length, fragment.size()));
    joined.message.insert(joined.message.end(), there.begin(), there.end());
    const Parsed<std::size_t> wanted = ReadMessageHeader(joined.message);
    if (const auto* refused = std::get_if<Refused>(&wanted)) {
      return *refused;
    }
    const auto* end = std::get_if<std::size_t>(&wanted);
    if (end != nullptr && message_end > *end) {
      return Because("another message behind the ClientHello in its record");
    }
    if (there.size() < *length) {
      return NeedMore{};
    }
    joined.size += kRecordHeader + *length;
    if (end != nullptr && message_end == *end) {
      return joined;
    }
  }
}

// These return what is wrong with an extension, and "" for nothing.
std::string_view ReadServerName(ByteReader data, ClientHello& hello) {
  ByteReader list(data.Vector16());
  const std::uint8_t type = list.Number8();
  const auto name = list.Vector16();
  if (!data.Done() || !list.ok()) {
    return kMalformed;
  }
  // What follows a name of another type nobody knows (RFC 6066 §3).
  if (!list.AtEnd() || type != kHostNameType) {
    return "other server names than one host's";
  }
  hello.server_name = HostNameOf(AsText(name));
  return hello.server_name ? "" : "a server name that is no host's name";
}

std::string_view ReadAlpn(ByteReader data, ClientHello& hello) {
  ByteReader list(data.Vector16());
  do {
    const auto protocol = list.Vector8();
    if (protocol.empty()) {
      return kMalformed;
    }
    hello.alpn.emplace_back(AsText(protocol));
  } while (!list.AtEnd());
  return data.Done() ? "" : kMalformed;
}

std::string_view ReadExtension(std::uint16_t type, ByteReader data, ClientHello& hello) {
  hello.encrypted = hello.encrypted || HidesTheName(type);
  switch (type) {
    case kServerName:
      return ReadServerName(data, hello);
    case kAlpn:
      return ReadAlpn(data, hello);
    case kEarlyData:
      hello.early_data = true;
      return data.AtEnd() ? "" : kMalformed;
    default:
      return "";
  }
}

std::string_view ReadExtensions(ByteReader list, ClientHello& hello) {
  std::vector<std::uint16_t> seen;
  while (!list.AtEnd()) {
    const std::uint16_t type = list.Number16();
    const auto data = list.Vector16();
    if (!list.ok()) {
      return kMalformed;
    }
    if (const auto problem = ReadExtension(type, ByteReader(data), hello); !problem.empty()) {
      return problem;
    }
    seen.push_back(type);
  }
  std::ranges::sort(seen);
  return std::ranges::adjacent_find(seen) == seen.end() ? "" : "an extension twice";
}

// Ciphers and compression: there must be some, and one must be that of no compression.
bool ReadOffers(ByteReader& reader) {
  const auto ciphers = reader.Vector16();
  const auto compression = reader.Vector8();
  return !ciphers.empty() && ciphers.size() % 2 == 0 &&
         std::ranges::find(compression, 0) != compression.end();
}

std::string_view ReadHello(ByteReader reader, ClientHello& hello) {
  const std::uint16_t version = reader.Number16();
  static_cast<void>(reader.Take(kRandomBytes));
  const auto session_id = reader.Vector8();
  if (reader.ok() && (version < kTls10 || version > kTls12)) {
    return "a version of TLS that is not spoken";  // SSLv3 servers see no extensions
  }
  if (session_id.size() > kLongestSessionId || !ReadOffers(reader)) {
    return kMalformed;
  }
  if (reader.AtEnd()) {
    return "";  // before TLS 1.3 extensions may be missing altogether
  }
  const auto extensions = reader.Vector16();
  return reader.Done() ? ReadExtensions(ByteReader(extensions), hello) : kMalformed;
}

// Nothing if it is none, or not yet clear: SSLv2's hello has a length of two bytes, then its type.
std::optional<Parsed<ClientHello>> ReadSslv2(std::span<const std::uint8_t> bytes) {
  constexpr std::size_t kTypeAt = 2;
  if (bytes.empty() || (bytes[0] & kOldHello) == 0) {
    return std::nullopt;
  }
  if (bytes.size() <= kTypeAt) {
    return NeedMore{};
  }
  return Because(bytes[kTypeAt] == kClientHelloMessage ? "SSLv2" : "not TLS");
}

}  // namespace

TlsStart LooksLikeTls(std::span<const std::uint8_t> bytes) {
  ByteReader reader(bytes);
  const std::uint8_t type = reader.Number8();
  const bool handshake = type == kHandshakeRecord;
  const std::uint8_t major = reader.Number8();
  if (!bytes.empty() && (!handshake || (reader.ok() && major != kMajorVersion))) {
    return TlsStart::kNo;
  }
  return reader.ok() ? TlsStart::kYes : TlsStart::kNeedMore;
}

Parsed<ClientHello> ParseClientHello(std::span<const std::uint8_t> bytes) {
  if (auto old = ReadSslv2(bytes)) {
    return *std::move(old);
  }
  const Parsed<Joined> joined = Join(bytes);
  if (const auto* refused = std::get_if<Refused>(&joined)) {
    return *refused;
  }
  const auto* whole = std::get_if<Joined>(&joined);
  if (whole == nullptr) {
    return NeedMore{};
  }
  ClientHello hello{.size = whole->size};
  const auto body = std::span(whole->message).subspan(kMessageHeader);
  const std::string_view problem = ReadHello(ByteReader(body), hello);
  if (!problem.empty()) {
    return Because(problem);
  }
  return hello;
}

}  // namespace aegis::proxy
