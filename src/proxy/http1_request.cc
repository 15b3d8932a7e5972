#include "proxy/http1_request.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

#include "proxy/http1_authority.h"
#include "proxy/http1_fault.h"
#include "proxy/http1_framing.h"
#include "proxy/http1_lines.h"

namespace aegis::proxy {
namespace {

constexpr std::size_t kLongestMethod = 32;
constexpr std::string_view kScheme = "http://";
constexpr std::string_view kSsh = "SSH-";  // RFC 4253, section 4.2

using Parsed = std::expected<void, Http1Fault>;

// A method may not begin like SSH, so that the two can be told apart.
bool IsMethod(std::string_view text) {
  return IsHttp1Token(text) && text.size() <= kLongestMethod && !text.starts_with(kSsh);
}

Parsed TakeMethod(std::string_view method, Http1Request& request) {
  if (!IsMethod(method)) {
    return std::unexpected(Http1Fault::kMethod);
  }
  if (method != "HEAD" && EqualsIgnoringCase(method, "head")) {
    return std::unexpected(Http1Fault::kMethod);  // whether its response has a body would be unsure
  }
  if (EqualsIgnoringCase(method, "connect")) {
    return std::unexpected(Http1Fault::kConnect);
  }
  request.method = method;
  return {};
}

// No space, no control, nothing beyond ASCII; and no fragment, which some would cut off.
bool IsTargetCharacter(char c) { return c > ' ' && c <= '~' && c != '#'; }

// Gives the target's own authority, where it has one.
std::expected<std::optional<Http1Authority>, Http1Fault> TakeTarget(std::string_view target,
                                                                    Http1Request& request) {
  if (!std::ranges::all_of(target, IsTargetCharacter)) {
    return std::unexpected(Http1Fault::kTarget);
  }
  request.target = target;
  if (target == "*" && request.method == "OPTIONS") {
    request.path = target;
    return std::nullopt;
  }
  std::optional<Http1Authority> authority;
  if (target.starts_with(kScheme)) {
    target.remove_prefix(kScheme.size());
    const std::size_t end = std::min(target.find_first_of("/?"), target.size());
    authority = ParseHttp1Authority(target.substr(0, end));
    target.remove_prefix(end);
    if (!authority) {
      return std::unexpected(Http1Fault::kTarget);
    }
  } else if (!target.starts_with('/')) {
    return std::unexpected(Http1Fault::kTarget);
  }
  const std::string_view path = target.substr(0, target.find('?'));
  request.path = path.empty() ? "/" : path;
  return authority;
}

Parsed TakeHost(const Http1Head& head, const std::optional<Http1Authority>& of_target,
                Http1Request& request) {
  const auto host = OnlyValue(head, "host", Http1Fault::kHostRepeated);
  if (!host) {
    return std::unexpected(host.error());
  }
  if (!*host) {
    return std::unexpected(Http1Fault::kHostMissing);
  }
  const auto authority = ParseHttp1Authority(**host);
  if (!authority) {
    return std::unexpected(Http1Fault::kHost);
  }
  if (of_target && *of_target != *authority) {
    return std::unexpected(Http1Fault::kTargetIsNotHost);
  }
  request.authority = *authority;
  return {};
}

// Protocols that would carry requests past us: other versions of HTTP, and TLS with HTTP inside.
bool MayUpgradeTo(std::string_view protocol) {
  const std::string_view name = protocol.substr(0, protocol.find('/'));
  return !std::ranges::any_of(
      std::to_array<std::string_view>({"h2c", "h2", "h3", "http", "tls"}),
      [name](std::string_view refused) { return EqualsIgnoringCase(name, refused); });
}

Parsed TakeUpgrade(const Http1Head& head, bool http_1_0, Http1Request& request) {
  const auto upgrade = OnlyValue(head, "upgrade", Http1Fault::kUpgrade);
  if (!upgrade) {
    return std::unexpected(upgrade.error());
  }
  if (!*upgrade) {
    return {};
  }
  request.upgrade = **upgrade;
  bool relayed = !http_1_0 && !request.upgrade.empty() && !request.upgrade.ends_with(',');
  for (std::string_view list = **upgrade; !list.empty();) {
    const std::string_view protocol = TakeHttp1Member(list);
    relayed = relayed && !protocol.empty() && MayUpgradeTo(protocol);
  }
  return relayed ? Parsed() : std::unexpected(Http1Fault::kUpgrade);
}

Parsed TakeBody(const Http1Head& head, bool http_1_0, Http1Request& request) {
  const auto framing = ParseHttp1Framing(head, http_1_0, Http1Case::kLower);
  const auto expect = OnlyValue(head, "expect", Http1Fault::kExpect);
  const auto last = EndsConnection(head, http_1_0);
  if (!framing || !expect || !last) {
    return std::unexpected(!framing ? framing.error() : !expect ? expect.error() : last.error());
  }
  request.framing = framing->value_or(Http1Framing{});
  request.last = *last;
  if (*expect) {
    if (http_1_0 || !EqualsIgnoringCase(**expect, "100-continue")) {
      return std::unexpected(Http1Fault::kExpect);
    }
    request.expects_continue = request.framing != Http1Framing{};
  }
  return {};
}

}  // namespace

std::expected<Http1Request, Http1Fault> ParseHttp1Request(std::string_view bytes) {
  const auto head = ParseHttp1Head(bytes);
  if (!head) {
    return std::unexpected(head.error());
  }
  const std::string_view line = head->start_line;
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == last) {  // with one space: HTTP/0.9
    return std::unexpected(Http1Fault::kRequestLine);
  }
  const auto http_1_0 = IsHttp10(line.substr(last + 1));
  if (!http_1_0) {
    return std::unexpected(http_1_0.error());
  }
  Http1Request request;
  if (const auto taken = TakeMethod(line.substr(0, first), request); !taken) {
    return std::unexpected(taken.error());
  }
  const auto authority = TakeTarget(line.substr(first + 1, last - first - 1), request);
  if (!authority) {
    return std::unexpected(authority.error());
  }
  for (const Parsed& taken :
       {TakeHost(*head, *authority, request), TakeUpgrade(*head, *http_1_0, request),
        TakeBody(*head, *http_1_0, request)}) {
    if (!taken) {
      return std::unexpected(taken.error());
    }
  }
  return request;
}

Http1Look LooksLikeHttp1(std::span<const std::uint8_t> first_bytes) {
  const std::string_view text =
      AsText(first_bytes.first(std::min(first_bytes.size(), kLongestMethod + 1)));
  const std::size_t space = text.find(' ');
  if (!text.empty() && !IsMethod(text.substr(0, space))) {
    return Http1Look::kNo;
  }
  return space == std::string_view::npos ? Http1Look::kNeedsMore : Http1Look::kYes;
}

}  // namespace aegis::proxy
