#pragma once

#include <string_view>

namespace aegis::advice {

// What makes a host, or what a policy names in its place, able to carry anything to anyone, so that
// permitting it permits nearly everything: "any host", "a forge", "a pastebin", "a chat or webhook
// service", "an address without a name", "a wide wildcard", ... Empty for other hosts.
std::string_view CarrierKind(std::string_view host);

}  // namespace aegis::advice
