#pragma once

#include <cstdint>
#include <vector>

namespace aegis::proxy {

// A datagram or packet.
using Bytes = std::vector<std::uint8_t>;

}  // namespace aegis::proxy
