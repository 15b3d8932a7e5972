#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

// Names of hosts as text: lower case, without a dot at the end.
namespace aegis::proxy {

inline constexpr std::size_t kLongestLabel = 63;
inline constexpr std::size_t kLongestHostName = 253;
// 250 bytes in four labels (RFC 1035: 255 with lengths and root), each byte escaped.
inline constexpr std::size_t kLongestWrittenName = 1003;

// ASCII, whatever the locale.
char LowerCase(char c);

// Whether a name may be looked up: labels of 1 to 63 letters, digits, `-` and `_`, in lower case,
// together at most 253 characters. The last one is no number: an address is not a name.
bool IsHostName(std::string_view name);

// The name in lower case; nothing if it is none that IsHostName() takes even then.
std::optional<std::string> HostNameOf(std::string_view text);

// Whether text could come of AppendLabel(): what IsHostName() takes, and the names that it refuses.
bool IsWrittenName(std::string_view text);

// Writes a label: letters become lower case, what a host's name can't hold becomes `\xHH`.
// Different names (but for case) never share a written form.
void AppendLabel(std::string& text, std::string_view label);

// `localhost` and what lies below it (RFC 6761).
bool IsLocalhost(std::string_view name);

}  // namespace aegis::proxy
