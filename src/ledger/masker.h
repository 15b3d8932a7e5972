#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace aegis::ledger {

// What stands in place of a secret.
inline constexpr std::string_view kMasked = "[masked]";

class OwnPatterns;

// Replaces what is obviously secret in texts before they are hashed. A default-constructed one
// knows what their form gives away: credentials in URLs, bearer and basic authorisation, tokens
// with well-known prefixes, JSON Web Tokens, private key blocks, and values of variables or options
// named like a secret (TOKEN=..., --password=...). Make adds patterns of one's own to these.
// Copies are cheap and may be used by several threads.
class Masker {
 public:
  Masker() = default;

  // `patterns`: RE2 regular expressions in UTF-8. Of a match all is replaced, or, where the pattern
  // has a capturing group that took part, what the first group holds. kInvalid, naming pattern and
  // reason, for one that is broken, too large, or could match nothing at all; for too many of them.
  static base::Result<Masker> Make(std::span<const std::string> patterns);

  // `text`: in the escaped form of base::EscapeName, or any bytes; patterns meet the bytes that it
  // stands for, and the result is in escaped form. nullopt if there is nothing to mask, which costs
  // no allocation unless the text has escapes. Time is linear in the text.
  std::optional<std::string> Mask(std::string_view text) const;

  // The argument at `index` of argv, with its neighbour in mind: the value after an option such as
  // --password is masked whole.
  std::optional<std::string> MaskArgument(std::span<const std::string> argv,
                                          std::size_t index) const;

 private:
  std::optional<std::string> MaskBytes(std::string_view bytes) const;

  // Shared, since compiled patterns can't be copied and never change. Null: none.
  std::shared_ptr<const OwnPatterns> own_;
};

}  // namespace aegis::ledger
