#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace aegis::canon {

// Reads canonical JSON from front to back, strictly: every function returns false, and leaves the
// cursor where it was, if what follows is not exactly what RFC 8785 would have written. Views point
// into the text. Total over arbitrary bytes, in constant memory.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  bool AtEnd() const { return at_ == text_.size(); }
  std::size_t offset() const { return at_; }

  bool Literal(std::string_view expected);       // exactly these bytes
  bool Value(std::string_view* raw = nullptr);   // any value
  bool String(std::string_view* raw = nullptr);  // a string, raw including its quotes
  bool Integer(std::int64_t* value);  // an integer within +-2^53 without fraction or exponent

 private:
  bool TakeChar(char expected);
  bool ValueAt(int depth);
  bool ObjectAt(int depth);
  bool ArrayAt(int depth);
  bool StringAt();
  bool NumberAt();

  std::string_view text_;
  std::size_t at_ = 0;
};

// The text of a canonical JSON string given with its quotes; nullopt for anything else.
std::optional<std::string> DecodeString(std::string_view raw);

// Calls `visit(key, raw value)` for each member of a canonical object, keys in their raw form
// without quotes, until it returns false. False if `object` is not canonical.
bool ForEachMember(std::string_view object,
                   const std::function<bool(std::string_view key, std::string_view raw)>& visit);

// The raw value of a top-level member of a canonical object, or nullopt. `key` must be one that
// needs no escapes. StringMember gives its decoded text if it is a string.
std::optional<std::string_view> Member(std::string_view object, std::string_view key);
std::optional<std::string> StringMember(std::string_view object, std::string_view key);
std::optional<std::int64_t> IntegerMember(std::string_view object, std::string_view key);

}  // namespace aegis::canon
