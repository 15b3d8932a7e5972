#include "gate/peer_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

#include "base/text.h"

namespace aegis::gate {

namespace {

void ParseInet(const void* address, PeerAddress& peer) {
  sockaddr_in in{};
  std::memcpy(&in, address, sizeof(in));
  std::array<char, INET_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET, &in.sin_addr, text.data(), text.size());
  peer.host = text.data();
  peer.port = ntohs(in.sin_port);
  peer.resource = peer.host + ":" + std::to_string(peer.port);
}

void ParseInet6(const void* address, PeerAddress& peer) {
  sockaddr_in6 in{};
  std::memcpy(&in, address, sizeof(in));
  std::array<char, INET6_ADDRSTRLEN> text{};
  peer.port = ntohs(in.sin6_port);
  if (IN6_IS_ADDR_V4MAPPED(&in.sin6_addr)) {  // the host that is meant, in its own form
    ::inet_ntop(AF_INET, &in.sin6_addr.s6_addr[12], text.data(), text.size());
    peer.host = text.data();
    peer.resource = peer.host + ":" + std::to_string(peer.port);
    return;
  }
  ::inet_ntop(AF_INET6, &in.sin6_addr, text.data(), text.size());
  peer.host = text.data();
  peer.resource = "[" + peer.host + "]:" + std::to_string(peer.port);
}

void ParseUnix(std::string_view path, PeerAddress& peer) {
  if (path.starts_with('\0')) {
    peer.resource = "unix:@" + base::EscapeName(path.substr(1));
    return;
  }
  peer.path = path.substr(0, path.find('\0'));
  peer.resource = "unix:" + base::EscapeName(peer.path);
}

}  // namespace

PeerAddress ParsePeer(const void* address, std::size_t size) {
  PeerAddress peer;
  sa_family_t family = AF_UNSPEC;
  if (size >= sizeof(family)) {
    std::memcpy(&family, address, sizeof(family));
  }
  peer.family = family;
  peer.resource = "family:" + std::to_string(family);
  if (family == AF_INET && size >= sizeof(sockaddr_in)) {
    ParseInet(address, peer);
  } else if (family == AF_INET6 && size >= offsetof(sockaddr_in6, sin6_scope_id)) {
    sockaddr_in6 whole{};  // the old form ends before the scope
    std::memcpy(&whole, address, size < sizeof(whole) ? size : sizeof(whole));
    ParseInet6(&whole, peer);
  } else if (family == AF_UNIX && size > offsetof(sockaddr_un, sun_path)) {
    constexpr std::size_t kPath = offsetof(sockaddr_un, sun_path);
    ParseUnix({static_cast<const char*>(address) + kPath, size - kPath}, peer);
  } else if (family == AF_NETLINK) {
    peer.resource = "netlink";
  }
  return peer;
}

}  // namespace aegis::gate
