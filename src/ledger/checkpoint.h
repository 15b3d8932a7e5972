#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "canon/canon.h"

namespace aegis::ledger {

// What a log says of itself at one moment (c2sp.org/tlog-checkpoint): the text of a signed note.
struct Checkpoint {
  std::string origin{};  // names the log
  std::uint64_t size = 0;
  canon::Sha256 root{};

  // kInvalid for anything but three lines (an origin, a size below 2^63 without leading zeros, a
  // root hash) and extension lines, none of them empty. Extensions are not kept: what is signed is
  // the note's text, and it is that text which gets verified and cosigned.
  static base::Result<Checkpoint> Parse(std::string_view text);
  // The three lines. `origin` must be one that parses.
  std::string BodyText() const;

  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

}  // namespace aegis::ledger
