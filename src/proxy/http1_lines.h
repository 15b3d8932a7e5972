#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string_view>
#include <vector>

#include "proxy/http1_fault.h"

// Lines and fields of HTTP/1, read as strictly as RFC 9112 lets a recipient (sections 2.2 and 5):
// what two recipients could read in two ways is a fault.
namespace aegis::proxy {

inline constexpr std::size_t kLongestHttp1Head = std::size_t{64} * 1024;  // trailers as well
inline constexpr std::size_t kMostHttp1Fields = 128;

// Finds where a line, or a head with its empty line, ends in bytes that come bit by bit. Each byte
// is looked at once: until the end is found, each call must be given the bytes of the call before,
// and may be given more behind them. Lines end in CRLF and hold no other control byte than HTAB.
class Http1LineFinder {
 public:
  enum class Until { kEndOfLine, kEmptyLine };

  // The bytes up to the end and with it, at most `limit`; 0: it has not come yet.
  std::expected<std::size_t, Http1Fault> Find(std::span<const std::uint8_t> bytes, Until until,
                                              std::size_t limit);

 private:
  std::size_t scanned_ = 0;
  std::size_t line_begin_ = 0;
};

// Views into the bytes that were parsed.
struct Http1Field {
  std::string_view name;
  std::string_view value;  // without spaces around it; a HTAB stays, so that it is not overlooked
};

struct Http1Head {
  std::string_view start_line;
  std::vector<Http1Field> fields;
};

// `line` is without its CRLF, and free of control bytes as Http1LineFinder leaves it.
std::expected<Http1Field, Http1Fault> ParseHttp1Field(std::string_view line);

// `head` is what Http1LineFinder found: with its empty line.
std::expected<Http1Head, Http1Fault> ParseHttp1Head(std::string_view head);

// RFC 9110, section 5.6.2.
bool IsHttp1Token(std::string_view text);

// ASCII only. `lower` is in lower case.
bool EqualsIgnoringCase(std::string_view text, std::string_view lower);

// Splits the first member off a list, without spaces and tabs around it; empty members too.
std::string_view TakeHttp1Member(std::string_view& list);

std::string_view AsText(std::span<const std::uint8_t> bytes);

}  // namespace aegis::proxy
