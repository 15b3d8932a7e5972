#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"

namespace aegis::witness {

// The proof (RFC 6962 section 2.1.2) that the tree of a submission extends its first `old_size`
// entries; asked for with 0 < old_size < size only.
using ConsistencyProver =
    std::function<base::Result<std::vector<canon::Sha256>>(std::uint64_t old_size)>;

// A signed checkpoint on its way to witnesses.
struct Submission {
  std::string origin{};
  std::uint64_t size = 0;
  canon::Sha256 root{};
  std::string note{};  // the signed note, of which the members above are what it says
  // Called on the threads of sinks, possibly by several at once and after later submissions were
  // made: it must own all that it uses, its connection to the store included.
  ConsistencyProver prove_consistency{};
};

}  // namespace aegis::witness
