#include "ledger/masker.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "ledger/mask.h"
#include "ledger/own_patterns.h"

namespace aegis::ledger {
namespace {

// Of ranges in order of their beginnings, those that overlap become one.
std::string Replaced(std::string_view text, std::span<const TextRange> secrets) {
  std::string out;
  std::size_t copied = 0;
  for (std::size_t i = 0; i < secrets.size();) {
    out += text.substr(copied, secrets[i].begin - copied);
    out += kMasked;
    copied = secrets[i].end;
    for (++i; i < secrets.size() && secrets[i].begin < copied; ++i) {
      copied = std::max(copied, secrets[i].end);
    }
  }
  out += text.substr(copied);
  return out;
}

}  // namespace

base::Result<Masker> Masker::Make(std::span<const std::string> patterns) {
  Masker masker;
  if (!patterns.empty()) {
    AEGIS_ASSIGN(auto own, OwnPatterns::Compile(patterns));
    masker.own_ = std::make_shared<const OwnPatterns>(std::move(own));
  }
  return masker;
}

std::optional<std::string> Masker::MaskBytes(std::string_view bytes) const {
  // Each looks at the text as it came: what one masks may be half of what the other would.
  std::vector<TextRange> secrets;
  FindSecrets(bytes, secrets);
  if (own_) {
    own_->Find(bytes, secrets);
    std::ranges::sort(secrets, {}, &TextRange::begin);
  }
  if (secrets.empty()) {
    return std::nullopt;
  }
  return base::EscapeName(Replaced(bytes, secrets));
}

std::optional<std::string> Masker::Mask(std::string_view text) const {
  // Escapes would hide where words begin, and be counted as characters.
  return text.contains('\\') ? MaskBytes(base::UnescapeName(text)) : MaskBytes(text);
}

std::optional<std::string> Masker::MaskArgument(std::span<const std::string> argv,
                                                std::size_t index) const {
  if (index > 0 && IsSecretOption(argv[index - 1]) && !argv[index].starts_with("-")) {
    return std::string(kMasked);
  }
  return Mask(argv[index]);
}

}  // namespace aegis::ledger
