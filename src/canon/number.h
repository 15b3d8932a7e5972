#pragma once

// Internal to aegis::canon.

#include <optional>
#include <string_view>

namespace aegis::canon {

// The double that a JSON number (RFC 8259 syntax, all of `text`) denotes: the nearest one, 0 if it
// is too small. nullopt for other text and for numbers beyond the range of a double.
std::optional<double> ParseJsonNumber(std::string_view text);

// Whether `text` is the very text that RFC 8785 writes for the number it denotes.
bool IsCanonicalNumber(std::string_view text);

}  // namespace aegis::canon
