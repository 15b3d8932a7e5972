#include "config/published_port.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/result.h"
#include "policy/host_name.h"

namespace aegis::config {
namespace {

constexpr std::int64_t kHighestPort = 65'535;
constexpr policy::Address kLoopback{.bytes = {127, 0, 0, 1}};

// Decimal digits alone, in the range.
base::Result<std::uint16_t> ParsePort(std::string_view text, std::int64_t lowest) {
  std::int64_t number = -1;
  const bool digits =
      !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (!digits || error != std::errc() || number < lowest || number > kHighestPort) {
    return base::Fail(base::Errc::kInvalid, "\"" + std::string(text) + "\" is no port from " +
                                                std::to_string(lowest) + " to 65535");
  }
  return static_cast<std::uint16_t>(number);
}

base::Result<policy::Address> ParseOwnAddress(std::string_view text) {
  const auto address = policy::ParseAddress(text);
  if (!address) {
    return base::Fail(base::Errc::kInvalid, "\"" + std::string(text) +
                                                "\" is no address of this machine, such as "
                                                "127.0.0.1 or ::1 (a name is none)");
  }
  return *address;
}

// What stands in front of the two ports, and what is left.
struct Parts {
  std::optional<std::string_view> address{};
  std::string_view ports{};
};

base::Result<Parts> Split(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t close = text.find("]:");
    if (close == std::string_view::npos) {
      return base::Fail(base::Errc::kInvalid, "no ports behind the address: [::1]:8080:3000");
    }
    return Parts{.address = text.substr(1, close - 1), .ports = text.substr(close + 2)};
  }
  const auto colons = std::ranges::count(text, ':');
  if (colons < 2) {
    return Parts{.ports = text};
  }
  if (colons > 2) {
    return base::Fail(base::Errc::kInvalid,
                      "an address of IPv6 stands in brackets: [::1]:8080:3000");
  }
  const std::size_t colon = text.find(':');
  return Parts{.address = text.substr(0, colon), .ports = text.substr(colon + 1)};
}

}  // namespace

base::Result<PublishedPort> ParsePublishedPort(std::string_view text) {
  AEGIS_ASSIGN(const Parts parts, Split(text));
  PublishedPort published{.address = kLoopback};
  if (parts.address) {
    AEGIS_ASSIGN(published.address, ParseOwnAddress(*parts.address));
  }
  const std::size_t colon = parts.ports.find(':');
  if (colon == std::string_view::npos) {
    if (parts.address) {
      return base::Fail(base::Errc::kInvalid,
                        "behind an address stand two ports: 127.0.0.1:8080:3000");
    }
    AEGIS_ASSIGN(published.port, ParsePort(parts.ports, 1));
    published.host_port = published.port;
    return published;
  }
  AEGIS_ASSIGN(published.host_port, ParsePort(parts.ports.substr(0, colon), 0));
  AEGIS_ASSIGN(published.port, ParsePort(parts.ports.substr(colon + 1), 1));
  return published;
}

base::Result<PublishedPort> ReadPublishedPort(const PublishedPortTable& table) {
  if (!table.port) {
    return base::Fail(base::Errc::kInvalid, "\"published_port.port\" is missing");
  }
  if (*table.port < 1 || *table.port > kHighestPort) {
    return base::Fail(base::Errc::kInvalid, "\"published_port.port\" must be from 1 to 65535");
  }
  const std::int64_t host_port = table.host_port.value_or(*table.port);
  if (host_port < 0 || host_port > kHighestPort) {
    return base::Fail(base::Errc::kInvalid, "\"published_port.host_port\" must be from 0 to 65535");
  }
  PublishedPort published{.address = kLoopback,
                          .host_port = static_cast<std::uint16_t>(host_port),
                          .port = static_cast<std::uint16_t>(*table.port)};
  if (table.address) {
    auto address = ParseOwnAddress(*table.address);
    if (!address) {
      return base::Fail(std::move(address).error().Within("\"published_port.address\""));
    }
    published.address = *address;
  }
  return published;
}

}  // namespace aegis::config
