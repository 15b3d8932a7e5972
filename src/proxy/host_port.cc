#include "proxy/host_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/host_name.h"
#include "proxy/ip_address.h"

namespace aegis::proxy {
namespace {

constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

IpAddress AddressOf(std::span<const std::uint8_t> bytes) {
  constexpr std::size_t kIpv4Bytes = AddressBytes(Family::kIpv4);
  if (bytes.size() > kIpv4Bytes && std::ranges::equal(bytes.first(kMapped.size()), kMapped)) {
    bytes = bytes.subspan(kMapped.size());
  }
  IpAddress address;
  address.family = bytes.size() == kIpv4Bytes ? Family::kIpv4 : Family::kIpv6;
  std::ranges::copy(bytes, address.bytes.begin());
  return address;
}

std::optional<IpAddress> ParseIpAddress(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size() || text.contains('\0')) {
    return std::nullopt;
  }
  std::ranges::copy(text, terminated.begin());
  std::array<std::uint8_t, sizeof(in6_addr)> bytes{};
  if (::inet_pton(AF_INET, terminated.data(), bytes.data()) == 1) {
    return AddressOf(std::span(bytes).first(AddressBytes(Family::kIpv4)));
  }
  if (::inet_pton(AF_INET6, terminated.data(), bytes.data()) == 1) {
    return AddressOf(bytes);
  }
  return std::nullopt;
}

std::expected<HostPort, std::string_view> HostPortOf(std::string_view host, std::uint16_t port) {
  if (port == 0) {
    return std::unexpected("port 0");
  }
  if (const auto address = ParseIpAddress(host)) {
    return HostPort{.address = address, .port = port};
  }
  if (host.ends_with('.')) {
    host.remove_suffix(1);
  }
  std::optional<std::string> name = HostNameOf(host);
  if (!name) {
    return std::unexpected("neither a host's name nor an address");
  }
  return HostPort{.name = std::move(*name), .port = port};
}

}  // namespace aegis::proxy
