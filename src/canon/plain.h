#pragma once

// Internal to aegis::canon.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace aegis::canon {

// Characters that stand for themselves in a JSON string and are one byte long.
constexpr std::array<bool, 256> MakePlain() {
  std::array<bool, 256> plain{};
  for (std::size_t c = 0x20; c < 0x80; ++c) {
    plain[c] = c != '"' && c != '\\';
  }
  return plain;
}
inline constexpr std::array<bool, 256> kPlain = MakePlain();

// The highest bit of each byte that is not plain; of the bytes above one, perhaps of others too.
inline std::uint64_t NotPlain(std::uint64_t word) {
  constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
  const auto is_zero = [](std::uint64_t bytes) { return (bytes - kOnes) & ~bytes; };
  const std::uint64_t control = (word - kOnes * 0x20) & ~word;
  return (word | control | is_zero(word ^ (kOnes * '"')) | is_zero(word ^ (kOnes * '\\'))) &
         (kOnes * 0x80);
}

// The first place from `at` on where no plain character stands; the text's end if there is none.
inline std::size_t SkipPlain(std::string_view text, std::size_t at) {
  static_assert(std::endian::native == std::endian::little);
  std::uint64_t word = 0;
  for (; text.size() - at >= sizeof word; at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    if (const std::uint64_t found = NotPlain(word); found != 0) {
      return at + static_cast<std::size_t>(std::countr_zero(found)) / 8;
    }
  }
  while (at < text.size() && kPlain[static_cast<std::uint8_t>(text[at])]) {
    ++at;
  }
  return at;
}

}  // namespace aegis::canon
