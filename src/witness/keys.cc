#include "witness/keys.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "canon/canon.h"

namespace aegis::witness {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

std::string_view Trimmed(std::string_view line) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t first = std::min(line.find_first_not_of(kBlank), line.size());
  line.remove_prefix(first);
  return line.substr(0, line.find_last_not_of(kBlank) + 1);
}

Result<canon::VerifierKey> ParseKey(std::string_view text, canon::SignatureType type) {
  auto key = canon::VerifierKey::Parse(text);
  if (!key) {
    return Fail(Errc::kInvalid,
                "\"" + base::EscapeName(text) + "\" is no verifier key: " + key.error().message());
  }
  if (key->type != type) {
    return Fail(Errc::kInvalid, "\"" + base::EscapeName(text) +
                                    (type == canon::SignatureType::kNote
                                         ? "\" is the key of a witness, not of a log"
                                         : "\" is the key of a log, not of a witness"));
  }
  return key;
}

}  // namespace

Result<canon::VerifierKey> ParseLogKey(std::string_view text) {
  return ParseKey(text, canon::SignatureType::kNote);
}

Result<std::vector<canon::VerifierKey>> ParseLogKeys(std::string_view text) {
  std::vector<canon::VerifierKey> keys;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = Trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.starts_with('#')) {
      continue;
    }
    auto key = ParseLogKey(line);
    if (!key) {
      return Fail(std::move(key).error().Within("line " + std::to_string(number)));
    }
    keys.push_back(std::move(*key));
  }
  return keys;
}

Result<canon::VerifierKey> ParseWitnessKey(std::string_view text) {
  return ParseKey(text, canon::SignatureType::kCosignature);
}

}  // namespace aegis::witness
