#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace aegis::canon {

// Deeper nesting of arrays and objects than this is refused everywhere.
inline constexpr int kMaxJsonDepth = 64;

// The canonical form (RFC 8785) of a JSON text. kInvalid, with the byte offset, for anything that
// is no I-JSON: syntax errors, duplicate keys, invalid UTF-8, lone surrogates, numbers beyond the
// range of a double, nesting deeper than kMaxJsonDepth. Numbers too small for a double become 0.
base::Result<std::string> Canonicalize(std::string_view json);

// Whether `text` is, byte for byte, the canonical form of one object (or of any value). One pass
// and constant memory, so it may be asked of hostile text of any size.
bool IsCanonicalObject(std::string_view text);
bool IsCanonicalValue(std::string_view text);

// Whether a sorts before b as RFC 8785 sorts keys: by UTF-16 code units. Both are valid UTF-8.
bool Utf16Less(std::string_view a, std::string_view b);

}  // namespace aegis::canon
