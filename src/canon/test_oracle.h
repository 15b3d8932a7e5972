#pragma once

// For tests: a second implementation of RFC 8785 that shares no code with canon.

#include <optional>
#include <string>
#include <string_view>

namespace aegis::canon {

// The canonical form of a JSON text, or nullopt where Canonicalize is to refuse it. Reading and
// strings are nlohmann::json's; numbers are the C library's.
std::optional<std::string> OracleCanonicalize(std::string_view json);

// A finite number as ECMAScript writes it.
std::string OracleNumber(double value);

}  // namespace aegis::canon
