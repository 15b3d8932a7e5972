#pragma once

// Internal to aegis::ledger.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/finding.h"
#include "ledger/log_keys.h"
#include "ledger/store.h"
#include "ledger/verify.h"

namespace aegis::ledger {

// What a checkpoint says, once its form and signatures were judged.
struct Claim {
  std::uint64_t size = 0;
  canon::Sha256 root{};
  bool has_root = false;
  std::string from{};  // who says so, for people
  Finding::Kind if_wrong = Finding::Kind::kForked;
  Finding::Kind if_larger = Finding::Kind::kTruncated;
  std::string problem{};  // what is wrong with the checkpoint itself
  std::optional<Witnessed> witnessed{};
};

// Judges checkpoints: stored ones, which must carry the right key's signature and no line that
// can't be verified, and those that were kept elsewhere. May be used by several threads at once.
class CheckpointCheck {
 public:
  // `kept` and `pinned` as in VerifyOptions.
  static base::Result<CheckpointCheck> Prepare(Snapshot& snapshot, const VerifyOptions& options);

  // What checkpoints say of trees with `range`.first - 1 < size <= `range`.last, by size.
  base::Result<std::vector<Claim>> ClaimsIn(Snapshot& snapshot, IdRange range) const;
  // What is wrong with the keys themselves.
  const std::vector<Finding>& findings() const { return findings_; }

 private:
  CheckpointCheck() = default;
  Claim JudgeStored(const base::Result<StoredCheckpoint>& stored) const;
  Claim JudgeKept(const KeptCheckpoint& kept) const;
  std::string JudgeSignatures(const canon::SignedNote& note, std::uint64_t size, bool strict,
                              std::optional<Witnessed>& witnessed) const;
  void CheckPinned(const std::vector<std::string>& pinned);

  LogKeys keys_;
  std::vector<Claim> kept_;  // by size
  std::vector<Finding> findings_;
};

}  // namespace aegis::ledger
