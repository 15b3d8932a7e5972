#include "ledger/grams.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace aegis::ledger {
namespace {

constexpr std::size_t kWord = sizeof(std::uint64_t);

// Eight bytes as a little-endian number.
std::uint64_t Load(const char* bytes) {
  static_assert(std::endian::native == std::endian::little);
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

std::uint64_t LowerWord(std::uint64_t word) {
  constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
  const std::uint64_t ascii = ~word & (kOnes * 0x80);
  const std::uint64_t low = word & (kOnes * 0x7f);
  const std::uint64_t from_a = low + kOnes * (0x80 - 'A');       // bit 7: at least 'A'
  const std::uint64_t after_z = low + kOnes * (0x80 - 'Z' - 1);  // bit 7: beyond 'Z'
  return word | ((from_a & ~after_z & ascii) >> 2U);
}

std::size_t CommonPrefix(std::string_view a, std::string_view b) {
  const std::size_t size = std::min(a.size(), b.size());
  std::size_t at = 0;
  while (at + kWord <= size && Load(a.data() + at) == Load(b.data() + at)) {
    at += kWord;
  }
  while (at < size && a[at] == b[at]) {
    ++at;
  }
  return at;
}

std::size_t CommonSuffix(std::string_view a, std::string_view b) {
  const std::size_t size = std::min(a.size(), b.size());
  std::size_t length = 0;
  while (length + kWord <= size &&
         Load(a.data() + a.size() - length - kWord) == Load(b.data() + b.size() - length - kWord)) {
    length += kWord;
  }
  while (length < size && a[a.size() - length - 1] == b[b.size() - length - 1]) {
    ++length;
  }
  return length;
}

// Calls `visit` with the bits of the piece of Grams.piece bytes at the beginning of `word`: the
// highest bits of its hash, then those below.
template <GramSet Grams, typename Visit>
void ForEachBit(std::uint64_t word, const Visit& visit) {
  constexpr unsigned kUnused = 64 - (8 * Grams.piece);
  constexpr int kLog = std::countr_zero(Grams.bytes * 8);
  const std::uint64_t hash = ((word << kUnused) >> kUnused) * 0x9e3779b97f4a7c15ULL;
  for (int i = 1; i <= Grams.hashes; ++i) {
    visit(static_cast<std::size_t>(std::rotl(hash, i * kLog)) % (Grams.bytes * 8));
  }
}

template <GramSet Grams>
void Set(std::uint64_t* bits, std::uint64_t word) {
  ForEachBit<Grams>(word,
                    [bits](std::size_t bit) { bits[bit / 64] |= std::uint64_t{1} << (bit % 64); });
}

// How many pieces of this size a text has.
constexpr std::size_t Pieces(std::size_t size, const GramSet& set) {
  return size < set.piece ? 0 : size - set.piece + 1;
}

bool HasAll(std::string_view set, const std::vector<std::size_t>& bits) {
  return std::ranges::all_of(bits, [set](std::size_t bit) { return HasBit(set, bit); });
}

}  // namespace

void AppendLower(std::string& out, std::string_view text) {
  const std::size_t begin = out.size();
  out += text;
  char* const bytes = out.data() + begin;
  std::size_t at = 0;
  for (; at + kWord <= text.size(); at += kWord) {
    const std::uint64_t word = LowerWord(Load(bytes + at));
    std::memcpy(bytes + at, &word, sizeof word);
  }
  for (; at < text.size(); ++at) {
    bytes[at] = static_cast<char>(LowerWord(static_cast<std::uint8_t>(bytes[at])));
  }
}

bool HasBit(std::string_view bits, std::size_t bit) {
  return bit / 8 < bits.size() &&
         ((static_cast<unsigned>(static_cast<std::uint8_t>(bits[bit / 8])) >> (bit % 8)) & 1U) != 0;
}

GramBuilder::GramBuilder()
    : set3_(kGrams3.bytes / kWord), set5_(kGrams5.bytes / kWord), set8_(kGrams8.bytes / kWord) {}

// The pieces within what both texts begin with, and within what both end with, are there already.
void GramBuilder::Add(std::string_view text, std::string& before) {
  lower_.clear();
  AppendLower(lower_, text);
  const std::size_t size = lower_.size();
  const std::size_t prefix = CommonPrefix(lower_, before);
  const std::size_t end = size - CommonSuffix(lower_, before);
  const std::size_t end3 = std::min(end, Pieces(size, kGrams3));
  const std::size_t end5 = std::min(end, Pieces(size, kGrams5));
  const std::size_t end8 = std::min(end, Pieces(size, kGrams8));
  std::size_t at = prefix < kGrams8.piece ? 0 : prefix - kGrams8.piece + 1;
  lower_.append(kWord, '\0');  // so that whole words can be loaded
  const char* const bytes = lower_.data();
  for (; at < end8; ++at) {
    const std::uint64_t word = Load(bytes + at);
    Set<kGrams3>(set3_.data(), word);
    Set<kGrams5>(set5_.data(), word);
    Set<kGrams8>(set8_.data(), word);
  }
  for (; at < end5; ++at) {
    const std::uint64_t word = Load(bytes + at);
    Set<kGrams3>(set3_.data(), word);
    Set<kGrams5>(set5_.data(), word);
  }
  for (; at < end3; ++at) {
    Set<kGrams3>(set3_.data(), Load(bytes + at));
  }
  lower_.resize(size);
  lower_.swap(before);
}

std::string GramBuilder::Bytes(const Words& words) {
  std::string bytes(words.size() * kWord, '\0');
  std::memcpy(bytes.data(), words.data(), bytes.size());
  return bytes;
}

void GramBuilder::Clear() {
  for (Words* const words : {&set3_, &set5_, &set8_}) {
    std::ranges::fill(*words, 0);
  }
}

void GramQuery::Require(std::string_view text) {
  std::string lower;
  AppendLower(lower, text);
  const std::size_t size = lower.size();
  lower.append(kWord, '\0');
  const auto into = [](Bits& bits) { return [&bits](std::size_t bit) { bits.push_back(bit); }; };
  for (std::size_t at = 0; at < Pieces(size, kGrams3); ++at) {
    const std::uint64_t word = Load(lower.data() + at);
    ForEachBit<kGrams3>(word, into(bits3_));
    if (at < Pieces(size, kGrams5)) {
      ForEachBit<kGrams5>(word, into(bits5_));
    }
    if (at < Pieces(size, kGrams8)) {
      ForEachBit<kGrams8>(word, into(bits8_));
    }
  }
}

bool GramQuery::MayBeIn3(std::string_view set3) const { return HasAll(set3, bits3_); }

bool GramQuery::MayBeIn5And8(std::string_view set5, std::string_view set8) const {
  return HasAll(set5, bits5_) && HasAll(set8, bits8_);
}

}  // namespace aegis::ledger
