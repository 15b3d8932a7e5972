#include "canon/encoding.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "canon/sha256.h"

namespace aegis::canon {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::uint8_t kNoDigit = 0xff;

constexpr std::array<std::uint8_t, 256> ReverseOf(std::string_view alphabet) {
  std::array<std::uint8_t, 256> table{};
  table.fill(kNoDigit);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    table[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return table;
}
constexpr auto kHexDigits = ReverseOf(kHex);
constexpr auto kBase64Digits = ReverseOf(kBase64);

constexpr std::array<std::array<char, 2>, 256> MakeHexPairs() {
  std::array<std::array<char, 2>, 256> pairs{};
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    pairs[i] = {kHex[i / 16], kHex[i % 16]};
  }
  return pairs;
}
constexpr auto kHexPairs = MakeHexPairs();

std::uint8_t Byte(char c) { return static_cast<std::uint8_t>(c); }

std::optional<Sha256> ToSha256(const std::optional<std::string>& bytes) {
  Sha256 digest;
  if (!bytes || bytes->size() != digest.bytes.size()) {
    return std::nullopt;
  }
  std::transform(bytes->begin(), bytes->end(), digest.bytes.begin(), Byte);
  return digest;
}

// Decodes four digits with `padding` of them missing; false if one is none.
bool DecodeQuad(std::string_view quad, std::size_t padding, std::string& out) {
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const std::uint8_t digit = i < 4 - padding ? kBase64Digits[Byte(quad[i])] : std::uint8_t{0};
    if (digit == kNoDigit) {
      return false;
    }
    bits = (bits << 6U) | digit;
  }
  const std::uint32_t unused = padding == 0 ? 0 : (1U << (8 * padding)) - 1;
  if ((bits & unused) != 0) {
    return false;
  }
  for (std::size_t i = 0; i < 3 - padding; ++i) {
    out += static_cast<char>((bits >> (16 - 8 * i)) & 0xffU);
  }
  return true;
}

}  // namespace

void AppendHex(std::string& out, std::string_view bytes) {
  const std::size_t begin = out.size();
  out.resize(begin + 2 * bytes.size());
  char* at = out.data() + begin;
  for (const char c : bytes) {
    std::memcpy(at, kHexPairs[Byte(c)].data(), 2);
    at += 2;
  }
}

std::string HexEncode(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  AppendHex(out, bytes);
  return out;
}

std::optional<std::string> HexDecode(std::string_view text) {
  if (text.size() % 2 != 0) {
    return std::nullopt;
  }
  std::string out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const std::uint8_t high = kHexDigits[Byte(text[i])];
    const std::uint8_t low = kHexDigits[Byte(text[i + 1])];
    if (high == kNoDigit || low == kNoDigit) {
      return std::nullopt;
    }
    out += static_cast<char>((high << 4U) | low);
  }
  return out;
}

void AppendBase64(std::string& out, std::string_view bytes) {
  const std::size_t begin = out.size();
  out.resize(begin + (bytes.size() + 2) / 3 * 4, '=');
  char* at = out.data() + begin;
  const auto digit = [&at](std::uint32_t bits, unsigned shift) {
    *at++ = kBase64[(bits >> shift) & 0x3fU];
  };
  std::size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) {
    const std::uint32_t bits = (static_cast<std::uint32_t>(Byte(bytes[i])) << 16U) |
                               (static_cast<std::uint32_t>(Byte(bytes[i + 1])) << 8U) |
                               Byte(bytes[i + 2]);
    digit(bits, 18);
    digit(bits, 12);
    digit(bits, 6);
    digit(bits, 0);
  }
  const std::size_t rest = bytes.size() - i;
  if (rest == 0) {
    return;
  }
  std::uint32_t bits = static_cast<std::uint32_t>(Byte(bytes[i])) << 16U;
  if (rest == 2) {
    bits |= static_cast<std::uint32_t>(Byte(bytes[i + 1])) << 8U;
  }
  digit(bits, 18);
  digit(bits, 12);
  if (rest == 2) {
    digit(bits, 6);
  }
}

std::string Base64Encode(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  AppendBase64(out, bytes);
  return out;
}

std::optional<std::string> Base64Decode(std::string_view text) {
  if (text.size() % 4 != 0) {
    return std::nullopt;
  }
  std::string out;
  out.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const std::string_view quad = text.substr(i, 4);
    std::size_t padding = 0;
    if (i + 4 == text.size() && quad[3] == '=') {
      padding = quad[2] == '=' ? 2 : 1;
    }
    if (!DecodeQuad(quad, padding, out)) {
      return std::nullopt;
    }
  }
  return out;
}

std::optional<Sha256> Sha256FromHex(std::string_view text) {
  return text.size() == 64 ? ToSha256(HexDecode(text)) : std::nullopt;
}

std::optional<Sha256> Sha256FromBase64(std::string_view text) {
  return text.size() == 44 ? ToSha256(Base64Decode(text)) : std::nullopt;
}

}  // namespace aegis::canon
