#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace aegis::config {

// The name of a configuration: letters, digits, `-`, `_` and `.`, 1 to 64 of them, no `.` in front.
// Parsed once at the edge; whoever holds one may use it as a directory name below $AEGIS_HOME.
inline constexpr std::size_t kMaxNameLength = 64;

// kInvalid, with what is wrong, for anything that is not a usable name; names that Aegis needs for
// itself below $AEGIS_HOME (`current`, `daemon`, `pilot`, `wraps`) are refused too.
base::Result<> CheckName(std::string_view name);

// A usable name made from the base name of a program as typed: other characters become `-`.
std::string NameForProgram(std::string_view program);

}  // namespace aegis::config
