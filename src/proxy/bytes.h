#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace aegis::proxy {

// A datagram or packet.
using Bytes = std::vector<std::uint8_t>;

// The same memory as text.
inline std::string_view AsText(std::span<const std::uint8_t> bytes) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace aegis::proxy
