#pragma once

// Internal to aegis::ledger.

#include <string_view>

#include "ledger/entry.h"

namespace aegis::ledger {

// ParseEnvelope into an object whose strings are reused. On failure `entry` is unspecified.
bool ParseEnvelopeInto(std::string_view text, bool with_hash, Entry& entry);

}  // namespace aegis::ledger
