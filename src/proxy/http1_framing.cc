#include "proxy/http1_framing.h"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>
#include <system_error>

#include "proxy/http1_fault.h"
#include "proxy/http1_lines.h"

namespace aegis::proxy {
namespace {

constexpr std::size_t kLengthDigits = 18;  // any such number fits into 64 bits

// Calls `take` with each member of the lists of that name, which may be repeated.
template <typename Take>
void ForEachMember(const Http1Head& head, std::string_view name, const Take& take) {
  for (const Http1Field& field : head.fields) {
    if (EqualsIgnoringCase(field.name, name)) {
      std::string_view list = field.value;
      while (!list.empty()) {
        take(TakeHttp1Member(list));
      }
    }
  }
}

std::expected<std::uint64_t, Http1Fault> ParseLength(std::string_view digits) {
  std::uint64_t length = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (digits.size() > kLengthDigits || read.ec != std::errc() ||
      read.ptr != digits.data() + digits.size() || (digits.starts_with('0') && digits.size() > 1)) {
    return std::unexpected(Http1Fault::kLength);
  }
  return length;
}

}  // namespace

std::expected<bool, Http1Fault> IsHttp10(std::string_view version) {
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    return std::unexpected(version == "HTTP/2.0" ? Http1Fault::kHttp2 : Http1Fault::kVersion);
  }
  return version == "HTTP/1.0";
}

std::expected<std::optional<std::string_view>, Http1Fault> OnlyValue(const Http1Head& head,
                                                                     std::string_view name,
                                                                     Http1Fault if_repeated) {
  std::optional<std::string_view> value;
  for (const Http1Field& field : head.fields) {
    if (!EqualsIgnoringCase(field.name, name)) {
      continue;
    }
    if (value) {
      return std::unexpected(if_repeated);
    }
    value = field.value;
  }
  return value;
}

std::expected<bool, Http1Fault> EndsConnection(const Http1Head& head, bool http_1_0) {
  bool close = false;
  bool keep_alive = false;
  bool hides = false;
  ForEachMember(head, "connection", [&](std::string_view option) {
    close = close || EqualsIgnoringCase(option, "close");
    keep_alive = keep_alive || EqualsIgnoringCase(option, "keep-alive");
    // Who passes the message on removes the fields that are named here.
    hides = hides || EqualsIgnoringCase(option, "host") ||
            EqualsIgnoringCase(option, "content-length") ||
            EqualsIgnoringCase(option, "transfer-encoding");
  });
  if (hides) {
    return std::unexpected(Http1Fault::kConnection);
  }
  return close || (http_1_0 && !keep_alive);
}

std::expected<std::optional<Http1Framing>, Http1Fault> ParseHttp1Framing(const Http1Head& head,
                                                                         bool http_1_0,
                                                                         Http1Case encoding_case) {
  const auto encoding = OnlyValue(head, "transfer-encoding", Http1Fault::kTransferEncoding);
  const auto length = OnlyValue(head, "content-length", Http1Fault::kLengthRepeated);
  if (!encoding || !length) {
    return std::unexpected(encoding ? length.error() : encoding.error());
  }
  if (*encoding && *length) {
    return std::unexpected(Http1Fault::kLengthAndEncoding);
  }
  if (*encoding) {
    const bool chunked = encoding_case == Http1Case::kAny
                             ? EqualsIgnoringCase(**encoding, "chunked")
                             : **encoding == "chunked";
    if (!chunked || http_1_0) {
      return std::unexpected(Http1Fault::kTransferEncoding);
    }
    return Http1Framing{.kind = Http1Framing::Kind::kChunked};
  }
  if (*length) {
    const auto bytes = ParseLength(**length);
    if (!bytes) {
      return std::unexpected(bytes.error());
    }
    return Http1Framing{.length = *bytes};
  }
  return std::nullopt;
}

}  // namespace aegis::proxy
