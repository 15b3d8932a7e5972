#pragma once

// Internal to aegis::ledger.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/checkpoint.h"
#include "ledger/finding.h"
#include "ledger/log_keys.h"
#include "ledger/store.h"
#include "ledger/verify.h"

namespace aegis::ledger {

// What a checkpoint says, once its form and signatures were judged.
struct Claim {
  std::uint64_t size = 0;
  canon::Sha256 root{};
  std::size_t key = 0;  // of the log's, that signed it
  std::string from{};   // who says so, for people
  Finding::Kind if_wrong = Finding::Kind::kForked;
  Finding::Kind if_larger = Finding::Kind::kTruncated;
  std::string problem{};  // what is wrong with the checkpoint itself; its root means nothing then
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
  // Of the keys that were kept elsewhere those that the log has: its how-manieth each is.
  const std::vector<std::pair<std::size_t, std::string>>& pinned() const { return pinned_; }

 private:
  CheckpointCheck() = default;
  Claim JudgeStored(const base::Result<StoredCheckpoint>& stored) const;
  Claim JudgeKept(const KeptCheckpoint& kept) const;
  void Judge(const canon::SignedNote& note, const Checkpoint& checkpoint, bool strict,
             Claim& claim) const;
  void CheckPinned(const std::vector<std::string>& pinned);

  LogKeys keys_;
  std::vector<Claim> kept_;  // by size
  std::vector<std::pair<std::size_t, std::string>> pinned_;
  std::vector<Finding> findings_;
};

}  // namespace aegis::ledger
