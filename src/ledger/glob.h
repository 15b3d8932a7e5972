#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace aegis::ledger {

// A pattern over names in their escaped form (base::EscapeName):
//   `?`   one character, not `/`; an escape (`\\`, `\xHH`) is one character
//   `*`   any characters, none too, without `/`
//   `**`  any characters; as a whole segment (`a/**/b`) any number of segments, none too
//   `\*`, `\?`  the character itself: no escaped form has it behind a backslash
// Everything else stands for itself, and the whole name must match. Matching takes at most the
// product of both lengths, whatever they hold.
class Glob {
 public:
  static constexpr std::size_t kMaxLength = 4096;

  // kInvalid: longer than kMaxLength, or not valid UTF-8 (such bytes have an escape: `\xHH`).
  static base::Result<Glob> Parse(std::string_view pattern);

  bool Matches(std::string_view name) const;

  // A piece of text that every matching name contains.
  struct Literal {
    std::string text{};
    bool at_begin = false;  // the name begins with it
    bool at_end = false;    // the name ends with it
  };
  // All of them, none empty, in order.
  std::vector<Literal> Literals() const;

 private:
  enum class Kind : std::uint8_t {
    kCharacter,     // itself
    kAnyCharacter,  // ?
    kInSegment,     // *
    kAcross,        // **
    kSegments,      // `**/` for a whole segment; takes two steps, of which the second is
    kInsideOne,     // within a segment, which ends behind a `/` only
  };
  struct Step {
    Kind kind = Kind::kCharacter;
    std::uint32_t character = 0;
  };
  using States = std::vector<std::uint8_t>;  // whether a step is the next one to take

  void Reach(States& states, std::size_t step) const;
  void Take(States& states, std::size_t step, std::uint32_t character) const;

  std::vector<Step> steps_;
};

}  // namespace aegis::ledger
