#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/store.h"

namespace aegis::ledger {

// A key of the log and the trees that it signs: those larger than `after`, up to the next key's.
struct LogKey {
  canon::VerifierKey verifier{};
  std::uint64_t after = 0;
};

// The public keys that a ledger knows: its own, each endorsed by the one before it, and those of
// witnesses whose cosignatures it keeps. A value.
class LogKeys {
 public:
  // kCorrupt, with which key and why, for keys that are not what they should be: another name, an
  // endorsement that the key before did not sign, two roles.
  static base::Result<LogKeys> Read(Snapshot& snapshot);

  const std::vector<LogKey>& log() const { return log_; }
  const std::vector<canon::VerifierKey>& witnesses() const { return witnesses_; }
  // The key that signs a tree of this size; null while the log has none.
  const LogKey* KeyOf(std::uint64_t size) const;
  std::int64_t next_id() const { return next_id_; }

 private:
  base::Result<> Add(const StoredKey& key);
  base::Result<std::uint64_t> CheckEndorsement(const StoredKey& key,
                                               const canon::VerifierKey& verifier) const;
  std::vector<LogKey> log_;
  std::vector<canon::VerifierKey> witnesses_;
  std::int64_t next_id_ = 1;
};

// The text by which a log's key hands over to the next: four lines, see docs/ledger-format.md.
std::string EndorsementText(const canon::VerifierKey& next, std::uint64_t after);

inline constexpr std::string_view kLogRole = "log";
inline constexpr std::string_view kWitnessRole = "witness";

}  // namespace aegis::ledger
