#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace aegis::proxy {

enum class Family : std::uint8_t { kNone = 0, kIpv4 = 4, kIpv6 = 6 };

// An address in network order; of an IPv4 address the first four bytes, the others are 0.
struct IpAddress {
  Family family = Family::kNone;
  std::array<std::uint8_t, 16> bytes{};

  bool operator==(const IpAddress&) const = default;
};

constexpr std::size_t AddressBytes(Family family) {
  return family == Family::kIpv4 ? 4 : family == Family::kIpv6 ? 16 : 0;
}

}  // namespace aegis::proxy
