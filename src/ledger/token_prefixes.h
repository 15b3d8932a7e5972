#pragma once

// Internal to aegis::ledger.

#include <cstddef>
#include <string_view>

#include "ledger/mask.h"

namespace aegis::ledger {

// The first token from `from` on that its prefix gives away: ghp_..., AKIA..., AGE-SECRET-KEY-1...
TextRange FindPrefixed(std::string_view text, std::size_t from);

}  // namespace aegis::ledger
