#include "cli/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "advice/cedar_text.h"
#include "base/text.h"

namespace aegis::cli {
namespace {

constexpr std::int64_t kMillisPerSecond = 1000;
constexpr std::int64_t kMillisPerMinute = 60 * kMillisPerSecond;
constexpr std::int64_t kMillisPerHour = 60 * kMillisPerMinute;
constexpr std::int64_t kMillisPerDay = 24 * kMillisPerHour;

// Reads a time from the front of a text; each step says whether it succeeded.
class TimeReader {
 public:
  explicit TimeReader(std::string_view text) : rest_(text) {}

  bool Number(std::size_t digits, std::int64_t most, std::int64_t& number) {
    if (rest_.size() < digits || rest_.find_first_not_of("0123456789") < digits) {
      return false;
    }
    const std::string_view front = rest_.substr(0, digits);
    std::from_chars(front.data(), front.data() + front.size(), number);
    rest_.remove_prefix(digits);
    return number <= most;
  }
  bool Take(char c) {
    if (!rest_.starts_with(c)) {
      return false;
    }
    rest_.remove_prefix(1);
    return true;
  }
  // ".5" and the like, down to milliseconds; further digits are passed over.
  bool Fraction(std::int64_t& millis) {
    std::size_t digits = 0;
    std::int64_t scale = kMillisPerSecond / 10;
    for (; digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9'; ++digits) {
      millis += (rest_[digits] - '0') * scale;
      scale /= 10;
    }
    rest_.remove_prefix(digits);
    return digits > 0;
  }
  bool AtEnd() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

std::optional<std::int64_t> ReadDate(TimeReader& reader) {
  std::int64_t year = 0;
  std::int64_t month = 0;
  std::int64_t day = 0;
  if (!reader.Number(4, 9999, year) || !reader.Take('-') || !reader.Number(2, 12, month) ||
      !reader.Take('-') || !reader.Number(2, 31, day)) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(year)),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (!date.ok()) {
    return std::nullopt;
  }
  return std::chrono::sys_days(date).time_since_epoch().count() * kMillisPerDay;
}

std::optional<std::int64_t> ReadClock(TimeReader& reader) {
  std::int64_t hour = 0;
  std::int64_t minute = 0;
  std::int64_t second = 0;
  std::int64_t millis = 0;
  if (!reader.Number(2, 23, hour) || !reader.Take(':') || !reader.Number(2, 59, minute)) {
    return std::nullopt;
  }
  if (reader.Take(':') &&
      (!reader.Number(2, 60, second) || (reader.Take('.') && !reader.Fraction(millis)))) {
    return std::nullopt;
  }
  return hour * kMillisPerHour + minute * kMillisPerMinute + second * kMillisPerSecond + millis;
}

// What must be taken off a local time: 0 for "Z" and nothing.
std::optional<std::int64_t> ReadOffset(TimeReader& reader) {
  if (reader.AtEnd() || reader.Take('Z') || reader.Take('z')) {
    return 0;
  }
  const bool behind = reader.Take('-');
  std::int64_t hour = 0;
  std::int64_t minute = 0;
  if ((!behind && !reader.Take('+')) || !reader.Number(2, 23, hour) || !reader.Take(':') ||
      !reader.Number(2, 59, minute)) {
    return std::nullopt;
  }
  const std::int64_t offset = hour * kMillisPerHour + minute * kMillisPerMinute;
  return behind ? -offset : offset;
}

// The code point of the valid UTF-8 sequence at the front, and its length.
struct CodePoint {
  std::uint32_t value;
  std::size_t length;
};

CodePoint Decode(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80) {
    return {.value = lead, .length = 1};
  }
  if (lead < 0xe0) {
    return {.value = (lead & 0x1fU) << 6U | (byte(1) & 0x3fU), .length = 2};
  }
  if (lead < 0xf0) {
    return {.value = (lead & 0x0fU) << 12U | (byte(1) & 0x3fU) << 6U | (byte(2) & 0x3fU),
            .length = 3};
  }
  return {.value = (lead & 0x07U) << 18U | (byte(1) & 0x3fU) << 12U | (byte(2) & 0x3fU) << 6U |
                   (byte(3) & 0x3fU),
          .length = 4};
}

// A UTF-16 code unit as JSON escapes it.
void AppendUnit(std::string& out, std::uint32_t unit) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += "\\u";
  for (const unsigned shift : {12U, 8U, 4U, 0U}) {
    out += kHex[unit >> shift & 0xfU];
  }
}

