#include "canon/number.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "canon/json.h"

namespace aegis::canon {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Consumes digits from the front; false if there are none.
bool TakeDigits(std::string_view& text) {
  const auto end = std::find_if_not(text.begin(), text.end(), IsDigit);
  const auto count = static_cast<std::size_t>(end - text.begin());
  text.remove_prefix(count);
  return count > 0;
}

bool IsJsonNumber(std::string_view text) {
  if (text.starts_with('-')) {
    text.remove_prefix(1);
  }
  const bool leading_zero = text.starts_with('0') && text.size() > 1 && IsDigit(text[1]);
  if (leading_zero || !TakeDigits(text)) {
    return false;
  }
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (!TakeDigits(text)) {
      return false;
    }
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('+') || text.starts_with('-')) {
      text.remove_prefix(1);
    }
    if (!TakeDigits(text)) {
      return false;
    }
  }
  return text.empty();
}

// Whether a valid number that no double holds is too small rather than too great.
bool IsTooSmall(std::string_view text) {
  constexpr std::int64_t kFar = std::int64_t{1} << 40U;
  const std::size_t exponent_at = text.find_first_of("eE");
  std::int64_t exponent = 0;
  if (exponent_at != std::string_view::npos) {
    std::string_view digits = text.substr(exponent_at + 1);
    digits.remove_prefix(digits.starts_with('+') ? 1 : 0);
    const auto parsed = std::from_chars(digits.begin(), digits.end(), exponent);
    if (parsed.ec == std::errc::result_out_of_range) {
      exponent = digits.starts_with('-') ? -kFar : kFar;
    }
    exponent = std::clamp(exponent, -kFar, kFar);
  }
  const std::string_view mantissa = text.substr(0, exponent_at);
  const std::size_t first = mantissa.find_first_of("123456789");
  const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
  if (first == std::string_view::npos) {
    return true;
  }
  return static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first) + exponent < 0;
}

}  // namespace

std::optional<double> ParseJsonNumber(std::string_view text) {
  if (!IsJsonNumber(text)) {
    return std::nullopt;
  }
  double value = 0;
  const auto parsed = std::from_chars(text.begin(), text.end(), value);
  if (parsed.ec == std::errc::result_out_of_range) {
    return IsTooSmall(text) ? std::optional(0.0) : std::nullopt;
  }
  return parsed.ec == std::errc() ? std::optional(value) : std::nullopt;
}

bool IsCanonicalNumber(std::string_view text) {
  // The common case, small integers, needs no double.
  const bool all_digits = !text.empty() && std::all_of(text.begin(), text.end(), IsDigit);
  if (all_digits && text.size() <= 15) {
    return text.size() == 1 || text[0] != '0';
  }
  const std::optional<double> value = ParseJsonNumber(text);
  if (!value) {
    return false;
  }
  std::string written;
  return AppendJsonNumber(written, *value) && written == text;
}

}  // namespace aegis::canon
