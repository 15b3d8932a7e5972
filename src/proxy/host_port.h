#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "proxy/ip_address.h"

namespace aegis::proxy {

// Where a client asks to be connected to: a name or an address, never both.
struct HostPort {
  std::string name{};  // IsHostName(); empty where there is an address
  std::optional<IpAddress> address{};
  std::uint16_t port = 0;  // never 0

  bool operator==(const HostPort&) const = default;
};

// The address of 4 or 16 bytes in network order. An IPv4 address that is written as one of IPv6
// (::ffff:0:0/96) is that IPv4 address: the host has one form.
IpAddress AddressOf(std::span<const std::uint8_t> bytes);

// Four decimal numbers without leading zeros, or the text of an IPv6 address (RFC 4291 §2.2)
// without brackets and zone. Other notations (0x7f.1, 127.1) are nothing.
std::optional<IpAddress> ParseIpAddress(std::string_view text);

// A name becomes lower case and loses one dot at its end; the text of an address becomes the
// address. The error is a fixed reason.
std::expected<HostPort, std::string_view> HostPortOf(std::string_view host, std::uint16_t port);

}  // namespace aegis::proxy
