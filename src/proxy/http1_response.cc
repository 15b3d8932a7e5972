#include "proxy/http1_response.h"

#include <charconv>
#include <cstddef>
#include <expected>
#include <string_view>
#include <system_error>

#include "proxy/http1_fault.h"
#include "proxy/http1_framing.h"
#include "proxy/http1_lines.h"

namespace aegis::proxy {
namespace {

constexpr std::size_t kStatusDigits = 3;
constexpr unsigned kLeastStatus = 100;
constexpr unsigned kLeastFinalStatus = 200;
constexpr unsigned kNoContent = 204;
constexpr unsigned kNotModified = 304;

struct StatusLine {
  unsigned status = 0;
  bool http_1_0 = false;
};

// A missing space before an empty reason is common, and harmless.
std::expected<StatusLine, Http1Fault> ParseStatusLine(std::string_view line) {
  const std::size_t space = line.find(' ');
  const auto http_1_0 = IsHttp10(line.substr(0, space));
  if (!http_1_0) {
    return std::unexpected(http_1_0.error());
  }
  const std::string_view rest =
      space == std::string_view::npos ? std::string_view() : line.substr(space + 1);
  const std::string_view digits = rest.substr(0, rest.find(' '));
  unsigned status = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), status);
  if (digits.size() != kStatusDigits || read.ec != std::errc() ||
      read.ptr != digits.data() + digits.size() || status < kLeastStatus) {
    return std::unexpected(Http1Fault::kStatusLine);
  }
  return StatusLine{.status = status, .http_1_0 = *http_1_0};
}

}  // namespace

std::expected<Http1Response, Http1Fault> ParseHttp1Response(std::string_view bytes,
                                                            std::string_view method) {
  const auto head = ParseHttp1Head(bytes);
  if (!head) {
    return std::unexpected(head.error());
  }
  const auto line = ParseStatusLine(head->start_line);
  if (!line) {
    return std::unexpected(line.error());
  }
  const auto framing = ParseHttp1Framing(*head, line->http_1_0, Http1Case::kAny);
  const auto last = EndsConnection(*head, line->http_1_0);
  if (!framing || !last) {
    return std::unexpected(framing ? last.error() : framing.error());
  }
  Http1Response response{.status = line->status, .last = *last};
  const bool never_has_body = line->status < kLeastFinalStatus || line->status == kNoContent;
  if (never_has_body && framing->value_or(Http1Framing{}) != Http1Framing{}) {
    return std::unexpected(Http1Fault::kBodyOfNone);
  }
  if (!never_has_body && method != "HEAD" && line->status != kNotModified) {
    response.framing = framing->value_or(Http1Framing{.kind = Http1Framing::Kind::kUntilClose});
    response.last = response.last || response.framing.kind == Http1Framing::Kind::kUntilClose;
  }
  return response;
}

}  // namespace aegis::proxy
