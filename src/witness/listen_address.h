#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace aegis::witness {

struct ListenAddress {
  std::string host{};  // an IP address, IPv6 without brackets
  std::uint16_t port = 0;

  friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

// [ADDR:]PORT: a port of this machine alone, or of an IP address (IPv6 in brackets) or "localhost".
// Port 0 lets the system choose. kInvalid for anything else.
base::Result<ListenAddress> ParseListenAddress(std::string_view text);

// "http://HOST:PORT".
std::string Url(const ListenAddress& address);

}  // namespace aegis::witness
