#include "canon/cursor.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "canon/jcs.h"
#include "canon/number.h"
#include "canon/plain.h"
#include "canon/utf8.h"

namespace aegis::canon {
namespace {

constexpr std::int64_t kMaxExact = std::int64_t{1} << 53U;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The value of the two last digits of a canonical \u00xx escape, or -1: lower case, below 0x20, and
// not one of the characters that have a short form.
int ControlEscape(std::string_view hex) {
  if (!hex.starts_with("00") || (hex[2] != '0' && hex[2] != '1')) {
    return -1;
  }
  int low = -1;
  if (IsDigit(hex[3])) {
    low = hex[3] - '0';
  } else if (hex[3] >= 'a' && hex[3] <= 'f') {
    low = hex[3] - 'a' + 10;
  }
  const int value = (hex[2] - '0') * 16 + low;
  const bool has_short_form =
      value == '\b' || value == '\t' || value == '\n' || value == '\f' || value == '\r';
  return low < 0 || has_short_form ? -1 : value;
}

// The character that the escape at `at` (a backslash) stands for and its length; length 0 if it is
// no canonical escape.
struct Escape {
  char character = 0;
  std::size_t length = 0;
};
Escape EscapeAt(std::string_view text, std::size_t at) {
  if (text.size() - at < 2) {
    return {};
  }
  switch (text[at + 1]) {
    case 'b':
      return {'\b', 2};
    case 't':
      return {'\t', 2};
    case 'n':
      return {'\n', 2};
    case 'f':
      return {'\f', 2};
    case 'r':
      return {'\r', 2};
    case '"':
    case '\\':
      return {text[at + 1], 2};
    case 'u': {
      const int value = text.size() - at >= 6 ? ControlEscape(text.substr(at + 2, 4)) : -1;
      return value < 0 ? Escape{} : Escape{static_cast<char>(value), 6};
    }
    default:
      return {};
  }
}

// Gives the decoded bytes of the contents of a valid canonical string, one at a time.
class DecodedBytes {
 public:
  explicit DecodedBytes(std::string_view contents) : text_(contents) {}
  bool Next(std::uint8_t& byte) {
    if (at_ >= text_.size()) {
      return false;
    }
    char c = text_[at_];
    std::size_t length = 1;
    if (c == '\\') {
      const Escape escape = EscapeAt(text_, at_);
      c = escape.character;
      length = std::max<std::size_t>(escape.length, 1);
    }
    at_ += length;
    byte = static_cast<std::uint8_t>(c);
    return true;
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

// Rank of a byte so that comparing UTF-8 by rank is comparing by UTF-16 code units: the leads of
// U+E000..U+FFFF sort after those of the supplementary planes.
constexpr std::uint8_t Utf16Rank(std::uint8_t byte) {
  return byte == 0xee || byte == 0xef ? static_cast<std::uint8_t>(byte + 0x10) : byte;
}

// Whether raw key a (contents between the quotes) sorts strictly before b.
bool RawKeyLess(std::string_view a, std::string_view b) {
  DecodedBytes left(a);
  DecodedBytes right(b);
  std::uint8_t x = 0;
  std::uint8_t y = 0;
  while (true) {
    const bool more_left = left.Next(x);
    const bool more_right = right.Next(y);
    if (!more_left || !more_right) {
      return more_right;
    }
    if (x != y) {
      return Utf16Rank(x) < Utf16Rank(y);
    }
  }
}

std::string_view Contents(std::string_view raw) { return raw.substr(1, raw.size() - 2); }

}  // namespace

bool Utf16Less(std::string_view a, std::string_view b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return Utf16Rank(static_cast<std::uint8_t>(x)) < Utf16Rank(static_cast<std::uint8_t>(y));
  });
}

bool Cursor::Literal(std::string_view expected) {
  if (!text_.substr(at_).starts_with(expected)) {
    return false;
  }
  at_ += expected.size();
  return true;
}

bool Cursor::TakeChar(char expected) {
  const bool taken = at_ < text_.size() && text_[at_] == expected;
  at_ += taken ? 1 : 0;
  return taken;
}

bool Cursor::Value(std::string_view* raw) {
  const std::size_t start = at_;
  if (!ValueAt(0)) {
    at_ = start;
    return false;
  }
  if (raw != nullptr) {
    *raw = text_.substr(start, at_ - start);
  }
  return true;
}

bool Cursor::String(std::string_view* raw) {
  const std::size_t start = at_;
  if (!StringAt()) {
    at_ = start;
    return false;
  }
  if (raw != nullptr) {
    *raw = text_.substr(start, at_ - start);
  }
  return true;
}

bool Cursor::Integer(std::int64_t* value) {
  const std::size_t start = at_;
  std::int64_t parsed = 0;
  if (NumberAt()) {
    const char* first = text_.data() + start;
    const char* last = text_.data() + at_;
    const auto result = std::from_chars(first, last, parsed);
    if (result.ec == std::errc() && result.ptr == last && parsed <= kMaxExact &&
        parsed >= -kMaxExact) {
      *value = parsed;
      return true;
    }
  }
  at_ = start;
  return false;
}

bool Cursor::ValueAt(int depth) {
  if (at_ >= text_.size()) {
    return false;
  }
  switch (text_[at_]) {
    case '{':
      return ObjectAt(depth + 1);
    case '[':
      return ArrayAt(depth + 1);
    case '"':
      return StringAt();
    case 't':
      return Literal("true");
    case 'f':
      return Literal("false");
    case 'n':
      return Literal("null");
    default:
      return NumberAt();
  }
}

// NOLINTNEXTLINE(misc-no-recursion): bounded by kMaxJsonDepth
bool Cursor::ObjectAt(int depth) {
  if (depth > kMaxJsonDepth || !TakeChar('{')) {
    return false;
  }
  if (TakeChar('}')) {
    return true;
  }
  std::optional<std::string_view> previous;
  do {
    std::string_view key;
    if (!String(&key) || (previous && !RawKeyLess(Contents(*previous), Contents(key))) ||
        !TakeChar(':') || !ValueAt(depth)) {
      return false;
    }
    previous = key;
  } while (TakeChar(','));
  return TakeChar('}');
}

// NOLINTNEXTLINE(misc-no-recursion): bounded by kMaxJsonDepth
bool Cursor::ArrayAt(int depth) {
  if (depth > kMaxJsonDepth || !TakeChar('[')) {
    return false;
  }
  if (TakeChar(']')) {
    return true;
  }
  do {
    if (!ValueAt(depth)) {
      return false;
    }
  } while (TakeChar(','));
  return TakeChar(']');
}

bool Cursor::StringAt() {
  if (!TakeChar('"')) {
    return false;
  }
  std::size_t at = at_;
  while (true) {
    at = SkipPlain(text_, at);
    if (at >= text_.size()) {
      return false;
    }
    const char c = text_[at];
    if (c == '"') {
      at_ = at + 1;
      return true;
    }
    std::size_t length = 0;
    if (c == '\\') {
      length = EscapeAt(text_, at).length;
    } else if (static_cast<std::uint8_t>(c) >= 0x80) {
      length = Utf8Length(text_, at);
    }
    if (length == 0) {
      return false;
    }
    at += length;
  }
}

bool Cursor::NumberAt() {
  // No canonical number is longer: sign, 17 digits, point, five zeros or an exponent.
  constexpr std::size_t kLongest = 32;
  const std::string_view rest = text_.substr(at_, kLongest);
  const auto is_part = [](char c) {
    return IsDigit(c) || c == '-' || c == '+' || c == '.' || c == 'e';
  };
  const auto end = std::find_if_not(rest.begin(), rest.end(), is_part);
  const std::string_view number = rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
  if (!IsCanonicalNumber(number)) {
    return false;
  }
  at_ += number.size();
  return true;
}

std::optional<std::string> DecodeString(std::string_view raw) {
  Cursor cursor(raw);
  if (!cursor.String() || !cursor.AtEnd()) {
    return std::nullopt;
  }
  std::string out;
  out.reserve(raw.size() - 2);
  DecodedBytes bytes(Contents(raw));
  std::uint8_t byte = 0;
  while (bytes.Next(byte)) {
    out += static_cast<char>(byte);
  }
  return out;
}

bool ForEachMember(std::string_view object,
                   const std::function<bool(std::string_view key, std::string_view raw)>& visit) {
  if (!IsCanonicalObject(object)) {
    return false;
  }
  Cursor cursor(object);
  (void)cursor.Literal("{");
  if (cursor.Literal("}")) {
    return true;
  }
  do {
    std::string_view key;
    std::string_view value;
    if (!cursor.String(&key) || !cursor.Literal(":") || !cursor.Value(&value)) {
      return false;
    }
    if (!visit(Contents(key), value)) {
      return true;
    }
  } while (cursor.Literal(","));
  return true;
}

std::optional<std::string_view> Member(std::string_view object, std::string_view key) {
  Cursor cursor(object);
  if (!cursor.Literal("{")) {
    return std::nullopt;
  }
  do {
    std::string_view name;
    std::string_view value;
    if (!cursor.String(&name) || !cursor.Literal(":") || !cursor.Value(&value)) {
      return std::nullopt;
    }
    if (Contents(name) == key) {
      return value;
    }
  } while (cursor.Literal(","));
  return std::nullopt;
}

std::optional<std::string> StringMember(std::string_view object, std::string_view key) {
  const auto raw = Member(object, key);
  return raw ? DecodeString(*raw) : std::nullopt;
}

std::optional<std::int64_t> IntegerMember(std::string_view object, std::string_view key) {
  const auto raw = Member(object, key);
  std::int64_t value = 0;
  if (!raw) {
    return std::nullopt;
  }
  Cursor cursor(*raw);
  return cursor.Integer(&value) && cursor.AtEnd() ? std::optional(value) : std::nullopt;
}

}  // namespace aegis::canon
