#include "witness/target.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>

#include "base/result.h"
#include "base/text.h"

namespace aegis::witness {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

constexpr std::size_t kLongestTarget = 4096;
constexpr std::size_t kLongestHost = 253;
constexpr std::size_t kLongestLabel = 63;
constexpr std::uint16_t kHttpPort = 80;
constexpr std::uint16_t kHttpsPort = 443;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsHexDigit(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool IsControl(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string Lowered(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), Lower);
  return lower;
}

bool TakePrefix(std::string_view& text, std::string_view prefix) {
  if (Lowered(text.substr(0, prefix.size())) != prefix) {
    return false;
  }
  text.remove_prefix(prefix.size());
  return true;
}

std::unexpected<base::Error> Wrong(std::string_view what) {
  return Fail(Errc::kInvalid, std::string(what));
}

bool IsIpv4(const std::string& host) {
  in_addr address{};
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1;
}

Result<std::string> ParseIpv6(std::string_view text) {
  in6_addr address{};
  std::string host(text);
  if (host.find('\0') != std::string::npos || ::inet_pton(AF_INET6, host.c_str(), &address) != 1) {
    return Wrong("what stands in brackets is no IPv6 address");
  }
  return Lowered(host);
}

bool IsLabel(std::string_view label) {
  return !label.empty() && label.size() <= kLongestLabel && !label.starts_with('-') &&
         !label.ends_with('-') && std::ranges::all_of(label, [](char c) {
           return IsLetter(c) || IsDigit(c) || c == '-' || c == '_';
         });
}

// A DNS name, or an IPv4 address in its usual form. Resolvers take other forms of addresses too
// ("127.1"), which people would read as names.
Result<std::string> ParseName(std::string_view text) {
  std::string host = Lowered(text);
  if (host.empty() || host.size() > kLongestHost) {
    return Wrong(host.empty() ? "it has no host" : "its host is too long");
  }
  std::string_view rest = host;
  std::string_view label;
  for (bool more = true; more;) {
    const std::size_t dot = rest.find('.');
    more = dot != std::string_view::npos;
    label = rest.substr(0, dot);
    if (!IsLabel(label)) {
      return Wrong("its host is no name of letters, digits, - and _ between dots");
    }
    rest.remove_prefix(more ? dot + 1 : label.size());
  }
  if (std::ranges::all_of(label, IsDigit) && !IsIpv4(host)) {
    return Wrong("its host looks like an IPv4 address and is none");
  }
  return host;
}

Result<std::uint16_t> ParsePort(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0 ||
      text.starts_with('0')) {
    return Wrong("its port is no number from 1 to 65535");
  }
  return port;
}

bool IsPathCharacter(char c) {
  constexpr std::string_view kOthers = "-._~!$&'()*+,;=:@/%";
  return IsLetter(c) || IsDigit(c) || kOthers.find(c) != std::string_view::npos;
}

Result<std::string> ParsePrefix(std::string_view path) {
  for (std::size_t at = 0; at < path.size(); ++at) {
    if (!IsPathCharacter(path[at])) {
      return Wrong("its path has a character that must be written as %HH");
    }
    if (path[at] == '%' &&
        (at + 2 >= path.size() || !IsHexDigit(path[at + 1]) || !IsHexDigit(path[at + 2]))) {
      return Wrong("its path has a % without two hexadecimal digits behind it");
    }
  }
  if (path.ends_with('/')) {
    path.remove_suffix(1);
  }
  for (std::string_view rest = path; !rest.empty();) {
    const std::size_t slash = rest.find('/', 1);
    const std::string_view segment = rest.substr(1, slash == rest.npos ? slash : slash - 1);
    if (segment.empty() || segment == "." || segment == "..") {
      return Wrong("its path has an empty segment, \".\" or \"..\"");
    }
    rest = slash == rest.npos ? std::string_view() : rest.substr(slash);
  }
  return std::string(path);
}

