#pragma once

// Internal to aegis::ledger: what Masker knows without being told.

#include <cstddef>
#include <string_view>
#include <vector>

namespace aegis::ledger {

// A part of a text.
struct TextRange {
  static constexpr std::size_t kNone = std::string_view::npos;

  std::size_t begin = kNone;
  std::size_t end = kNone;

  bool found() const { return begin != kNone; }
  friend bool operator==(const TextRange&, const TextRange&) = default;
};

// Of a text with more secrets than this, all after that many is masked: who makes such texts wants
// to keep us busy.
inline constexpr std::size_t kMaxSecrets = 64;

// Appends where secrets stand that their form gives away, in order.
void FindSecrets(std::string_view text, std::vector<TextRange>& secrets);

// Whether the argument after this one is a secret: --password and the like.
bool IsSecretOption(std::string_view argument);

}  // namespace aegis::ledger
