#include "ledger/glob.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

bool IsHexDigit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

// Bytes of the character at the beginning of `text`, which is not empty: a UTF-8 sequence, or an
// escape. Of text that is no escaped form each odd byte is a character.
std::size_t CharacterLength(std::string_view text) {
  const auto lead = static_cast<std::uint8_t>(text.front());
  if (lead == '\\') {
    if (text.size() >= 4 && text[1] == 'x' && IsHexDigit(text[2]) && IsHexDigit(text[3])) {
      return 4;
    }
    return text.size() >= 2 && text[1] == '\\' ? 2 : 1;
  }
  const std::size_t length = lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  const bool whole = lead <= 0xf4 && base::IsValidUtf8(text.substr(0, length));
  return lead < 0x80 || !whole ? 1 : length;
}

// A character is at most four bytes: they are its number.
std::uint32_t TakeCharacter(std::string_view& text) {
  const std::size_t length = CharacterLength(text);
  std::uint32_t character = 0;
  for (std::size_t i = 0; i < length; ++i) {
    character |= std::uint32_t{static_cast<std::uint8_t>(text[i])} << (8U * i);
  }
  text.remove_prefix(length);
  return character;
}

void AppendCharacter(std::string& out, std::uint32_t character) {
  do {
    out += static_cast<char>(character & 0xffU);
    character >>= 8U;
  } while (character != 0);
}

constexpr std::uint32_t kSlash = '/';

}  // namespace

Result<Glob> Glob::Parse(std::string_view pattern) {
  if (pattern.size() > kMaxLength) {
    return Fail(Errc::kInvalid,
                "a path pattern of more than " + std::to_string(kMaxLength) + " bytes");
  }
  if (!base::IsValidUtf8(pattern)) {
    return Fail(Errc::kInvalid,
                "a path pattern that is not UTF-8; write bytes that are not as \\xHH");
  }
  Glob glob;
  bool segment_begins = true;
  while (!pattern.empty()) {
    const bool begins = std::exchange(segment_begins, false);
    if (pattern.starts_with("**")) {
      pattern.remove_prefix(std::min(pattern.find_first_not_of('*'), pattern.size()));
      segment_begins = begins && pattern.starts_with('/');
      if (segment_begins) {
        pattern.remove_prefix(1);
        glob.steps_.push_back({.kind = Kind::kSegments});
      }
      glob.steps_.push_back({.kind = segment_begins ? Kind::kInsideOne : Kind::kAcross});
    } else if (pattern.front() == '*' || pattern.front() == '?') {
      const Kind kind = pattern.front() == '*' ? Kind::kInSegment : Kind::kAnyCharacter;
      glob.steps_.push_back({.kind = kind});
      pattern.remove_prefix(1);
    } else {
      pattern.remove_prefix(pattern.starts_with("\\*") || pattern.starts_with("\\?") ? 1 : 0);
      glob.steps_.push_back({.kind = Kind::kCharacter, .character = TakeCharacter(pattern)});
      segment_begins = glob.steps_.back().character == kSlash;
    }
  }
  return glob;
}

// Stands before `step`, and before those behind it that may take nothing.
void Glob::Reach(States& states, std::size_t step) const {
  while (states[step] == 0) {
    states[step] = 1;
    if (step == steps_.size()) {
      return;
    }
    const Kind kind = steps_[step].kind;
    if (kind == Kind::kInSegment || kind == Kind::kAcross) {
      step += 1;
    } else if (kind == Kind::kSegments) {
      step += 2;
    } else {
      return;
    }
  }
}

void Glob::Take(States& states, std::size_t step, std::uint32_t character) const {
  const bool slash = character == kSlash;
  switch (steps_[step].kind) {
    case Kind::kCharacter:
      if (character == steps_[step].character) {
        Reach(states, step + 1);
      }
      return;
    case Kind::kAnyCharacter:
      if (!slash) {
        Reach(states, step + 1);
      }
      return;
    case Kind::kInSegment:
      if (!slash) {
        Reach(states, step);
      }
      return;
    case Kind::kAcross:
      Reach(states, step);
      return;
    case Kind::kSegments:
      Reach(states, slash ? step : step + 1);
      return;
    case Kind::kInsideOne:
      Reach(states, slash ? step - 1 : step);
      return;
  }
}

bool Glob::Matches(std::string_view name) const {
  States states(steps_.size() + 1);
  States next(steps_.size() + 1);
  Reach(states, 0);
  while (!name.empty()) {
    const std::uint32_t character = TakeCharacter(name);
    for (std::size_t step = 0; step < steps_.size(); ++step) {
      if (states[step] != 0) {
        Take(next, step, character);
      }
    }
    if (std::ranges::find(next, 1) == next.end()) {
      return false;
    }
    states.swap(next);
    std::ranges::fill(next, 0);
  }
  return states.back() != 0;
}

std::vector<Glob::Literal> Glob::Literals() const {
  std::vector<Literal> literals;
  bool open = false;
  for (std::size_t step = 0; step < steps_.size(); ++step) {
    const bool character = steps_[step].kind == Kind::kCharacter;
    if (character && !open) {
      literals.push_back({.text = {}, .at_begin = step == 0, .at_end = false});
    }
    if (character) {
      AppendCharacter(literals.back().text, steps_[step].character);
    }
    open = character;
  }
  if (open) {
    literals.back().at_end = true;
  }
  return literals;
}

}  // namespace aegis::ledger
