#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"

namespace aegis::config {

// One [[allowed_network]] of an aegis.toml, as it stands there.
struct AllowedNetwork {
  std::string host{};
  std::optional<std::int64_t> port{};     // any, if absent
  std::optional<std::string> protocol{};  // tcp, udp, http or https; any, if absent
  // Connections pass unseen (@opaque). If absent, only of the protocol tcp: it tells no name.
  std::optional<bool> opaque{};
  std::size_t line = 1;  // where it stands
};

// The resource that a policy names for it: "api.example.com:443", "*.example.com", "10.0.0.0/8:22".
// Hosts in whatever notation get their one form. kInvalid, with what is wrong of which key, for
// what no connection could have.
base::Result<std::string> PlaceOf(const AllowedNetwork& allowed);

// The permits that they stand for, as Cedar: each on the line of its table, ids allowed_network.1
// and so on. All have places. Empty for none.
std::string PermitsOf(std::span<const AllowedNetwork> all);

}  // namespace aegis::config
