#include "proxy/socks5.h"

#include <algorithm>
#include <cstdint>
#include <expected>
#include <span>
#include <string_view>

#include "proxy/byte_reader.h"
#include "proxy/bytes.h"
#include "proxy/host_port.h"
#include "proxy/ip_address.h"
#include "proxy/parsed.h"

namespace aegis::proxy {
namespace {

constexpr std::uint8_t kVersion = 5;
constexpr std::uint8_t kPasswordVersion = 1;
constexpr std::uint8_t kNoAcceptableMethod = 0xff;
constexpr std::uint8_t kConnect = 1;
constexpr std::uint8_t kIpv4 = 1;
constexpr std::uint8_t kDomain = 3;
constexpr std::uint8_t kIpv6 = 4;

Refused Because(std::string_view reason, SocksReply reply) {
  return {.reason = reason, .reply = BuildSocksReply(reply)};
}

// The host of a request, as bytes.
std::span<const std::uint8_t> ReadHost(ByteReader& reader, std::uint8_t type) {
  return type == kDomain ? reader.Vector8()
                         : reader.Take(AddressBytes(type == kIpv4 ? Family::kIpv4 : Family::kIpv6));
}

std::expected<HostPort, std::string_view> TargetOf(std::uint8_t type,
                                                   std::span<const std::uint8_t> host,
                                                   std::uint16_t port) {
  if (type == kDomain) {
    return HostPortOf(AsText(host), port);
  }
  if (port == 0) {
    return std::unexpected("port 0");
  }
  return HostPort{.address = AddressOf(host), .port = port};
}

}  // namespace

Parsed<SocksGreeting> ParseSocksGreeting(std::span<const std::uint8_t> bytes) {
  ByteReader reader(bytes);
  const std::uint8_t version = reader.Number8();
  if (reader.ok() && version != kVersion) {
    return Refused{.reason = "not SOCKS5"};
  }
  const auto methods = reader.Vector8();
  if (!reader.ok()) {
    return NeedMore{};
  }
  for (const SocksMethod method : {SocksMethod::kNone, SocksMethod::kPassword}) {
    if (std::ranges::find(methods, static_cast<std::uint8_t>(method)) != methods.end()) {
      return SocksGreeting{.method = method, .size = reader.at()};
    }
  }
  return Refused{.reason = "no method of authentication that is known",
                 .reply = {kVersion, kNoAcceptableMethod}};
}

Parsed<SocksCredentials> ParseSocksCredentials(std::span<const std::uint8_t> bytes) {
  ByteReader reader(bytes);
  const std::uint8_t version = reader.Number8();
  if (reader.ok() && version != kPasswordVersion) {
    return Refused{.reason = "malformed SOCKS5 credentials"};
  }
  static_cast<void>(reader.Vector8());
  static_cast<void>(reader.Vector8());
  if (!reader.ok()) {
    return NeedMore{};
  }
  return SocksCredentials{.size = reader.at()};
}

// What has a length is read to its end before it is refused: a connection that is closed with bytes
// unread is reset, and the client might not see the reply.
Parsed<SocksRequest> ParseSocksRequest(std::span<const std::uint8_t> bytes) {
  ByteReader reader(bytes);
  const std::uint8_t version = reader.Number8();
  if (reader.ok() && version != kVersion) {
    return Refused{.reason = "malformed SOCKS5 request"};
  }
  const std::uint8_t command = reader.Number8();
  const std::uint8_t reserved = reader.Number8();
  const std::uint8_t type = reader.Number8();
  if (reader.ok() && type != kIpv4 && type != kDomain && type != kIpv6) {
    return Because("unknown type of address", SocksReply::kAddressTypeNotSupported);
  }
  const auto host = ReadHost(reader, type);
  const std::uint16_t port = reader.Number16();
  if (!reader.ok()) {
    return NeedMore{};
  }
  if (command != kConnect) {
    return Because("another SOCKS5 command than CONNECT", SocksReply::kCommandNotSupported);
  }
  if (reserved != 0) {
    return Because("malformed SOCKS5 request", SocksReply::kFailed);
  }
  const auto target = TargetOf(type, host, port);
  if (!target) {
    return Because(target.error(), SocksReply::kHostUnreachable);
  }
  return SocksRequest{.target = *target, .size = reader.at()};
}

Bytes BuildSocksMethod(SocksMethod method) { return {kVersion, static_cast<std::uint8_t>(method)}; }

Bytes BuildSocksWelcome() { return {kPasswordVersion, 0}; }

Bytes BuildSocksReply(SocksReply reply) {
  return {kVersion, static_cast<std::uint8_t>(reply), 0, kIpv4, 0, 0, 0, 0, 0, 0};
}

}  // namespace aegis::proxy
