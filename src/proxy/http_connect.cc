#include "proxy/http_connect.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>

#include "proxy/bytes.h"
#include "proxy/host_port.h"
#include "proxy/parsed.h"

namespace aegis::proxy {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

struct ReplyText {
  std::string_view status;
  std::string_view field;  // one more line of the head
  std::string_view body;   // empty: the tunnel begins
};

// In the order of ConnectReply.
constexpr std::array<ReplyText, 5> kReplies = {{
    {.status = "200 Connection established", .field = "", .body = ""},
    {.status = "400 Bad Request", .field = "", .body = "This is no CONNECT as RFC 9110 has it.\n"},
    {.status = "403 Forbidden", .field = "", .body = "The policies do not permit this.\n"},
    {.status = "405 Method Not Allowed",
     .field = "Allow: CONNECT\r\n",
     .body = "This is a proxy for CONNECT only.\n"},
    {.status = "502 Bad Gateway", .field = "", .body = "The host can't be reached.\n"},
}};

Refused Because(std::string_view reason, ConnectReply reply = ConnectReply::kBadRequest) {
  return {.reason = reason, .reply = BuildConnectReply(reply)};
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
char LowerCase(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// RFC 9110 §5.6.2.
bool IsToken(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [kMarks](char character) {
    const char c = LowerCase(character);
    return IsDigit(c) || (c >= 'a' && c <= 'z') || kMarks.contains(c);
  });
}

bool IsName(std::string_view text, std::string_view lower_case) {
  return std::ranges::equal(text, lower_case, {}, LowerCase);
}

std::string_view Trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(' ');
  return begin == std::string_view::npos
             ? std::string_view()
             : text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
}

// Up to `end`, which is dropped; all of it where there is none.
std::string_view TakeUntil(std::string_view& text, std::string_view end) {
  const std::size_t at = text.find(end);
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + end.size());
  return taken;
}

// The head with its empty line. Each byte is judged as it comes, lines are not: so the answer is
// the same however the bytes are split.
Parsed<std::string_view> FindHead(std::string_view text) {
  const bool full = text.size() >= kMostConnectBytes;
  text = text.substr(0, kMostConnectBytes);
  std::size_t line = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\r') {
      if (i + 1 == text.size()) {
        break;
      }
      if (text[i + 1] != '\n') {
        return Because("a line that does not end in CRLF");
      }
      if (i == line) {
        return text.substr(0, i + kLineEnd.size());
      }
      line = i + kLineEnd.size();
      ++i;
    } else if (c == '\n') {
      return Because("a line that does not end in CRLF");
    } else if (c < ' ' || c > '~') {
      return Because("a byte that is not printable ASCII");
    }
  }
  return full ? Parsed<std::string_view>(Because("request head too long")) : NeedMore{};
}

// 1 to 65535 without leading zeros.
std::optional<std::uint16_t> ParsePort(std::string_view text) {
  std::uint16_t port = 0;
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const auto [at, error] = std::from_chars(begin, end, port);
  if (error != std::errc() || at != end || text.starts_with('0')) {
    return std::nullopt;
  }
  return port;
}

// `host:port`, an IPv6 address in brackets (RFC 3986 §3.2). Without a port it is `default_port`,
// where there is one.
std::optional<HostPort> ParseAuthority(std::string_view text,
                                       std::optional<std::uint16_t> default_port) {
  const bool bracketed = text.starts_with('[');
  const std::size_t close = text.find(']');
  if (bracketed && close == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view host =
      bracketed ? text.substr(1, close - 1) : text.substr(0, text.find(':'));
  // Brackets are for IPv6 addresses, and these need them.
  if (bracketed != host.contains(':')) {
    return std::nullopt;
  }
  text.remove_prefix(bracketed ? close + 1 : host.size());
  std::optional<std::uint16_t> port = default_port;
  if (!text.empty() || !port) {
    port = text.starts_with(':') ? ParsePort(text.substr(1)) : std::nullopt;
  }
  if (!port) {
    return std::nullopt;
  }
  const auto target = HostPortOf(host, *port);
  return target ? std::optional(*target) : std::nullopt;
}

Parsed<HostPort> ReadRequestLine(std::string_view line) {
  const std::string_view method = TakeUntil(line, " ");
  const std::string_view target = TakeUntil(line, " ");
  if (!IsToken(method) || target.empty() || (line != "HTTP/1.1" && line != "HTTP/1.0")) {
    return Because("malformed request line");
  }
  if (method != "CONNECT") {
    return Because("another method than CONNECT", ConnectReply::kMethodNotAllowed);
  }
  const auto parsed = ParseAuthority(target, std::nullopt);
  if (!parsed) {
    return Because("CONNECT to something else than HOST:PORT");
  }
  return *parsed;
}

// What is wrong with the fields, each with its CRLF; "" for nothing.
std::string_view ReadFields(std::string_view fields, const HostPort& target) {
  bool has_host = false;
  while (!fields.empty()) {
    std::string_view value = TakeUntil(fields, kLineEnd);
    const bool has_colon = value.contains(':');
    const std::string_view name = TakeUntil(value, ":");
    if (!has_colon || !IsToken(name)) {
      return "malformed header field";
    }
    if (IsName(name, "content-length") || IsName(name, "transfer-encoding")) {
      return "CONNECT with a body";
    }
    if (IsName(name, "host")) {
      if (has_host || ParseAuthority(Trimmed(value), target.port) != target) {
        return "a Host that is not the one of CONNECT";
      }
      has_host = true;
    }
  }
  return "";
}

}  // namespace

Parsed<ConnectRequest> ParseConnectRequest(std::span<const std::uint8_t> bytes) {
  const Parsed<std::string_view> found = FindHead(AsText(bytes));
  if (const auto* refused = std::get_if<Refused>(&found)) {
    return *refused;
  }
  const auto* head = std::get_if<std::string_view>(&found);
  if (head == nullptr) {
    return NeedMore{};
  }
  std::string_view fields = head->substr(0, head->size() - kLineEnd.size());
  Parsed<HostPort> line = ReadRequestLine(TakeUntil(fields, kLineEnd));
  if (auto* refused = std::get_if<Refused>(&line)) {
    return std::move(*refused);
  }
  const auto& target = std::get<HostPort>(line);
  if (const auto problem = ReadFields(fields, target); !problem.empty()) {
    return Because(problem);
  }
  return ConnectRequest{.target = target, .size = head->size()};
}

Bytes BuildConnectReply(ConnectReply reply) {
  const ReplyText& text = kReplies.at(static_cast<std::size_t>(reply));
  std::string out = "HTTP/1.1 ";
  out += text.status;
  out += kLineEnd;
  out += text.field;
  if (!text.body.empty()) {
    out += "Content-Type: text/plain\r\nContent-Length: " + std::to_string(text.body.size()) +
           "\r\nConnection: close\r\n";
  }
  out += kLineEnd;
  out += text.body;
  return {out.begin(), out.end()};
}

}  // namespace aegis::proxy
