#include "canon/json.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

#include "base/check.h"
#include "base/text.h"
#include "canon/plain.h"
#include "canon/utf8.h"

namespace aegis::canon {
namespace {

constexpr std::int64_t kMaxExact = std::int64_t{1} << 53U;

// What an ASCII character needs: 0 nothing, 'u' the form \u00xx, else the letter after a backslash;
// kWide marks bytes of longer UTF-8 sequences.
constexpr char kWide = 'w';
constexpr std::array<char, 256> MakeEscapes() {
  std::array<char, 256> table{};
  for (std::size_t c = 0; c < 0x20; ++c) {
    table[c] = 'u';
  }
  for (std::size_t c = 0x80; c < 0x100; ++c) {
    table[c] = kWide;
  }
  table['\b'] = 'b';
  table['\t'] = 't';
  table['\n'] = 'n';
  table['\f'] = 'f';
  table['\r'] = 'r';
  table['"'] = '"';
  table['\\'] = '\\';
  return table;
}
constexpr auto kEscapes = MakeEscapes();

void AppendEscape(std::string& out, char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto byte = static_cast<std::uint8_t>(c);
  out += '\\';
  out += kEscapes[byte];
  if (kEscapes[byte] == 'u') {
    out += "00";
    out += kHex[byte >> 4U];
    out += kHex[byte & 0xfU];
  }
}

// Appends the contents of a string literal; false, with the position of the damage unknown, at
// invalid UTF-8.
bool AppendContents(std::string& out, std::string_view text) {
  std::size_t plain = 0;  // start of the run not yet copied
  std::size_t at = 0;
  while ((at = SkipPlain(text, at)) < text.size()) {
    if (kEscapes[ByteAt(text, at)] == kWide) {
      const std::size_t length = Utf8Length(text, at);
      if (length == 0) {
        return false;
      }
      at += length;
      continue;
    }
    out.append(text, plain, at - plain);
    AppendEscape(out, text[at]);
    plain = ++at;
  }
  out.append(text, plain);
  return true;
}

// The shortest digits d1d2...dk and the exponent n for which 0.d1d2...dk x 10^n is the value.
struct Decimal {
  std::array<char, 24> digits{};
  std::size_t count = 0;
  int exponent = 0;
};

Decimal ShortestDecimal(double value) {
  std::array<char, 40> text{};
  const auto written =
      std::to_chars(text.begin(), text.end(), value, std::chars_format::scientific);
  AEGIS_CHECK(written.ec == std::errc());
  Decimal decimal;
  const char* at = text.begin();
  for (; at != written.ptr && *at != 'e'; ++at) {
    if (*at != '.') {
      decimal.digits.at(decimal.count++) = *at;
    }
  }
  ++at;  // the 'e'
  at += *at == '+' ? 1 : 0;
  (void)std::from_chars(at, written.ptr, decimal.exponent);
  ++decimal.exponent;
  return decimal;
}

}  // namespace

void AppendJsonString(std::string& out, std::string_view utf8) {
  const std::size_t start = out.size();
  out += '"';
  if (!AppendContents(out, utf8)) {
    out.resize(start + 1);
    AEGIS_CHECK(AppendContents(out, base::EscapeName(utf8)));
  }
  out += '"';
}

void AppendJsonInteger(std::string& out, std::int64_t value) {
  if (value > kMaxExact || value < -kMaxExact) {
    AppendJsonNumber(out, static_cast<double>(value));
    return;
  }
  std::array<char, 24> text{};
  const auto written = std::to_chars(text.begin(), text.end(), value);
  out.append(text.begin(), written.ptr);
}

bool AppendJsonNumber(std::string& out, double value) {
  if (!std::isfinite(value)) {
    return false;
  }
  if (value == 0) {
    out += '0';
    return true;
  }
  if (value < 0) {
    out += '-';
    value = -value;
  }
  // ECMA-262, Number::toString, with its names k and n.
  const Decimal decimal = ShortestDecimal(value);
  const std::string_view digits(decimal.digits.data(), decimal.count);
  const int k = static_cast<int>(decimal.count);
  const int n = decimal.exponent;
  if (k <= n && n <= 21) {
    out += digits;
    out.append(static_cast<std::size_t>(n - k), '0');
  } else if (0 < n && n <= 21) {
    out += digits.substr(0, static_cast<std::size_t>(n));
    out += '.';
    out += digits.substr(static_cast<std::size_t>(n));
  } else if (-6 < n && n <= 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-n), '0');
    out += digits;
  } else {
    out += digits[0];
    if (k > 1) {
      out += '.';
      out += digits.substr(1);
    }
    out += n > 0 ? "e+" : "e-";
    AppendJsonInteger(out, std::abs(n - 1));
  }
  return true;
}

}  // namespace aegis::canon
