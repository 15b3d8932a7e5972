#include "proxy/host_name.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace aegis::proxy {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::size_t kEscape = 4;  // `\xHH`

// By hand: <cctype> asks the locale.
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsHexDigit(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f'); }
bool IsNameCharacter(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
}

bool IsNumber(std::string_view label) {
  if (label.starts_with("0x")) {
    return std::ranges::all_of(label.substr(2), IsHexDigit);
  }
  return std::ranges::all_of(label, IsDigit);
}

bool IsPlainLabel(std::string_view label) {
  return !label.empty() && label.size() <= kLongestLabel &&
         std::ranges::all_of(label, IsNameCharacter);
}

// The bytes that a written label stands for; 0 for what is none.
std::size_t WrittenBytes(std::string_view label) {
  std::size_t count = 0;
  for (; !label.empty(); ++count) {
    if (IsNameCharacter(label.front())) {
      label.remove_prefix(1);
    } else if (label.size() >= kEscape && label.starts_with("\\x") && IsHexDigit(label[2]) &&
               IsHexDigit(label[3])) {
      label.remove_prefix(kEscape);
    } else {
      return 0;
    }
  }
  return count;
}

// Splits the first label off.
std::string_view TakeLabel(std::string_view& name) {
  const std::size_t dot = name.find('.');
  const std::string_view label = name.substr(0, dot);
  name = dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
  return label;
}

}  // namespace

char LowerCase(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool IsHostName(std::string_view name) {
  if (name.empty() || name.size() > kLongestHostName || name.ends_with('.')) {
    return false;
  }
  std::string_view label;
  while (!name.empty()) {
    label = TakeLabel(name);
    if (!IsPlainLabel(label)) {
      return false;
    }
  }
  return !IsNumber(label);
}

std::optional<std::string> HostNameOf(std::string_view text) {
  if (text.size() > kLongestHostName) {
    return std::nullopt;
  }
  std::string name(text);
  std::ranges::transform(name, name.begin(), LowerCase);
  if (!IsHostName(name)) {
    return std::nullopt;
  }
  return name;
}

bool IsWrittenName(std::string_view text) {
  if (text.empty() || text.size() > kLongestWrittenName || text.ends_with('.')) {
    return false;
  }
  std::size_t total = 0;
  while (!text.empty()) {
    const std::size_t count = WrittenBytes(TakeLabel(text));
    if (count == 0 || count > kLongestLabel) {
      return false;
    }
    total += count + 1;
  }
  return total - 1 <= kLongestHostName;
}

void AppendLabel(std::string& text, std::string_view label) {
  constexpr unsigned kNibble = 4;
  for (const char character : label) {
    const char c = LowerCase(character);
    if (IsNameCharacter(c)) {
      text += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      text += "\\x";
      text += kHexDigits[byte >> kNibble];
      text += kHexDigits[byte & 0xfU];
    }
  }
}

bool IsLocalhost(std::string_view name) {
  return name == "localhost" || name.ends_with(".localhost");
}

}  // namespace aegis::proxy
