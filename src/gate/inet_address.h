#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace aegis::gate {

// An address of IPv4 or IPv6 without a port. A v4 address mapped into IPv6 (RFC 4291, 2.5.5.2) is
// the v4 address.
struct InetHost {
  int family = AF_INET;
  std::array<std::uint8_t, 16> bytes{};  // the first four for AF_INET; zeros behind them

  auto operator<=>(const InetHost&) const = default;

  // 127.0.0.0/8, ::1, and the unspecified addresses, which mean the own host (ip(7)).
  bool IsOwnHost() const;
  bool IsUnspecified() const;  // 0.0.0.0, ::
  std::string Text() const;    // "10.0.0.1", "::1"
};

// The host of these bytes, in network order.
InetHost CanonicalHost(int family, const std::array<std::uint8_t, 16>& bytes);

// Where a socket is to connect.
struct InetPeer {
  InetHost host;
  std::uint16_t port = 0;  // host byte order
};

// The bytes of a sockaddr (hostile): nothing for another family or one that is too short.
std::optional<InetPeer> ParseInetPeer(const void* address, std::size_t size);

// A sockaddr for a socket of `family`, which may be AF_INET6 for a v4 host.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};
SocketAddress AddressFor(int family, const InetPeer& peer);

}  // namespace aegis::gate
