#include "canon/jcs.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "canon/cursor.h"
#include "canon/json.h"
#include "canon/number.h"
#include "canon/utf8.h"

namespace aegis::canon {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

// A strict parser (RFC 8259 within I-JSON, RFC 7493) that writes canonical text as it goes.
class Canonicalizer {
 public:
  explicit Canonicalizer(std::string_view text) : text_(text) {}

  Result<std::string> Run() {
    std::string out;
    out.reserve(text_.size());
    AEGIS_TRY(Value(out, 0));
    SkipSpace();
    if (at_ != text_.size()) {
      return Error("text after the value");
    }
    return out;
  }

 private:
  struct MemberText {
    std::string key;
    std::string text;
  };

  std::unexpected<base::Error> Error(std::string_view what) const {
    return Fail(Errc::kInvalid, "JSON at byte " + std::to_string(at_) + ": " + std::string(what));
  }

  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void SkipSpace() {
    while (at_ < text_.size() && std::string_view(" \t\n\r").contains(text_[at_])) {
      ++at_;
    }
  }

  bool Take(std::string_view expected) {
    if (!text_.substr(at_).starts_with(expected)) {
      return false;
    }
    at_ += expected.size();
    return true;
  }

  // NOLINTNEXTLINE(misc-no-recursion): bounded by kMaxJsonDepth
  Result<> Value(std::string& out, int depth) {
    SkipSpace();
    switch (Peek()) {
      case '{':
        return Object(out, depth + 1);
      case '[':
        return Array(out, depth + 1);
      case '"': {
        AEGIS_ASSIGN(const std::string decoded, String());
        AppendJsonString(out, decoded);
        return {};
      }
      default:
        break;
    }
    for (const std::string_view word : {"true", "false", "null"}) {
      if (Take(word)) {
        out += word;
        return {};
      }
    }
    return Number(out);
  }

  // NOLINTNEXTLINE(misc-no-recursion): bounded by kMaxJsonDepth
  Result<> Object(std::string& out, int depth) {
    if (depth > kMaxJsonDepth) {
      return Error("nested too deep");
    }
    std::vector<MemberText> members;
    ++at_;
    SkipSpace();
    if (!Take("}")) {
      AEGIS_TRY(Members(members, depth));
    }
    std::sort(members.begin(), members.end(),
              [](const MemberText& a, const MemberText& b) { return Utf16Less(a.key, b.key); });
    out += '{';
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (i > 0 && members[i].key == members[i - 1].key) {
        return Error("an object that ends here has a key twice");
      }
      out += i > 0 ? "," : "";
      AppendJsonString(out, members[i].key);
      out += ':';
      out += members[i].text;
    }
    out += '}';
    return {};
  }

  // NOLINTNEXTLINE(misc-no-recursion): bounded by kMaxJsonDepth
  Result<> Members(std::vector<MemberText>& members, int depth) {
    do {
      SkipSpace();
      MemberText member;
      AEGIS_ASSIGN(member.key, String());
      SkipSpace();
      if (!Take(":")) {
        return Error("':' expected");
      }
      AEGIS_TRY(Value(member.text, depth));
      members.push_back(std::move(member));
      SkipSpace();
    } while (Take(","));
    if (!Take("}")) {
      return Error("',' or '}' expected");
    }
    return {};
  }

  // NOLINTNEXTLINE(misc-no-recursion): bounded by kMaxJsonDepth
  Result<> Array(std::string& out, int depth) {
    if (depth > kMaxJsonDepth) {
      return Error("nested too deep");
    }
    ++at_;
    out += '[';
    SkipSpace();
    if (Take("]")) {
      out += ']';
      return {};
    }
    do {
      out += out.back() == '[' ? "" : ",";
      AEGIS_TRY(Value(out, depth));
      SkipSpace();
    } while (Take(","));
    if (!Take("]")) {
      return Error("',' or ']' expected");
    }
    out += ']';
    return {};
  }

  Result<> Number(std::string& out) {
    const auto is_part = [](char c) {
      return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
    };
    const auto* const begin = text_.begin() + at_;
    const auto* const end = std::find_if_not(begin, text_.end(), is_part);
    const std::string_view number(begin, end);
    if (number.empty()) {
      return Error("a value expected");
    }
    const std::optional<double> value = ParseJsonNumber(number);
    if (!value) {
      return Error("not a number, or beyond the range of a double");
    }
    AppendJsonNumber(out, *value);
    at_ += number.size();
    return {};
  }

  Result<std::string> String() {
    if (!Take("\"")) {
      return Error("a string expected");
    }
    std::string out;
    while (at_ < text_.size()) {
      const std::uint8_t byte = ByteAt(text_, at_);
      if (byte == '"') {
        ++at_;
        return out;
      }
      if (byte < 0x20) {
        return Error("a control character in a string");
      }
      if (byte == '\\') {
        AEGIS_TRY(StringEscape(out));
        continue;
      }
      const std::size_t length = Utf8Length(text_, at_);
      if (length == 0) {
        return Error("invalid UTF-8");
      }
      out.append(text_, at_, length);
      at_ += length;
    }
    return Error("a string without its end");
  }

  Result<> StringEscape(std::string& out) {
    constexpr std::string_view kLetters = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    if (text_.size() - at_ < 2) {
      return Error("a string without its end");
    }
    const std::size_t letter = kLetters.find(text_[at_ + 1]);
    if (letter != std::string_view::npos) {
      out += kMeanings[letter];
      at_ += 2;
      return {};
    }
    AEGIS_ASSIGN(std::uint32_t unit, Utf16Unit());
    if (unit >= 0xdc00 && unit <= 0xdfff) {
      return Error("a lone surrogate");
    }
    if (unit >= 0xd800 && unit <= 0xdbff) {
      auto low = Utf16Unit();
      if (!low || *low < 0xdc00 || *low > 0xdfff) {
        return Error("a lone surrogate");
      }
      unit = 0x10000 + ((unit - 0xd800) << 10U) + (*low - 0xdc00);
    }
    AppendUtf8(out, unit);
    return {};
  }

  // The value of the \uXXXX that stands here.
  Result<std::uint32_t> Utf16Unit() {
    if (!text_.substr(at_).starts_with("\\u") || text_.size() - at_ < 6) {
      return Error("not an escape");
    }
    std::uint32_t unit = 0;
    for (const char c : text_.substr(at_ + 2, 4)) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      const char lower = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
      const std::size_t digit = kDigits.find(lower);
      if (digit == std::string_view::npos) {
        return Error("not an escape");
      }
      unit = unit * 16 + static_cast<std::uint32_t>(digit);
    }
    at_ += 6;
    return unit;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Result<std::string> Canonicalize(std::string_view json) { return Canonicalizer(json).Run(); }

bool IsCanonicalValue(std::string_view text) {
  Cursor cursor(text);
  return cursor.Value() && cursor.AtEnd();
}

bool IsCanonicalObject(std::string_view text) {
  return text.starts_with('{') && IsCanonicalValue(text);
}

}  // namespace aegis::canon
