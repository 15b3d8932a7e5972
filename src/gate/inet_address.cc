#include "gate/inet_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>

namespace aegis::gate {

namespace {

constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

InetHost CanonicalHost(int family, const std::array<std::uint8_t, 16>& bytes) {
  InetHost host;
  if (family == AF_INET6 && !std::ranges::equal(kMapped, std::span(bytes).first<12>())) {
    host.family = AF_INET6;
    host.bytes = bytes;
    return host;
  }
  const std::size_t at = family == AF_INET6 ? kMapped.size() : 0;
  std::copy_n(bytes.begin() + at, 4, host.bytes.begin());
  return host;
}

bool InetHost::IsUnspecified() const {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

bool InetHost::IsOwnHost() const {
  if (family == AF_INET) {
    return bytes[0] == IN_LOOPBACKNET || IsUnspecified();
  }
  const auto is_zero = [](std::uint8_t byte) { return byte == 0; };
  return std::all_of(bytes.begin(), bytes.end() - 1, is_zero) && bytes.back() <= 1;
}

std::string InetHost::Text() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(family, bytes.data(), text.data(), text.size());
  return text.data();
}

std::optional<InetPeer> ParseInetPeer(const void* address, std::size_t size) {
  sa_family_t family = AF_UNSPEC;
  if (size < sizeof family) {
    return std::nullopt;
  }
  std::memcpy(&family, address, sizeof family);
  InetPeer peer;
  if (family == AF_INET && size >= sizeof(sockaddr_in)) {
    sockaddr_in in{};
    std::memcpy(&in, address, sizeof in);
    std::memcpy(peer.host.bytes.data(), &in.sin_addr, sizeof in.sin_addr);
    peer.port = ntohs(in.sin_port);
    return peer;
  }
  // The old form ends before the scope.
  if (family == AF_INET6 && size >= offsetof(sockaddr_in6, sin6_scope_id)) {
    sockaddr_in6 in{};
    std::memcpy(&in, address, std::min(size, sizeof in));
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &in.sin6_addr, bytes.size());
    peer.host = CanonicalHost(AF_INET6, bytes);
    peer.port = ntohs(in.sin6_port);
    return peer;
  }
  return std::nullopt;
}

SocketAddress AddressFor(int family, const InetPeer& peer) {
  SocketAddress address;
  if (family == AF_INET && peer.host.family == AF_INET) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(peer.port);
    std::memcpy(&in.sin_addr, peer.host.bytes.data(), sizeof in.sin_addr);
    address.size = sizeof in;
    std::memcpy(&address.storage, &in, sizeof in);
    return address;
  }
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(peer.port);
  std::array<std::uint8_t, 16> bytes = peer.host.bytes;
  if (peer.host.family == AF_INET) {
    std::ranges::copy(kMapped, bytes.begin());
    std::copy_n(peer.host.bytes.begin(), 4, bytes.begin() + kMapped.size());
  }
  std::memcpy(&in.sin6_addr, bytes.data(), bytes.size());
  address.size = sizeof in;
  std::memcpy(&address.storage, &in, sizeof in);
  return address;
}

}  // namespace aegis::gate
