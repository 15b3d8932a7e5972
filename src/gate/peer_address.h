#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace aegis::gate {

// A peer as the agent named it in a sockaddr, in the terms of policies and the ledger.
struct PeerAddress {
  int family = AF_UNSPEC;
  std::string resource;  // "10.0.0.1:443", "[::1]:80", "unix:/run/x", "unix:@name", "family:40"
  std::string host;      // "10.0.0.1"; empty where there is none
  std::int64_t port = -1;
  std::string path;  // AF_UNIX with a pathname: bytes
};

// Parses the bytes of a sockaddr of any length and content (hostile). An address that is too short
// for its family names the family only.
PeerAddress ParsePeer(const void* address, std::size_t size);

}  // namespace aegis::gate
