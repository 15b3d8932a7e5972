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
constexpr std::uint64_t kFactor = 0x9e3779b97f4a7c15ULL;  // 2^64 over the golden ratio

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

// How many bytes are equal from `a` and from `b`, which lies before it, up to `end`.
std::size_t CommonLength(const char* a, const char* b, const char* end) {
  const char* at = a;
  while (end - at >= static_cast<std::ptrdiff_t>(kWord) && Load(at) == Load(b + (at - a))) {
    at += kWord;
  }
  while (at < end && *at == b[at - a]) {
    ++at;
  }
  return static_cast<std::size_t>(at - a);
}

// Calls `visit` with the bits of the piece of Grams.piece bytes at the beginning of `word`: the
// highest bits of its hash, then those below.
template <GramSet Grams, typename Visit>
void ForEachBit(std::uint64_t word, const Visit& visit) {
  constexpr unsigned kUnused = 64 - (8 * Grams.piece);
  constexpr int kLog = std::countr_zero(Grams.bytes * 8);
  const std::uint64_t hash = ((word << kUnused) >> kUnused) * kFactor;
  for (int i = 1; i <= Grams.hashes; ++i) {
    visit(static_cast<std::size_t>(std::rotl(hash, i * kLog)) % (Grams.bytes * 8));
  }
}

template <GramSet Grams>
void Set(std::uint64_t* bits, std::uint64_t word) {
  ForEachBit<Grams>(word,
                    [bits](std::size_t bit) { bits[bit / 64] |= std::uint64_t{1} << (bit % 64); });
}

constexpr char kSeparator = '\xff';  // in no UTF-8
constexpr std::size_t kMaxHistory = 32768;

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
    : set3_(kGrams3.bytes / kWord), set5_(kGrams5.bytes / kWord), set8_(kGrams8.bytes / kWord) {
  ForgetHistory();
}

// Place 0 is a separator's, so that it stands for none.
void GramBuilder::ForgetHistory() {
  history_.assign(1, kSeparator);
  places_.fill(0);
}

// Where the text begins there. Behind it there is room to load whole words.
std::size_t GramBuilder::AppendToHistory(std::string_view text) {
  if (history_.size() + text.size() > kMaxHistory) {
    ForgetHistory();
  }
  const std::size_t begin = history_.size();
  AppendLower(history_, text);
  history_.append(kWord, kSeparator);
  return begin;
}

// The length of what stands at `at` and stood before, but for the last pieces, which reach beyond
// it; 0 if nothing is known. The word at `at` ends before `end`, where the text does.
inline std::size_t GramBuilder::PassOver(std::size_t at, std::size_t end) {
  const char* const bytes = history_.data();
  const std::uint64_t word = Load(bytes + at);
  auto& place = places_[(word * kFactor) >> (64U - std::countr_zero(kPlaces))];
  const std::size_t before = place;
  place = static_cast<std::uint16_t>(at);
  if (before == 0 || Load(bytes + before) != word) {
    return 0;
  }
  return CommonLength(bytes + at, bytes + before, bytes + end) - kWord + 1;
}

void GramBuilder::Add(std::string_view text) {
  const bool is_known_later = text.size() < kMaxHistory && !text.contains(kSeparator);
  const std::size_t begin = AppendToHistory(text);
  const std::size_t end = begin + text.size();
  const std::size_t end3 = begin + Pieces(text.size(), kGrams3);
  const std::size_t end5 = begin + Pieces(text.size(), kGrams5);
  const std::size_t end8 = begin + Pieces(text.size(), kGrams8);
  const char* const bytes = history_.data();
  std::size_t at = begin;
  while (at < end8) {
    const std::size_t known = is_known_later ? PassOver(at, end) : 0;
    if (known == 0) {
      const std::uint64_t word = Load(bytes + at);
      Set<kGrams3>(set3_.data(), word);
      Set<kGrams5>(set5_.data(), word);
      Set<kGrams8>(set8_.data(), word);
    }
    at += std::max<std::size_t>(known, 1);
  }
  for (; at < end5; ++at) {
    const std::uint64_t word = Load(bytes + at);
    Set<kGrams3>(set3_.data(), word);
    Set<kGrams5>(set5_.data(), word);
  }
  for (; at < end3; ++at) {
    Set<kGrams3>(set3_.data(), Load(bytes + at));
  }
  if (!is_known_later) {
    ForgetHistory();
  }
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
  ForgetHistory();
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
