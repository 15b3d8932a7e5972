#include "ledger/policy_set.h"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "canon/canon.h"
#include "ledger/entry.h"

namespace aegis::ledger {
namespace {

bool IsDigest(std::string_view text) {
  constexpr std::size_t kDigits = 64;
  return text.size() == kDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

std::string DigestOfPolicies(std::span<const PolicyText> texts) {
  constexpr std::string_view kEnd("\0", 1);
  canon::Sha256Hasher hasher;
  hasher.Begin();
  for (const PolicyText& text : texts) {
    hasher.Update(text.file);
    hasher.Update(kEnd);
    hasher.Update(text.text);
    hasher.Update(kEnd);
  }
  return canon::HexEncode(hasher.Finish().view());
}

std::optional<std::string> ClaimedPolicies(const EntryView& entry) {
  std::optional<std::string> digest;
  if (entry.erased) {
    return digest;
  }
  if (entry.event_type == kSessionStarted &&
      canon::Member(entry.payload, "policy_stored") == "true") {
    digest = canon::StringMember(entry.payload, "policy_digest");
  } else if (entry.event_type == kPolicyChanged) {
    digest = canon::StringMember(entry.payload, "to");
  }
  return digest && IsDigest(*digest) ? digest : std::nullopt;
}

}  // namespace aegis::ledger