// What follows the scheme and the two slashes.
Result<HttpTarget> ParseUrl(bool tls, std::string_view text) {
  if (text.find_first_of("?#") != std::string_view::npos) {
    return Wrong("it has a query or a fragment");
  }
  const std::size_t slash = std::min(text.find('/'), text.size());
  std::string_view authority = text.substr(0, slash);
  if (authority.find('@') != std::string_view::npos) {
    return Wrong("it has user information, which would be sent and recorded");
  }
  HttpTarget target{.tls = tls, .port = tls ? kHttpsPort : kHttpPort};
  std::optional<std::string_view> port;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == authority.npos) {
      return Wrong("the bracket of its IPv6 address is not closed");
    }
    AEGIS_ASSIGN(target.host, ParseIpv6(authority.substr(1, end - 1)));
    authority.remove_prefix(end + 1);
    if (!authority.empty() && !authority.starts_with(':')) {
      return Wrong("something stands behind its IPv6 address");
    }
    port = authority.empty() ? std::nullopt : std::optional(authority.substr(1));
  } else {
    const std::size_t colon = authority.find(':');
    AEGIS_ASSIGN(target.host, ParseName(authority.substr(0, colon)));
    port = colon == authority.npos ? std::nullopt : std::optional(authority.substr(colon + 1));
  }
  if (port) {
    AEGIS_ASSIGN(target.port, ParsePort(*port));
  }
  AEGIS_ASSIGN(target.prefix, ParsePrefix(text.substr(slash)));
  return target;
}

Result<FileTarget> ParseFile(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  if (name.empty() || name == "." || name == "..") {
    return Wrong("it names a directory, not a file");
  }
  return FileTarget{.path = std::string(path)};
}

Result<Target> Parse(std::string_view text) {
  if (text.empty()) {
    return Wrong("it is empty; it may be an http(s):// URL, a file, or syslog");
  }
  if (text.size() > kLongestTarget) {
    return Wrong("it is too long");
  }
  if (std::ranges::any_of(text, IsControl)) {
    return Wrong("it has a control character");
  }
  if (text == "syslog") {
    return SyslogTarget{};
  }
  if (TakePrefix(text, "http://")) {
    return ParseUrl(false, text);
  }
  if (TakePrefix(text, "https://")) {
    return ParseUrl(true, text);
  }
  if (TakePrefix(text, "file:")) {
    if (!text.starts_with("///") || text.find_first_of("%?#") != std::string_view::npos) {
      return Wrong("a file is written file:///PATH without % ? #, or just as its path");
    }
    return ParseFile(text.substr(2));
  }
  if (TakePrefix(text, "http:") || TakePrefix(text, "https:")) {
    return Wrong("a URL begins with http://HOST or https://HOST");
  }
  if (text.substr(0, text.find('/')).ends_with(':') && text.find("://") != std::string_view::npos) {
    return Wrong("of URLs there are http://, https:// and file://");
  }
  return ParseFile(text);
}

}  // namespace

Result<Target> ParseTarget(std::string_view text) {
  auto target = Parse(text);
  if (!target) {
    return Fail(std::move(target).error().Within("witness \"" + base::EscapeName(text) + "\""));
  }
  return target;
}

std::string Authority(const HttpTarget& target) {
  const bool ipv6 = target.host.find(':') != std::string::npos;
  std::string authority = ipv6 ? "[" + target.host + "]" : target.host;
  if (target.port != (target.tls ? kHttpsPort : kHttpPort)) {
    authority += ":" + std::to_string(target.port);
  }
  return authority;
}

std::string TargetText(const Target& target) {
  if (const auto* const http = std::get_if<HttpTarget>(&target)) {
    return (http->tls ? "https://" : "http://") + Authority(*http) + http->prefix;
  }
  if (const auto* const file = std::get_if<FileTarget>(&target)) {
    return file->path;
  }
  return "syslog";
}

}  // namespace aegis::witness
