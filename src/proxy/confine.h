#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"

namespace aegis::proxy {

// From here on this process has what the proxy needs and nothing more: no capability, no right over
// files but to read /etc/hosts, no process, no other socket than TCP and UDP, no listener, no TCP
// port but `ports`, bounded memory and descriptors, no dump. For good. The first step that fails
// ends it with an error.
base::Result<> ConfineSelf(std::span<const std::uint16_t> ports);

// How many descriptors it may have then.
std::size_t MostDescriptors();

}  // namespace aegis::proxy
