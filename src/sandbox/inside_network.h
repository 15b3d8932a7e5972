#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

// The agent's own network namespace under run: loopback, and nothing that leads outside.
namespace aegis::sandbox {

// TCP sockets of the namespace and of one family, for connections that are relayed
// (gate/meeting_point.h). Invalid where there is no such family.
struct InsideTcp {
  base::UniqueFd meeting;
  base::UniqueFd plug;
  base::UniqueFd listener;
  base::UniqueFd seed;

  bool valid() const { return meeting.valid(); }
};

// What the supervisor holds of it.
struct InsideNetwork {
  // UDP sockets of the namespace that are bound to port 53 of its loopback addresses, 127.0.0.1
  // first: where the agent's resolver asks.
  std::vector<base::UniqueFd> name_sockets;
  // TCP sockets of the namespace as the kernel makes them, for IPv4 and, if there is one, IPv6.
  base::UniqueFd fresh4;
  base::UniqueFd fresh6;
  InsideTcp tcp4;
  InsideTcp tcp6;
  std::uint64_t cookie = 0;  // of the namespace: SO_NETNS_COOKIE of its sockets (Linux 5.14)
};

// The addresses that stand for names inside (RFC 2544's range, and a unique local prefix, RFC
// 4193). All of them are the namespace's own, so that nothing sent to them leaves it.
inline constexpr std::array<std::uint8_t, 4> kNamesRange4 = {198, 18, 0, 0};
inline constexpr unsigned kNamesPrefix4 = 15;
inline constexpr std::array<std::uint8_t, 16> kNamesRange6 = {0xfd, 0x61, 0x65, 0x67,
                                                              0x69, 0x73, 0,    0};
inline constexpr unsigned kNamesPrefix6 = 64;

// Inside the namespace, with capabilities over it: brings loopback up, gives it the first address
// of each range, and sends the name sockets over `socket`. IPv6 may be missing.
base::Result<> SetUpInsideNetwork(int socket);

// Outside: what SetUpInsideNetwork has sent; it does not wait.
base::Result<InsideNetwork> ReceiveInsideNetwork(int socket);

}  // namespace aegis::sandbox
