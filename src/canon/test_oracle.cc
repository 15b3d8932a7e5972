#include "canon/test_oracle.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "canon/jcs.h"

namespace aegis::canon {
namespace {

// UTF-8 that was found valid, as UTF-16, whose code units sort as RFC 8785 wants.
std::u16string ToUtf16(const std::string& utf8) {
  std::u16string out;
  for (std::size_t at = 0; at < utf8.size();) {
    const auto lead = static_cast<unsigned char>(utf8[at]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    char32_t point = length == 1 ? lead : lead & (0x7fU >> length);
    for (std::size_t i = 1; i < length; ++i) {
      point = point << 6U | (static_cast<unsigned char>(utf8[at + i]) & 0x3fU);
    }
    if (point >= 0x10000) {
      out += static_cast<char16_t>(0xd800 + ((point - 0x10000) >> 10U));
      point = 0xdc00 + ((point - 0x10000) & 0x3ffU);
    }
    out += static_cast<char16_t>(point);
    at += length;
  }
  return out;
}

// digits x 10^exponent.
struct Decimal {
  std::uint64_t digits;
  int exponent;
};

bool Denotes(const Decimal& decimal, double value) {
  const std::string text = std::to_string(decimal.digits) + "e" + std::to_string(decimal.exponent);
  return std::strtod(text.c_str(), nullptr) == value;
}

Decimal Rounded(double value, int count) {
  std::array<char, 40> text{};
  (void)std::snprintf(text.data(), text.size(), "%.*e", count - 1, value);
  const std::string_view view(text.data());
  const std::size_t e = view.find('e');
  std::string digits(view.substr(0, e));
  std::erase(digits, '.');
  return {std::stoull(digits), std::stoi(std::string(view.substr(e + 1))) - count + 1};
}

// The fewest digits that give the value back; of several, the nearest. That need not be the value
// rounded: below a power of two the doubles lie closer together than above.
Decimal Shortest(double value) {
  for (int count = 1; count < 17; ++count) {
    const Decimal nearest = Rounded(value, count);
    for (const int step : {0, 1, -1}) {
      const Decimal decimal = {nearest.digits + static_cast<std::uint64_t>(step), nearest.exponent};
      if (Denotes(decimal, value)) {
        return decimal;
      }
    }
  }
  return Rounded(value, 17);
}

// Builds canonical text from the events of nlohmann's parser.
class Writer : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return Add("null"); }
  bool boolean(bool value) override { return Add(value ? "true" : "false"); }
  bool number_integer(std::int64_t value) override {
    return Add(OracleNumber(static_cast<double>(value)));
  }
  bool number_unsigned(std::uint64_t value) override {
    return Add(OracleNumber(static_cast<double>(value)));
  }
  bool number_float(double value, const std::string& /*text*/) override {
    return Add(OracleNumber(value));
  }
  bool string(std::string& value) override { return Add(nlohmann::json(value).dump()); }
  bool binary(nlohmann::json::binary_t& /*value*/) override { return false; }

  bool start_object(std::size_t /*count*/) override { return Open(); }
  bool key(std::string& name) override {
    Frame& frame = frames_.back();
    frame.key = ToUtf16(name);
    return frame.members.emplace(frame.key, nlohmann::json(name).dump() + ":").second;
  }
  bool end_object() override {
    std::string text = "{";
    for (const auto& [key, member] : frames_.back().members) {
      text += (text.size() > 1 ? "," : "") + member;
    }
    frames_.pop_back();
    return Add(text + "}");
  }

  bool start_array(std::size_t /*count*/) override { return Open(); }
  bool end_array() override {
    std::string text = "[";
    for (const std::string& item : frames_.back().items) {
      text += (text.size() > 1 ? "," : "") + item;
    }
    frames_.pop_back();
    return Add(text + "]");
  }

  bool parse_error(std::size_t /*at*/, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    return false;
  }

  std::string Take() { return std::move(result_); }

 private:
  // An object or an array that is being read.
  struct Frame {
    std::map<std::u16string, std::string> members;
    std::u16string key;
    std::vector<std::string> items;
  };

  bool Open() {
    frames_.emplace_back();
    return frames_.size() <= static_cast<std::size_t>(kMaxJsonDepth);
  }

  bool Add(std::string text) {
    if (frames_.empty()) {
      result_ = std::move(text);
    } else if (Frame& frame = frames_.back(); frame.members.empty()) {
      frame.items.push_back(std::move(text));  // an object's value comes behind a key
    } else {
      frame.members[frame.key] += text;
    }
    return true;
  }

  std::vector<Frame> frames_;
  std::string result_;
};

}  // namespace

std::string OracleNumber(double value) {
  if (value == 0) {
    return "0";
  }
  if (value < 0) {
    return "-" + OracleNumber(-value);
  }
  const Decimal decimal = Shortest(value);
  const std::string digits = std::to_string(decimal.digits);
  const int point = static_cast<int>(digits.size()) + decimal.exponent;
  if (decimal.exponent >= 0 && point <= 21) {
    return digits + std::string(static_cast<std::size_t>(decimal.exponent), '0');
  }
  if (point > 0 && point <= 21) {
    return std::string(digits).insert(static_cast<std::size_t>(point), ".");
  }
  if (point > -6 && point <= 0) {
    return "0." + std::string(static_cast<std::size_t>(-point), '0') + digits;
  }
  const std::string tail = digits.size() > 1 ? "." + digits.substr(1) : "";
  return digits[0] + tail + (point > 0 ? "e+" : "e") + std::to_string(point - 1);
}

std::optional<std::string> OracleCanonicalize(std::string_view json) {
  // nlohmann's parser skips a byte order mark and takes a zero byte for the end.
  if (json.starts_with("\xef\xbb\xbf") || json.contains('\0')) {
    return std::nullopt;
  }
  Writer writer;
  if (!nlohmann::json::sax_parse(json, &writer)) {
    return std::nullopt;
  }
  return writer.Take();
}

}  // namespace aegis::canon
