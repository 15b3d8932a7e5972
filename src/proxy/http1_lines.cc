#include "proxy/http1_lines.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string_view>

#include "proxy/host_name.h"
#include "proxy/http1_fault.h"

namespace aegis::proxy {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::uint8_t kDelete = 0x7f;

bool IsControl(std::uint8_t byte) {
  return (byte < ' ' && byte != '\t' && byte != '\r') || byte == kDelete;
}

bool IsTokenCharacter(char character) {
  const char c = LowerCase(character);
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

std::string_view Trim(std::string_view text, std::string_view blanks) {
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) {
    return {};
  }
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

std::string_view TakeLine(std::string_view& text) {
  const std::size_t end = text.find(kLineEnd);
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + kLineEnd.size());
  return line;
}

}  // namespace

std::expected<std::size_t, Http1Fault> Http1LineFinder::Find(std::span<const std::uint8_t> bytes,
                                                             Until until, std::size_t limit) {
  for (; scanned_ < bytes.size(); ++scanned_) {
    if (scanned_ == limit) {
      return std::unexpected(Http1Fault::kTooLong);
    }
    const std::uint8_t byte = bytes[scanned_];
    const bool after_return = scanned_ > 0 && bytes[scanned_ - 1] == '\r';
    if (byte == '\n' && !after_return) {
      return std::unexpected(Http1Fault::kBareLineFeed);
    }
    if (byte != '\n' && after_return) {
      return std::unexpected(Http1Fault::kBareCarriageReturn);
    }
    if (byte != '\n') {
      if (IsControl(byte)) {
        return std::unexpected(Http1Fault::kControlByte);
      }
      continue;
    }
    const std::size_t end = scanned_ + 1;
    if (until == Until::kEndOfLine || end - line_begin_ == kLineEnd.size()) {
      *this = {};
      return end;
    }
    line_begin_ = end;
  }
  return 0;
}

std::expected<Http1Field, Http1Fault> ParseHttp1Field(std::string_view line) {
  if (line.starts_with(' ') || line.starts_with('\t')) {
    return std::unexpected(Http1Fault::kFolded);
  }
  const std::size_t colon = line.find(':');
  const Http1Field field{
      .name = line.substr(0, colon),
      .value =
          Trim(colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1), " ")};
  if (colon == std::string_view::npos || !IsHttp1Token(field.name)) {
    return std::unexpected(Http1Fault::kFieldName);
  }
  return field;
}

std::expected<Http1Head, Http1Fault> ParseHttp1Head(std::string_view head) {
  Http1Head parsed{.start_line = TakeLine(head), .fields = {}};
  for (std::string_view line = TakeLine(head); !line.empty(); line = TakeLine(head)) {
    if (parsed.fields.size() == kMostHttp1Fields) {
      return std::unexpected(Http1Fault::kTooManyFields);
    }
    const auto field = ParseHttp1Field(line);
    if (!field) {
      return std::unexpected(field.error());
    }
    parsed.fields.push_back(*field);
  }
  return parsed;
}

bool IsHttp1Token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, IsTokenCharacter);
}

bool EqualsIgnoringCase(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower, {}, LowerCase);
}

std::string_view TakeHttp1Member(std::string_view& list) {
  const std::size_t comma = list.find(',');
  const std::string_view member = list.substr(0, comma);
  list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  return Trim(member, " \t");
}

std::string_view AsText(std::span<const std::uint8_t> bytes) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace aegis::proxy
