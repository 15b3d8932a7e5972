#include "base/text.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace aegis::base {

namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

struct CodePoint {
  char32_t value = 0;
  std::size_t size = 0;  // bytes taken; 0: no valid sequence starts here
};

std::uint8_t ByteAt(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

// The shortest form only; no surrogates, nothing above U+10FFFF (Unicode 15, table 3-7).
CodePoint Decode(std::string_view bytes, std::size_t at) {
  const std::uint8_t lead = ByteAt(bytes, at);
  if (lead < 0x80) {
    return {lead, 1};
  }
  std::size_t size = 0;
  char32_t smallest = 0;
  char32_t value = 0;
  if ((lead & 0xE0U) == 0xC0U) {
    size = 2;
    smallest = 0x80;
    value = lead & 0x1FU;
  } else if ((lead & 0xF0U) == 0xE0U) {
    size = 3;
    smallest = 0x800;
    value = lead & 0x0FU;
  } else if ((lead & 0xF8U) == 0xF0U) {
    size = 4;
    smallest = 0x10000;
    value = lead & 0x07U;
  }
  if (size == 0 || bytes.size() - at < size) {
    return {};
  }
  for (std::size_t i = 1; i < size; ++i) {
    const std::uint8_t next = ByteAt(bytes, at + i);
    if ((next & 0xC0U) != 0x80U) {
      return {};
    }
    value = (value << 6U) | (next & 0x3FU);
  }
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (value < smallest || value > 0x10FFFF || surrogate) {
    return {};
  }
  return {value, size};
}

void AppendByteEscape(std::string& out, std::uint8_t byte) {
  out += "\\x";
  out += kHexDigits[byte >> 4U];
  out += kHexDigits[byte & 0x0FU];
}

void AppendCodePointEscape(std::string& out, char32_t value) {
  out += "\\u{";
  bool started = false;
  for (int shift = 20; shift >= 0; shift -= 4) {
    const auto digit = static_cast<std::size_t>((value >> static_cast<unsigned>(shift)) & 0x0FU);
    started = started || digit != 0 || shift == 0;
    if (started) {
      out += kHexDigits[digit];
    }
  }
  out += '}';
}

struct Range {
  char32_t first;
  char32_t last;
};

// Code points that move the cursor, reorder the text around them, or take no room.
constexpr Range kUnsafe[] = {
    {0x0000, 0x001F},    // C0
    {0x007F, 0x009F},    // DEL, C1
    {0x00AD, 0x00AD},    // soft hyphen
    {0x034F, 0x034F},    // combining grapheme joiner
    {0x061C, 0x061C},    // Arabic letter mark (BiDi)
    {0x115F, 0x1160},    // Hangul fillers
    {0x17B4, 0x17B5},    // invisible Khmer vowels
    {0x180B, 0x180F},    // Mongolian selectors and vowel separator
    {0x200B, 0x200F},    // zero width, BiDi marks
    {0x2028, 0x202E},    // line and paragraph separator, BiDi embeddings and overrides
    {0x2060, 0x206F},    // word joiner, invisible operators, BiDi isolates
    {0x3164, 0x3164},    // Hangul filler
    {0xFEFF, 0xFEFF},    // byte order mark, zero width no-break space
    {0xFFA0, 0xFFA0},    // halfwidth Hangul filler
    {0xFFF9, 0xFFFB},    // interlinear annotation
    {0xE0000, 0xE0FFF},  // tags
};

bool IsUnsafeToShow(char32_t value) {
  if (value >= 0x20 && value < 0x7F) {
    return false;
  }
  for (const Range& range : kUnsafe) {
    if (value >= range.first && value <= range.last) {
      return true;
    }
  }
  return false;
}

std::optional<std::uint8_t> HexDigit(char c) {
  const std::size_t at = kHexDigits.find(c);
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  return static_cast<std::uint8_t>(at);
}

// The byte that the `\xHH` at `at` stands for; only a byte ≥ 0x80 is ever written so.
std::optional<char> ByteEscapeAt(std::string_view text, std::size_t at) {
  if (text.size() - at < 4 || text[at + 1] != 'x') {
    return std::nullopt;
  }
  const auto high = HexDigit(text[at + 2]);
  const auto low = HexDigit(text[at + 3]);
  if (!high || !low || *high < 8) {
    return std::nullopt;
  }
  return static_cast<char>((*high << 4U) | *low);
}

std::string Digits(std::int64_t number, std::size_t width) {
  std::string text = std::to_string(number);
  return text.size() < width ? std::string(width - text.size(), '0') + text : text;
}

}  // namespace

