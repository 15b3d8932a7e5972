#include "proxy/http1_authority.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "proxy/host_name.h"

namespace aegis::proxy {
namespace {

bool IsCanonicalAddress(int family, const std::string& text) {
  std::array<std::uint8_t, sizeof(in6_addr)> address{};
  std::array<char, INET6_ADDRSTRLEN> canonical{};
  return ::inet_pton(family, text.c_str(), address.data()) == 1 &&
         ::inet_ntop(family, address.data(), canonical.data(), canonical.size()) != nullptr &&
         text == canonical.data();
}

// With a dot inside it would be an IPv4 address (::ffff:1.2.3.4), which has a form of its own.
bool IsPlainIpv6(const std::string& text) {
  return text.find('.') == std::string::npos && IsCanonicalAddress(AF_INET6, text);
}

std::optional<std::uint16_t> ParsePort(std::string_view digits) {
  std::uint16_t port = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (read.ec != std::errc() || read.ptr != digits.data() + digits.size() ||
      digits.starts_with('0')) {
    return std::nullopt;
  }
  return port;
}

std::string InLowerCase(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), LowerCase);
  return lower;
}

}  // namespace

std::optional<Http1Authority> ParseHttp1Authority(std::string_view text) {
  Http1Authority authority;
  const bool bracketed = text.starts_with('[');
  const std::size_t host_end = bracketed ? text.find(']') : std::min(text.find(':'), text.size());
  if (host_end == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view host = text.substr(0, host_end);
  if (host.size() > kLongestHostName || host.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  authority.host = bracketed ? std::string(host.substr(1)) : InLowerCase(host);
  if (bracketed ? !IsPlainIpv6(authority.host)
                : !IsHostName(authority.host) && !IsCanonicalAddress(AF_INET, authority.host)) {
    return std::nullopt;
  }
  const std::string_view rest = text.substr(host_end + (bracketed ? 1 : 0));
  if (rest.empty()) {
    return authority;
  }
  authority.port = rest.starts_with(':') ? ParsePort(rest.substr(1)) : std::nullopt;
  return authority.port ? std::optional(authority) : std::nullopt;
}

}  // namespace aegis::proxy
