#pragma once

// Internal to aegis::ledger: which short pieces of text a block holds.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace aegis::ledger {

// ASCII letters in lower case.
void AppendLower(std::string& out, std::string_view text);
// Whether a bit is set; false beyond the end.
bool HasBit(std::string_view bits, std::size_t bit);

// A bit set over the hashes of all pieces of one size in texts in lower case. Short pieces find
// short texts; of longer ones fewer occur in every block, so they tell a rare text from one whose
// pieces are common. Bit b is bit b % 8 of byte b / 8.
struct GramSet {
  std::size_t piece;  // bytes of a piece
  std::size_t bytes;  // size of the set, a power of 2
  int hashes;         // bits that a piece sets
};
inline constexpr GramSet kGrams3 = {.piece = 3, .bytes = 8192, .hashes = 2};
inline constexpr GramSet kGrams5 = {.piece = 5, .bytes = 16384, .hashes = 1};
inline constexpr GramSet kGrams8 = {.piece = 8, .bytes = 16384, .hashes = 1};

// Collects the pieces of many texts. Agents say much again and again: what stands in the texts
// before, at whatever place, is passed over in one comparison (as LZ77 finds it) and not piece by
// piece.
class GramBuilder {
 public:
  GramBuilder();

  void Add(std::string_view text);

  std::string set3() const { return Bytes(set3_); }
  std::string set5() const { return Bytes(set5_); }
  std::string set8() const { return Bytes(set8_); }
  void Clear();

 private:
  using Words = std::vector<std::uint64_t>;
  static constexpr std::size_t kPlaces = 2048;

  static std::string Bytes(const Words& words);
  void ForgetHistory();
  std::size_t AppendToHistory(std::string_view text);
  std::size_t PassOver(std::size_t at, std::size_t end);

  Words set3_;
  Words set5_;
  Words set8_;
  // Texts whose pieces are in the sets, in lower case, each behind a byte that no text has.
  std::string history_;
  std::array<std::uint16_t, kPlaces> places_{};  // where in it some words stand, by their hashes
};

// What sets must have if one of the texts that made them contains all of some texts.
class GramQuery {
 public:
  void Require(std::string_view text);
  bool empty() const { return bits3_.empty(); }

  // Without false negatives. The second needs more to be read, and is for where the first says yes.
  bool MayBeIn3(std::string_view set3) const;
  bool MayBeIn5And8(std::string_view set5, std::string_view set8) const;

 private:
  using Bits = std::vector<std::size_t>;

  Bits bits3_;
  Bits bits5_;
  Bits bits8_;
};

}  // namespace aegis::ledger
