#include "ledger/log_keys.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/store.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

constexpr std::string_view kEndorsementHeader = "aegis-ledger-key/v1\n";

std::unexpected<base::Error> Bad(const StoredKey& key, std::string_view what) {
  return Fail(Errc::kCorrupt, "key " + std::to_string(key.id) + " " + std::string(what));
}

}  // namespace

std::string EndorsementText(const canon::VerifierKey& next, std::uint64_t after) {
  return std::string(kEndorsementHeader) + next.name + "\n" + std::to_string(after) + "\n" +
         next.Text() + "\n";
}

Result<LogKeys> LogKeys::Read(Snapshot& snapshot) {
  LogKeys keys;
  auto read = snapshot.Keys([&keys](const Result<StoredKey>& key) -> Result<bool> {
    const auto added = key ? keys.Add(*key) : Result<>(Fail(key.error()));
    return added ? Result<bool>(true) : Fail(added.error());
  });
  AEGIS_TRY(std::move(read));
  return keys;
}

Result<> LogKeys::Add(const StoredKey& key) {
  if (key.id != next_id_) {
    return Bad(key, "is not the next of table keys");
  }
  const auto verifier = canon::VerifierKey::Parse(key.verifier);
  if (!verifier) {
    return Bad(key, "is no verifier key: " + verifier.error().message());
  }
  ++next_id_;
  if (key.role == kWitnessRole && verifier->type == canon::SignatureType::kCosignature &&
      key.endorsement.empty()) {
    witnesses_.push_back(*verifier);
    return {};
  }
  if (key.role != kLogRole || verifier->type != canon::SignatureType::kNote) {
    return Bad(key, "has no role that such a key can have");
  }
  AEGIS_ASSIGN(const std::uint64_t after, CheckEndorsement(key, *verifier));
  log_.push_back({.verifier = *verifier, .after = after});
  return {};
}

// The first key stands by itself: who verifies knows it, or trusts it on first use.
Result<std::uint64_t> LogKeys::CheckEndorsement(const StoredKey& key,
                                                const canon::VerifierKey& verifier) const {
  if (log_.empty()) {
    return key.endorsement.empty() ? Result<std::uint64_t>(0)
                                   : Bad(key, "is the first, and can't be endorsed");
  }
  const auto note = canon::SignedNote::Parse(key.endorsement);
  const std::array<canon::VerifierKey, 1> before = {log_.back().verifier};
  if (!note || note->Text() != key.endorsement || note->signatures.size() != 1 ||
      !canon::VerifyNote(*note, before)) {
    return Bad(key, "is not endorsed by the key before it");
  }
  const std::string head = std::string(kEndorsementHeader) + before[0].name + "\n";
  std::uint64_t after = 0;
  const std::string_view text(note->text);
  if (text.starts_with(head)) {
    (void)std::from_chars(text.data() + head.size(), text.data() + text.size(), after);
  }
  if (text != EndorsementText(verifier, after) || verifier.name != before[0].name ||
      after < log_.back().after) {
    return Bad(key, "is not the one that the endorsement names");
  }
  return after;
}

const LogKey* LogKeys::KeyOf(std::uint64_t size) const {
  const LogKey* found = log_.empty() ? nullptr : &log_.front();
  for (const LogKey& key : log_) {
    if (key.after < size) {
      found = &key;
    }
  }
  return found;
}

}  // namespace aegis::ledger
