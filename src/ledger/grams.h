#pragma once

// Internal to aegis::ledger: which short pieces of text a block holds.

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

// Collects the pieces of many texts.
class GramBuilder {
 public:
  GramBuilder();

  // `before` must be "" or what a call since the last Clear left there; it is for texts that are
  // much like each other, as those of neighbours are.
  void Add(std::string_view text, std::string& before);

  std::string set3() const { return Bytes(set3_); }
  std::string set5() const { return Bytes(set5_); }
  std::string set8() const { return Bytes(set8_); }
  void Clear();

 private:
  using Words = std::vector<std::uint64_t>;
  static std::string Bytes(const Words& words);

  Words set3_;
  Words set5_;
  Words set8_;
  std::string lower_;
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
