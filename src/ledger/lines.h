#pragma once

// Internal to aegis::ledger: what the line formats of transparency logs have in common.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "canon/canon.h"

namespace aegis::ledger {

// No size or index beyond this is read: what fits a signed integer, as in stores and other logs.
inline constexpr std::uint64_t kMaxTreeSize = (std::uint64_t{1} << 63U) - 1;

// Takes the next line from the front of `rest` and gives it without its newline; nullopt, and
// nothing taken, if there is no newline.
std::optional<std::string_view> TakeLine(std::string_view& rest);

// A number in its one form: digits only, no leading zero, at most kMaxTreeSize.
std::optional<std::uint64_t> ParseDecimal(std::string_view digits);

// Base64, one a line.
void AppendHashLines(std::string& out, std::span<const canon::Sha256> hashes);
// Takes lines of hashes from the front of `rest` as long as they are not empty; nullopt if one is
// no hash or there are more than `limit`. The lines end where `rest` ends or at an empty line.
std::optional<std::vector<canon::Sha256>> TakeHashLines(std::string_view& rest, std::size_t limit);

}  // namespace aegis::ledger
