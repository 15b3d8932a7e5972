#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "base/text.h"
#include "gate/peer_address.h"

// Any bytes of a sockaddr give a name that policies and the ledger can hold.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const aegis::gate::PeerAddress peer = aegis::gate::ParsePeer(data, size);
  AEGIS_CHECK(!peer.resource.empty());
  AEGIS_CHECK(aegis::base::IsValidUtf8(peer.resource));
  return 0;
}
