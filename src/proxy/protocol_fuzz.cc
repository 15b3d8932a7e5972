#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <variant>

#include "proxy/bytes.h"
#include "proxy/host_name.h"
#include "proxy/protocol.h"

// What the supervisor reads from the proxy, and the other way round: whatever is taken is written
// again to the same bytes, and names are what they are said to be.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> packet(data, size);
  const aegis::proxy::Bytes bytes(packet.begin(), packet.end());
  const auto from_proxy = aegis::proxy::DecodeFromProxy(packet);
  if (from_proxy) {
    if (aegis::proxy::Encode(*from_proxy) != bytes) {
      std::abort();
    }
    const auto* question = std::get_if<aegis::proxy::NameQuestion>(&*from_proxy);
    if (question != nullptr && question->odd == aegis::proxy::IsHostName(question->name)) {
      std::abort();
    }
  }
  const auto from_supervisor = aegis::proxy::DecodeFromSupervisor(packet);
  if (from_supervisor &&
      (from_proxy.has_value() || aegis::proxy::Encode(*from_supervisor) != bytes)) {
    std::abort();
  }
  return 0;
}
