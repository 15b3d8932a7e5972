#include "ledger/own_patterns.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "ledger/mask.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

constexpr std::size_t kMaxPatterns = 32;
constexpr std::size_t kMaxLength = 1024;
// Instructions of one compiled pattern: where the states do not fit in memory, a search takes some
// steps per instruction and byte (128 KiB of text: below half a second).
constexpr int kMaxProgram = 2000;
// Bytes of one compiled pattern with the states that it remembers while it searches.
constexpr std::int64_t kMaxMemory = std::int64_t{1} << 20U;

// Whether a match can be empty, which would mask nothing: it depends on the characters around the
// place alone, and of these only on whether they are there, belong to words, or are newlines.
bool CanBeEmpty(const re2::RE2& pattern) {
  constexpr std::array<std::string_view, 4> kNeighbours = {"", "a", " ", "\n"};
  for (const std::string_view before : kNeighbours) {
    for (const std::string_view after : kNeighbours) {
      const std::string text = std::string(before) + std::string(after);
      if (pattern.Match(text, before.size(), before.size(), re2::RE2::ANCHOR_BOTH, nullptr, 0)) {
        return true;
      }
    }
  }
  return false;
}

Result<std::unique_ptr<const re2::RE2>> CompileOne(const std::string& text) {
  const auto fail = [&text](const std::string& why) {
    return Fail(Errc::kInvalid, "mask \"" + base::ForDisplay(text) + "\": " + why);
  };
  if (text.empty()) {
    return fail("it is empty");
  }
  if (text.size() > kMaxLength) {
    return Fail(Errc::kInvalid, "mask: a pattern is longer than 1024 bytes");
  }
  re2::RE2::Options options;  // UTF-8
  options.set_log_errors(false);
  options.set_max_mem(kMaxMemory);
  auto pattern = std::make_unique<const re2::RE2>(text, options);
  if (!pattern->ok()) {
    return fail(pattern->error());
  }
  if (pattern->ProgramSize() > kMaxProgram) {
    return fail("it is too large; shorter repetitions or smaller classes help");
  }
  if (CanBeEmpty(*pattern)) {
    return fail("it matches the empty text");
  }
  return pattern;
}

// The bytes of the first character, or 0 if no valid one is there.
std::size_t CharacterLength(std::string_view bytes) {
  for (std::size_t length = 1; length <= std::min<std::size_t>(bytes.size(), 4); ++length) {
    if (base::IsValidUtf8(bytes.substr(0, length))) {
      return length;
    }
  }
  return 0;
}

// The text as RE2 can read it, at the same offsets: of a byte that is no UTF-8 it would see the end
// of a match.
std::string Readable(std::string_view bytes) {
  constexpr char kStandIn = '\x7f';
  std::string text(bytes);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = CharacterLength(bytes.substr(at));
    if (length == 0) {
      text[at] = kStandIn;
    }
    at += std::max<std::size_t>(length, 1);
  }
  return text;
}

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U; }

// Whole characters: \C matches single bytes.
TextRange Widened(std::string_view text, TextRange range) {
  while (range.begin > 0 && IsContinuation(text[range.begin])) {
    --range.begin;
  }
  while (range.end < text.size() && IsContinuation(text[range.end])) {
    ++range.end;
  }
  return range;
}

TextRange RangeOf(std::string_view text, const re2::StringPiece& part) {
  const auto begin = static_cast<std::size_t>(part.data() - text.data());
  return Widened(text, {begin, begin + part.size()});
}

// All matches of one pattern; `left` bounds how many there may be for all of them.
void FindAll(const re2::RE2& pattern, std::string_view text, std::size_t& left,
             std::vector<TextRange>& secrets) {
  const int wanted = pattern.NumberOfCapturingGroups() > 0 ? 2 : 1;
  std::array<re2::StringPiece, 2> found;  // the match, its first group
  std::size_t from = 0;
  while (from < text.size() && pattern.Match({text.data(), text.size()}, from, text.size(),
                                             re2::RE2::UNANCHORED, found.data(), wanted)) {
    if (left == 0) {
      secrets.push_back({from, text.size()});
      return;
    }
    --left;
    const bool has_group = wanted == 2 && found[1].data() != nullptr;
    const re2::StringPiece& part = has_group ? found[1] : found[0];
    if (!part.empty()) {
      secrets.push_back(RangeOf(text, part));
    }
    const TextRange whole = RangeOf(text, found[0]);
    from = std::max(whole.end, from + 1);
  }
}

}  // namespace

OwnPatterns::OwnPatterns() = default;
OwnPatterns::OwnPatterns(OwnPatterns&&) noexcept = default;
OwnPatterns::~OwnPatterns() = default;

Result<OwnPatterns> OwnPatterns::Compile(std::span<const std::string> patterns) {
  if (patterns.size() > kMaxPatterns) {
    return Fail(Errc::kInvalid, "mask: more than 32 patterns");
  }
  OwnPatterns own;
  for (const std::string& text : patterns) {
    AEGIS_ASSIGN(auto pattern, CompileOne(text));
    own.patterns_.push_back(std::move(pattern));
  }
  return own;
}

void OwnPatterns::Find(std::string_view bytes, std::vector<TextRange>& secrets) const {
  std::string readable;
  std::string_view text = bytes;
  if (!base::IsValidUtf8(bytes)) {
    readable = Readable(bytes);
    text = readable;
  }
  std::size_t left = kMaxSecrets;
  for (const auto& pattern : patterns_) {
    FindAll(*pattern, text, left, secrets);
  }
}

}  // namespace aegis::ledger
