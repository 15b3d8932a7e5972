#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "proxy/http1_fault.h"
#include "proxy/http1_lines.h"

// What heads of requests and responses have in common: version, framing, the connection's end (RFC
// 9112, sections 2.3, 6 and 9).
namespace aegis::proxy {

// How the end of a body is known.
struct Http1Framing {
  enum class Kind : std::uint8_t { kLength, kChunked, kUntilClose };
  Kind kind = Kind::kLength;
  std::uint64_t length = 0;  // bytes, of kLength

  bool operator==(const Http1Framing&) const = default;
};

// "HTTP/1.1" or "HTTP/1.0": whether it is the latter.
std::expected<bool, Http1Fault> IsHttp10(std::string_view version);

// The one value of a field; nothing where there is no such field. `name` is in lower case.
std::expected<std::optional<std::string_view>, Http1Fault> OnlyValue(const Http1Head& head,
                                                                     std::string_view name,
                                                                     Http1Fault if_repeated);

// What the fields say of the body; nothing if they say nothing. The one encoding is "chunked", and
// HTTP/1.0 has none.
enum class Http1Case { kLower, kAny };
std::expected<std::optional<Http1Framing>, Http1Fault> ParseHttp1Framing(const Http1Head& head,
                                                                         bool http_1_0,
                                                                         Http1Case encoding_case);

// Whether the sender says that the connection ends with this message. Where somebody else takes it
// otherwise no byte is taken for another: the connection ends a message earlier or later.
std::expected<bool, Http1Fault> EndsConnection(const Http1Head& head, bool http_1_0);

}  // namespace aegis::proxy
