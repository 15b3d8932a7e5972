#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace aegis::canon {

// Output of JSON scalars exactly as RFC 8785 writes them. All append and allocate only as `out`
// grows, so a reused string makes them free of allocation.

// Appends a quoted string. Bytes that are no valid UTF-8 are never written: such a string is
// written in the escaped form of base::EscapeName instead, as all names are.
void AppendJsonString(std::string& out, std::string_view utf8);

// Appends an integer. INVARIANT: |value| <= 2^53, beyond which JSON numbers lose digits; a greater
// one is written as the double nearest to it, as RFC 8785 would.
void AppendJsonInteger(std::string& out, std::int64_t value);

// Appends a double in the form of ECMAScript's Number.prototype.toString; false and nothing
// appended for NaN and infinities, which JSON can't express.
bool AppendJsonNumber(std::string& out, double value);

}  // namespace aegis::canon
