#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "canon/sha256.h"

namespace aegis::canon {

// Lower-case hexadecimal.
std::string HexEncode(std::string_view bytes);
void AppendHex(std::string& out, std::string_view bytes);
// Exactly an even number of lower-case hex digits, else nullopt.
std::optional<std::string> HexDecode(std::string_view text);

// Standard base64 (RFC 4648 section 4) with padding.
std::string Base64Encode(std::string_view bytes);
void AppendBase64(std::string& out, std::string_view bytes);
// Strict: the standard alphabet, padding present, unused bits zero, else nullopt.
std::optional<std::string> Base64Decode(std::string_view text);

// The two text forms in which digests travel: hash as hex, prev_hash as base64.
std::optional<Sha256> Sha256FromHex(std::string_view text);
std::optional<Sha256> Sha256FromBase64(std::string_view text);

}  // namespace aegis::canon
