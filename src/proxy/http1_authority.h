#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace aegis::proxy {

// Whom a request is for (RFC 9110, section 7.2).
struct Http1Authority {
  std::string host{};  // lower case; an address in its canonical text, IPv6 without brackets
  std::optional<std::uint16_t> port{};  // nothing: the scheme's

  bool operator==(const Http1Authority&) const = default;
};

// `name`, `name:port`, `1.2.3.4:port`, `[2001:db8::1]:port`. A name is one that may be looked up
// (IsHostName), in any case; an address has its canonical form (RFC 5952) and is no IPv4 address in
// IPv6's clothes; a port is 1 to 65535 without leading zeros. Nothing for all else: user
// information, escapes, zones, lists, a dot at the end.
std::optional<Http1Authority> ParseHttp1Authority(std::string_view text);

}  // namespace aegis::proxy
