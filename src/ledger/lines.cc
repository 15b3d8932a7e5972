#include "ledger/lines.h"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "canon/canon.h"

namespace aegis::ledger {

std::optional<std::string_view> TakeLine(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  if (end == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return line;
}

std::optional<std::uint64_t> ParseDecimal(std::string_view digits) {
  std::uint64_t value = 0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool leading_zero = digits.size() > 1 && digits.front() == '0';
  if (result.ec != std::errc() || result.ptr != digits.data() + digits.size() || leading_zero ||
      value > kMaxTreeSize) {
    return std::nullopt;
  }
  return value;
}

void AppendHashLines(std::string& out, std::span<const canon::Sha256> hashes) {
  for (const canon::Sha256& hash : hashes) {
    canon::AppendBase64(out, hash.view());
    out += '\n';
  }
}

std::optional<std::vector<canon::Sha256>> TakeHashLines(std::string_view& rest, std::size_t limit) {
  std::vector<canon::Sha256> hashes;
  while (!rest.empty() && !rest.starts_with('\n')) {
    const auto line = TakeLine(rest);
    const auto hash = line ? canon::Sha256FromBase64(*line) : std::nullopt;
    if (!hash || hashes.size() == limit) {
      return std::nullopt;
    }
    hashes.push_back(*hash);
  }
  return hashes;
}

}  // namespace aegis::ledger
