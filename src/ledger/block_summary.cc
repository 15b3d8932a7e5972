#include "ledger/block_summary.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "canon/canon.h"
#include "ledger/entry.h"

namespace aegis::ledger {
namespace {

constexpr std::uint64_t kHashBasis = 0xcbf29ce484222325ULL;

// FNV-1a.
std::uint64_t HashBytes(std::uint64_t hash, std::string_view bytes) {
  for (const char c : bytes) {
    hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3ULL;
  }
  return hash;
}

// Spreads what FNV-1a leaves in the low bits (the finalizer of MurmurHash3).
std::uint64_t Mix(std::uint64_t hash) {
  hash = (hash ^ (hash >> 33U)) * 0xff51afd7ed558ccdULL;
  hash = (hash ^ (hash >> 33U)) * 0xc4ceb9fe1a85ec53ULL;
  return hash ^ (hash >> 33U);
}

std::uint64_t HashKind(TermKind kind) {
  const char byte = static_cast<char>(kind);
  return HashBytes(kHashBasis, {&byte, 1});
}

void SetBit(std::string& bits, std::size_t bit) {
  bits[bit / 8] = static_cast<char>(static_cast<std::uint8_t>(bits[bit / 8]) | (1U << (bit % 8)));
}

// Eight bytes as a little-endian number.
std::uint64_t Load(const char* bytes) {
  static_assert(std::endian::native == std::endian::little);
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

constexpr std::size_t kWord = sizeof(std::uint64_t);

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

// The text of a member as canon::StringMember gives it; `scratch` holds what had escapes.
std::optional<std::string_view> Decoded(std::string_view raw, std::string& scratch) {
  if (!raw.starts_with('"')) {
    return std::nullopt;
  }
  if (!raw.contains('\\')) {
    return raw.substr(1, raw.size() - 2);
  }
  auto text = canon::DecodeString(raw);
  scratch = std::move(text).value_or(std::string());
  return scratch;
}

}  // namespace

std::uint64_t HashTerm(TermKind kind, std::string_view value) {
  return Mix(HashBytes(HashKind(kind), value));
}

std::uint64_t HashActionDecision(std::string_view action, std::string_view decision) {
  const std::uint64_t hash = HashBytes(HashKind(TermKind::kActionDecision), action);
  return Mix(HashBytes(HashBytes(hash, std::string_view("\0", 1)), decision));
}

bool HasBit(std::string_view bits, std::size_t bit) {
  return bit / 8 < bits.size() &&
         ((static_cast<std::uint8_t>(bits[bit / 8]) >> (bit % 8)) & 1U) != 0;
}

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

BlockSummaryBuilder::BlockSummaryBuilder() : grams_(kGramWords) { (void)Finish(); }

BlockSummary BlockSummaryBuilder::Finish() {
  entries_ = 0;
  user_id_.reset();
  session_id_.clear();
  event_type_before_.clear();
  payload_before_.clear();
  BlockSummary made = std::exchange(
      summary_, BlockSummary{.min_ms = {},
                             .max_ms = {},
                             .terms = std::string(BlockSummary::kTermsBytes, '\0'),
                             .denials = std::string(BlockSummary::kDenialsBytes, '\0'),
                             .grams = {}});
  made.grams.resize(BlockSummary::kGramsBytes);
  std::memcpy(made.grams.data(), grams_.data(), made.grams.size());
  std::ranges::fill(grams_, 0);
  return made;
}

void BlockSummaryBuilder::Add(const EntryView& entry) {
  if (entries_ == 0 || entry.session_id != session_id_) {
    session_id_ = entry.session_id;
    AddTerm(HashTerm(TermKind::kSession, session_id_));
  }
  if (!entry.erased) {
    summary_.min_ms = std::min(summary_.min_ms.value_or(entry.ts_unix_ms), entry.ts_unix_ms);
    summary_.max_ms = std::max(summary_.max_ms.value_or(entry.ts_unix_ms), entry.ts_unix_ms);
    AddTerms(entry);
    AddGrams(entry.event_type, event_type_before_);
    AddGrams(entry.payload, payload_before_);
  }
  ++entries_;
}

void BlockSummaryBuilder::AddTerm(std::uint64_t hash) {
  ForEachTermBit(hash, [this](std::size_t bit) { SetBit(summary_.terms, bit); });
}

void BlockSummaryBuilder::AddTerms(const EntryView& entry) {
  if (!user_id_ || entry.user_id != *user_id_) {
    user_id_ = entry.user_id;
    AddTerm(HashTerm(TermKind::kUser, *user_id_));
  }
  AddTerm(HashTerm(TermKind::kEventType, entry.event_type));
  std::string action_text;
  std::string decision_text;
  std::optional<std::string_view> action;
  std::optional<std::string_view> decision;
  // Both in one pass, and by the same reader as canon::Member, which decides what matches.
  canon::Cursor cursor(entry.payload);
  bool more = cursor.Literal("{");
  while (more) {
    std::string_view key;
    std::string_view value;
    if (!cursor.String(&key) || !cursor.Literal(":") || !cursor.Value(&value) ||
        key > R"("decision")") {
      break;
    }
    if (key == R"("action")") {
      action = Decoded(value, action_text);
    } else if (key == R"("decision")") {
      decision = Decoded(value, decision_text);
    }
    more = cursor.Literal(",");
  }
  if (action) {
    AddTerm(HashTerm(TermKind::kAction, *action));
  }
  if (decision) {
    std::string lower;
    AppendLower(lower, *decision);
    AddTerm(HashTerm(TermKind::kDecision, lower));
    if (action) {
      AddTerm(HashActionDecision(*action, lower));
    }
    if (lower == "deny") {
      SetBit(summary_.denials, static_cast<std::size_t>(entries_));
    }
  }
}

// Entries that follow each other are much alike: the pieces within what both texts begin with, and
// within what both end with, are there already.
void BlockSummaryBuilder::AddGrams(std::string_view text, std::string& before) {
  lower_.clear();
  AppendLower(lower_, text);
  const std::size_t prefix = CommonPrefix(lower_, before);
  const std::size_t suffix = CommonSuffix(lower_, before);
  const std::size_t size = lower_.size();
  const std::size_t end = size - suffix;
  std::size_t at = prefix < kLongGram ? 0 : prefix - kLongGram + 1;
  lower_.append(kWord, '\0');  // so that whole words can be loaded
  constexpr std::uint64_t kShortMask = (std::uint64_t{1} << (8U * kShortGram)) - 1;
  constexpr std::uint64_t kLongMask = (std::uint64_t{1} << (8U * kLongGram)) - 1;
  const std::size_t long_end = std::min(end, size < kLongGram ? 0 : size - kLongGram + 1);
  std::uint64_t* const grams = grams_.data();
  const char* const bytes = lower_.data();
  const auto set = [grams](std::uint64_t piece) {
    const std::size_t bit = GramBit(piece);
    grams[bit / 64] |= std::uint64_t{1} << (bit % 64);
  };
  for (; at < long_end; ++at) {
    const std::uint64_t word = Load(bytes + at);
    set(word & kShortMask);
    set(word & kLongMask);
  }
  const std::size_t short_end = std::min(end, size < kShortGram ? 0 : size - kShortGram + 1);
  for (; at < short_end; ++at) {
    set(Load(bytes + at) & kShortMask);
  }
  lower_.resize(size);
  lower_.swap(before);
}

}  // namespace aegis::ledger
