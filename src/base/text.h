#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace aegis::base {

// The one escaped form of a name made of bytes (a path, an argument): valid UTF-8 is kept, a
// backslash becomes `\\`, a byte that is part of no valid UTF-8 sequence becomes `\xHH` (lower-case
// hex). Injective: two different names never share an escaped form. Policies, the ledger and every
// message name things in this form. Control characters are kept (JSON escapes them itself).
std::string EscapeName(std::string_view bytes);
std::vector<std::string> EscapeNames(std::span<const std::string> names);
void AppendEscapedName(std::string& out, std::string_view bytes);

// The bytes of an escaped name; an escape that EscapeName never writes stays as it stands.
std::string UnescapeName(std::string_view escaped);

bool IsValidUtf8(std::string_view bytes);

// Text made harmless for a terminal, a log line or a pipe: C0/C1 controls (ESC, newline, tab, DEL
// too), BiDi controls, zero-width and line/paragraph separators become `\u{HEX}`, invalid UTF-8
// becomes `\xHH`. Names that agents choose pass through this wherever a person reads them.
std::string ForDisplay(std::string_view text);

// A moment, milliseconds since 1970, as people and programs read it: "2026-11-21T14:03:07.042Z".
// Years beyond 9999 or before 1970 come as plain milliseconds: times in a tampered ledger may be
// anything.
std::string FormatTime(std::int64_t unix_ms);

}  // namespace aegis::base
