#include "config/toml_scan.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aegis::config {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kNull = "null";
constexpr std::string_view kInsteadOfNull = "-nan";

// Walks over a text and knows what it stands in.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  // Where a bare word `null` is the value of a key.
  std::vector<std::size_t> Nulls() {
    std::vector<std::size_t> places;
    while (at_ < text_.size()) {
      if (inside_ == Inside::kNothing && AtNull()) {
        places.push_back(at_);
      }
      Take(text_[at_]);
    }
    return places;
  }

  std::optional<TextPlace> Scan() {
    while (at_ < text_.size()) {
      const bool ascii = (static_cast<unsigned char>(text_[at_]) & 0x80U) == 0;
      if (!ascii && (inside_ == Inside::kNothing || inside_ == Inside::kLines || broken_)) {
        return place_;
      }
      Take(text_[at_]);
    }
    return std::nullopt;
  }

 private:
  enum class Inside { kNothing, kComment, kString, kLines };

  void Take(char c) {
    switch (inside_) {
      case Inside::kNothing:
        TakeOutside(c);
        return;
      case Inside::kComment:
        Leave(c == '\n');
        return;
      case Inside::kString:
        SkipEscape(c);
        Leave(c == '\n' || c == quote_);
        return;
      case Inside::kLines:
        TakeInLines(c);
        return;
    }
  }

  // What the library takes for the end of a value that has no quotes or brackets.
  static bool EndsValue(char c) { return std::string_view(" \t\r\n,]}#").contains(c); }
  static bool IsBare(char c) { return !EndsValue(c) && !std::string_view("=[{.\"'").contains(c); }

  // Whether a character can't stand here: the library would then read on, over quotes too, as if it
  // were in a bare value, and this scanner no longer knows what it is in.
  bool Misplaced(char c) const {
    const bool opens = c == '"' || c == '\'' || c == '[' || c == '{';
    const bool in_list = !brackets_.empty() && brackets_.back() == '[';
    return (opens && at_ > 0 && IsBare(text_[at_ - 1])) || (c == '=' && (bare_value_ || in_list));
  }

  void NoteStructure(char c) {
    broken_ = broken_ || Misplaced(c);
    if (c == '=') {
      value_next_ = true;
    } else if (c != ' ' && c != '\t') {
      bare_value_ = (bare_value_ || value_next_) && IsBare(c);
      value_next_ = false;
    } else {
      bare_value_ = false;
    }
    if (c == '[' || c == '{') {
      brackets_ += c;
    } else if ((c == ']' || c == '}') && !brackets_.empty()) {
      brackets_.pop_back();
    }
  }

  void TakeOutside(char c) {
    NoteStructure(c);
    if (c == '#') {
      inside_ = Inside::kComment;
    } else if (c == '"' || c == '\'') {
      quote_ = c;
      inside_ = AtThree() ? Inside::kLines : Inside::kString;
      Step(inside_ == Inside::kLines ? 2 : 0);
    }
    Step(1);
  }

  // A string of several lines ends with three quotes; up to two more belong to it.
  void TakeInLines(char c) {
    if (c != quote_ || !AtThree()) {
      SkipEscape(c);
      Step(1);
      return;
    }
    inside_ = Inside::kNothing;
    Step(3);
    for (int more = 0; more < 2 && at_ < text_.size() && text_[at_] == quote_; ++more) {
      Step(1);
    }
  }

  void Leave(bool at_end) {
    if (at_end) {
      inside_ = Inside::kNothing;
    }
    Step(1);
  }

  // What follows a backslash ends nothing, but for the line; literal strings know no escapes.
  void SkipEscape(char c) {
    if (c == '\\' && quote_ == '"' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n' &&
        (static_cast<unsigned char>(text_[at_ + 1]) & 0x80U) == 0) {
      Step(1);
    }
  }

  bool AtNull() const {
    constexpr std::string_view kEnds = " \t\r\n,}#";
    const std::string_view rest = text_.substr(at_);
    if (!rest.starts_with(kNull) ||
        (rest.size() > kNull.size() && !kEnds.contains(rest[kNull.size()]))) {
      return false;
    }
    const std::size_t before = text_.substr(0, at_).find_last_not_of(" \t");
    return before != std::string_view::npos && text_[before] == '=';
  }

  bool AtThree() const {
    const std::string_view rest = text_.substr(at_, 3);
    return rest.size() == 3 && rest.find_first_not_of(quote_) == std::string_view::npos;
  }

  void Step(int bytes) {
    for (; bytes > 0 && at_ < text_.size(); --bytes) {
      const char c = text_[at_++];
      if (c == '\n') {
        ++place_.line;
        place_.column = 1;
      } else if ((static_cast<unsigned char>(c) & 0xc0U) != 0x80U) {
        ++place_.column;
      }
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  TextPlace place_;
  Inside inside_ = Inside::kNothing;
  char quote_ = '"';         // of the string that this is in
  std::string brackets_;     // that are open
  bool value_next_ = false;  // behind a `=`
  bool bare_value_ = false;  // in a value without quotes and brackets
  bool broken_ = false;      // it is no TOML from here on
};

}  // namespace

std::optional<TextPlace> FindStrayCharacter(std::string_view toml) {
  if (toml.starts_with(kByteOrderMark)) {
    toml.remove_prefix(kByteOrderMark.size());
  }
  return Scanner(toml).Scan();
}

std::string WithoutNulls(std::string_view toml) {
  const std::size_t mark = toml.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  std::string text(toml);
  for (const std::size_t at : Scanner(toml.substr(mark)).Nulls()) {
    text.replace(mark + at, kNull.size(), kInsteadOfNull);
  }
  return text;
}

}  // namespace aegis::config