bool IsHarmless(std::string_view character) { return base::ForDisplay(character) == character; }

}  // namespace

std::optional<std::int64_t> ParseTime(std::string_view text) {
  TimeReader reader(text);
  const auto date = ReadDate(reader);
  if (!date || reader.AtEnd()) {
    return date;
  }
  if (!reader.Take('T') && !reader.Take('t') && !reader.Take(' ')) {
    return std::nullopt;
  }
  const auto clock = ReadClock(reader);
  const auto offset = clock ? ReadOffset(reader) : std::nullopt;
  if (!offset || !reader.AtEnd()) {
    return std::nullopt;
  }
  return *date + *clock - *offset;
}

std::optional<std::int64_t> ParseAge(std::string_view text) {
  constexpr std::int64_t kMinute = 60'000;
  constexpr std::array<std::pair<char, std::int64_t>, 4> kUnits = {
      {{'m', kMinute}, {'h', 60 * kMinute}, {'d', 1440 * kMinute}, {'w', 10'080 * kMinute}}};
  constexpr std::int64_t kMost = 100'000;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 1 || number > kMost ||
      end + 1 != text.data() + text.size()) {
    return std::nullopt;
  }
  for (const auto& [letter, unit] : kUnits) {
    if (*end == letter) {
      return number * unit;
    }
  }
  return std::nullopt;
}

std::string HarmlessJson(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  while (!json.empty()) {
    // Runs of printable ASCII, which nearly all is, are copied whole.
    std::size_t plain = 0;
    while (plain < json.size() && ((json[plain] >= ' ' && json[plain] <= '~') ||
                                   json[plain] == '\n' || json[plain] == '\t')) {
      ++plain;
    }
    out.append(json.substr(0, plain));
    json.remove_prefix(plain);
    if (json.empty()) {
      break;
    }
    const CodePoint point = Decode(json);
    const std::string_view character = json.substr(0, point.length);
    if (IsHarmless(character)) {
      out.append(character);
    } else if (point.value <= 0xffff) {
      AppendUnit(out, point.value);
    } else {
      AppendUnit(out, 0xd800U + ((point.value - 0x10000U) >> 10U));
      AppendUnit(out, 0xdc00U + ((point.value - 0x10000U) & 0x3ffU));
    }
    json.remove_prefix(character.size());
  }
  return out;
}

std::string CedarString(std::string_view text) { return advice::CedarString(text); }

std::string Count(std::uint64_t number, std::string_view singular) {
  std::string text = std::to_string(number);
  text.append(" ").append(singular);
  return number == 1 ? text : text + "s";
}

std::string Bytes(std::uint64_t bytes) {
  if (bytes < 1024) {
    return Count(bytes, "byte");
  }
  constexpr std::array<std::string_view, 3> kUnits = {" KiB", " MiB", " GiB"};
  std::size_t unit = 0;
  std::uint64_t tenths = bytes / 1024 * 10 + bytes % 1024 * 10 / 1024;
  while (tenths >= 10240 && unit + 1 < kUnits.size()) {
    tenths /= 1024;
    ++unit;
  }
  std::string text = std::to_string(tenths / 10);
  return text.append(".").append(std::to_string(tenths % 10)).append(kUnits.at(unit));
}

std::size_t Characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

std::string Padded(std::string text, std::size_t width) {
  const std::size_t characters = Characters(text);
  if (characters < width) {
    text.append(width - characters, ' ');
  }
  return text;
}

}  // namespace aegis::cli
