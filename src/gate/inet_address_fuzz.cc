#include <sys/socket.h>

#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "gate/inet_address.h"
#include "gate/peer_address.h"

// Two readers of a sockaddr agree about which are addresses of the internet, and what is read leads
// back to itself by a socket of either family.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using aegis::gate::AddressFor;
  const auto peer = aegis::gate::ParseInetPeer(data, size);
  const aegis::gate::PeerAddress named = aegis::gate::ParsePeer(data, size);
  AEGIS_CHECK(peer.has_value() == !named.host.empty());
  if (!peer) {
    return 0;
  }
  AEGIS_CHECK(named.family == AF_INET || named.family == AF_INET6);
  AEGIS_CHECK(peer->host.family == AF_INET || peer->host.family == AF_INET6);
  AEGIS_CHECK(peer->host.Text() == named.host && peer->port == named.port);
  AEGIS_CHECK(!peer->host.IsUnspecified() || peer->host.IsOwnHost());
  for (const int family : {peer->host.family, AF_INET6}) {
    const aegis::gate::SocketAddress address = AddressFor(family, *peer);
    AEGIS_CHECK(address.storage.ss_family == family);
    const auto back = aegis::gate::ParseInetPeer(address.get(), address.size);
    AEGIS_CHECK(back && back->host == peer->host && back->port == peer->port);
  }
  return 0;
}
