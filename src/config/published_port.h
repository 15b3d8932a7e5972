#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "policy/host_name.h"

namespace aegis::config {

// A port of the machine that shall lead to a port of a run's loopback.
struct PublishedPort {
  policy::Address address{};    // where the machine listens
  std::uint16_t host_port = 0;  // 0: one of the kernel's choice
  std::uint16_t port = 0;       // inside; not 0

  friend bool operator==(const PublishedPort&, const PublishedPort&) = default;
};

// Reads "[ADDRESS:]HOSTPORT:PORT", or "PORT" for the same port on both sides. ADDRESS is 127.0.0.1
// unless it is given; one of IPv6 stands in brackets. kInvalid, with what is wrong, for all else.
base::Result<PublishedPort> ParsePublishedPort(std::string_view text);

// One [[published_port]] of an aegis.toml, as it stands there.
struct PublishedPortTable {
  std::optional<std::int64_t> port{};
  std::optional<std::int64_t> host_port{};  // as `port`, if absent
  std::optional<std::string> address{};     // 127.0.0.1, if absent
};
base::Result<PublishedPort> ReadPublishedPort(const PublishedPortTable& table);

}  // namespace aegis::config