void AppendEscapedName(std::string& out, std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    if (bytes[at] == '\\') {
      out += "\\\\";
      ++at;
      continue;
    }
    const std::size_t size = Decode(bytes, at).size;
    if (size == 0) {
      AppendByteEscape(out, ByteAt(bytes, at));
      ++at;
    } else {
      out.append(bytes, at, size);
      at += size;
    }
  }
}

std::string EscapeName(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  AppendEscapedName(out, bytes);
  return out;
}

std::vector<std::string> EscapeNames(std::span<const std::string> names) {
  std::vector<std::string> escaped;
  escaped.reserve(names.size());
  for (const std::string& name : names) {
    escaped.push_back(EscapeName(name));
  }
  return escaped;
}

std::string UnescapeName(std::string_view escaped) {
  std::string out;
  out.reserve(escaped.size());
  for (std::size_t at = 0; at < escaped.size();) {
    if (escaped[at] == '\\') {
      if (at + 1 < escaped.size() && escaped[at + 1] == '\\') {
        out += '\\';
        at += 2;
        continue;
      }
      if (const auto byte = ByteEscapeAt(escaped, at)) {
        out += *byte;
        at += 4;
        continue;
      }
    }
    out += escaped[at++];
  }
  return out;
}

bool IsValidUtf8(std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t size = Decode(bytes, at).size;
    if (size == 0) {
      return false;
    }
    at += size;
  }
  return true;
}

std::string ForDisplay(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint code = Decode(text, at);
    if (code.size == 0) {
      AppendByteEscape(out, ByteAt(text, at));
      ++at;
      continue;
    }
    if (IsUnsafeToShow(code.value)) {
      AppendCodePointEscape(out, code.value);
    } else {
      out.append(text, at, code.size);
    }
    at += code.size;
  }
  return out;
}

std::string FormatTime(std::int64_t unix_ms) {
  constexpr std::int64_t kLastMoment = 253'402'300'799'999;  // the end of year 9999
  constexpr std::int64_t kMillisPerSecond = 1000;
  constexpr std::int64_t kMillisPerMinute = 60 * kMillisPerSecond;
  constexpr std::int64_t kMillisPerHour = 60 * kMillisPerMinute;
  constexpr std::int64_t kMillisPerDay = 24 * kMillisPerHour;
  if (unix_ms < 0 || unix_ms > kLastMoment) {
    return std::to_string(unix_ms);
  }
  const std::chrono::year_month_day date(
      std::chrono::sys_days(std::chrono::days(unix_ms / kMillisPerDay)));
  const std::int64_t rest = unix_ms % kMillisPerDay;
  std::string text = Digits(static_cast<int>(date.year()), 4);
  text.append("-").append(Digits(static_cast<unsigned>(date.month()), 2));
  text.append("-").append(Digits(static_cast<unsigned>(date.day()), 2));
  text.append("T").append(Digits(rest / kMillisPerHour, 2));
  text.append(":").append(Digits(rest / kMillisPerMinute % 60, 2));
  text.append(":").append(Digits(rest / kMillisPerSecond % 60, 2));
  text.append(".").append(Digits(rest % kMillisPerSecond, 3)).append("Z");
  return text;
}

}  // namespace aegis::base
