#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/text.h"  // IWYU pragma: export

namespace aegis::cli {

using base::FormatTime;

// "2026-11-21", "2026-11-21T14:03", "2026-11-21 14:03:07.5+01:00" and the like as milliseconds
// since 1970; without an offset it is UTC. Nothing for anything else.
std::optional<std::int64_t> ParseTime(std::string_view text);

// "45m", "12h", "30d" or "2w" as milliseconds. Nothing for anything else.
std::optional<std::int64_t> ParseAge(std::string_view text);

// JSON text with every control, BiDi control, zero-width and line separator character in it as a
// \uXXXX escape, so that a terminal may show it. The value stays the same: outside strings JSON has
// no such characters but blanks, which are kept.
std::string HarmlessJson(std::string_view json);

// A Cedar string literal, quotes included, that shows no control characters.
std::string CedarString(std::string_view text);

// "1 action", "2 actions".
std::string Count(std::uint64_t number, std::string_view singular);

// "512 bytes", "1.5 KiB", "23.0 MiB", "4.1 GiB".
std::string Bytes(std::uint64_t bytes);

// How many characters a text has, if it is UTF-8.
std::size_t Characters(std::string_view text);

// `text` with blanks up to `width` columns; counts characters, not bytes.
std::string Padded(std::string text, std::size_t width);

}  // namespace aegis::cli
