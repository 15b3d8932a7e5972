#include "witness/listen_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "base/result.h"
#include "base/text.h"

namespace aegis::witness {
namespace {

std::optional<std::uint16_t> ParsePort(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() ||
      (text.size() > 1 && text.starts_with('0'))) {
    return std::nullopt;
  }
  return port;
}

std::optional<std::string> ParseHost(std::string_view text) {
  if (text == "localhost") {
    return "127.0.0.1";
  }
  const bool ipv6 = text.starts_with('[') && text.ends_with(']');
  std::string host(ipv6 ? text.substr(1, text.size() - 2) : text);
  in6_addr address{};
  if (host.find('\0') != std::string::npos ||
      ::inet_pton(ipv6 ? AF_INET6 : AF_INET, host.c_str(), &address) != 1) {
    return std::nullopt;
  }
  return host;
}

}  // namespace

base::Result<ListenAddress> ParseListenAddress(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const auto host = colon == text.npos ? std::optional<std::string>("127.0.0.1")
                                       : ParseHost(text.substr(0, colon));
  const auto port = ParsePort(colon == text.npos ? text : text.substr(colon + 1));
  if (!host || !port) {
    return base::Fail(base::Errc::kInvalid,
                      "\"" + base::EscapeName(text) +
                          "\" is no address to listen on, like 8080, 192.0.2.1:8080, [::1]:8080");
  }
  return ListenAddress{.host = *host, .port = *port};
}

std::string Url(const ListenAddress& address) {
  const bool ipv6 = address.host.find(':') != std::string::npos;
  return "http://" + (ipv6 ? "[" + address.host + "]" : address.host) + ":" +
         std::to_string(address.port);
}

}  // namespace aegis::witness
