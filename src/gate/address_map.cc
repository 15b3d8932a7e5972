#include "gate/address_map.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <tuple>

#include "gate/inet_address.h"
#include "sandbox/inside_network.h"

namespace aegis::gate {

namespace {

InetHost Numbered(int family, std::uint32_t number) {
  InetHost host;
  host.family = family;
  if (family == AF_INET) {
    std::ranges::copy(sandbox::kNamesRange4, host.bytes.begin());
    host.bytes[2] = static_cast<std::uint8_t>(number >> 8U);
    host.bytes[3] = static_cast<std::uint8_t>(number);
    return host;
  }
  host.bytes = sandbox::kNamesRange6;
  host.bytes[14] = static_cast<std::uint8_t>(number >> 8U);
  host.bytes[15] = static_cast<std::uint8_t>(number);
  return host;
}

}  // namespace

std::optional<InetHost> AddressMap::Give(const NamedAddress& named, int family) {
  const std::tuple key(named.name, named.real, family);
  if (const auto found = given_.find(key); found != given_.end()) {
    return found->second;
  }
  std::uint32_t& next = family == AF_INET ? next4_ : next6_;
  if (next >= kMost) {
    return std::nullopt;
  }
  const InetHost inside = Numbered(family, next++);
  given_.emplace(key, inside);
  named_.emplace(inside, named);
  return inside;
}

const NamedAddress* AddressMap::Find(const InetHost& inside) const {
  const auto found = named_.find(inside);
  return found == named_.end() ? nullptr : &found->second;
}

InetHost AddressMap::Own(int family) { return Numbered(family, 1); }

bool AddressMap::IsInRange(const InetHost& address) {
  if (address.family == AF_INET) {
    constexpr std::uint8_t kSecondMask = 0xfe;  // a prefix of 15 bits
    return address.bytes[0] == sandbox::kNamesRange4[0] &&
           (address.bytes[1] & kSecondMask) == sandbox::kNamesRange4[1];
  }
  return std::equal(address.bytes.begin(), address.bytes.begin() + 8,
                    sandbox::kNamesRange6.begin());
}

}  // namespace aegis::gate
