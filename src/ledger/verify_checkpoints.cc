#include "ledger/verify_checkpoints.h"

#include <algorithm>
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
namespace {

using base::Fail;
using base::Result;

std::string Named(std::uint64_t size) { return "the checkpoint of size " + std::to_string(size); }

}  // namespace

Result<CheckpointCheck> CheckpointCheck::Prepare(Snapshot& snapshot, const VerifyOptions& options) {
  CheckpointCheck check;
  auto keys = LogKeys::Read(snapshot);
  if (keys) {
    check.keys_ = std::move(*keys);
    check.CheckPinned(options.pinned_keys);
  } else if (IsDamage(keys.error())) {
    check.findings_.push_back({.kind = Finding::Kind::kSignature, .what = keys.error().message()});
  } else {
    return Fail(std::move(keys).error());
  }
  for (const KeptCheckpoint& kept : options.kept) {
    check.kept_.push_back(check.JudgeKept(kept));
  }
  std::sort(check.kept_.begin(), check.kept_.end(),
            [](const Claim& a, const Claim& b) { return a.size < b.size; });
  return check;
}

void CheckpointCheck::CheckPinned(const std::vector<std::string>& pinned) {
  const std::vector<LogKey>& log = keys_.log();
  for (const std::string& text : pinned) {
    const auto key = canon::VerifierKey::Parse(text);
    const auto mine = std::find_if(log.begin(), log.end(), [&](const LogKey& candidate) {
      return key && candidate.verifier == *key;
    });
    if (mine == log.end()) {
      findings_.push_back(
          {.kind = Finding::Kind::kSignature, .what = "the ledger's key is another than " + text});
    } else {
      pinned_.emplace_back(static_cast<std::size_t>(mine - log.begin()), text);
    }
  }
}

// Strict: a line by an unknown key, which nobody can verify, is wrong too.
void CheckpointCheck::Judge(const canon::SignedNote& note, const Checkpoint& checkpoint,
                            bool strict, Claim& claim) const {
  claim.size = checkpoint.size;
  claim.root = checkpoint.root;
  const LogKey* const log = keys_.KeyOf(claim.size);
  if (log == nullptr) {
    claim.problem = "the ledger has no key that could have signed it";
    return;
  }
  if (checkpoint.origin != log->verifier.name) {
    claim.problem = "it is of another log, " + checkpoint.origin;
    return;
  }
  claim.key = static_cast<std::size_t>(log - keys_.log().data());
  std::vector<canon::VerifierKey> keys = {log->verifier};
  keys.insert(keys.end(), keys_.witnesses().begin(), keys_.witnesses().end());
  const auto verified = canon::VerifyNote(note, keys);
  if (!verified || verified->front().index != 0) {
    claim.problem = "it is not signed by the ledger's key";
    return;
  }
  for (const canon::VerifiedKey& by : *verified) {
    if (by.index != 0 && (!claim.witnessed || by.time > claim.witnessed->time)) {
      claim.witnessed = Witnessed{.size = claim.size, .time = by.time, .name = keys[by.index].name};
    }
  }
  if (strict && verified->size() != note.signatures.size()) {
    claim.problem = "it carries a signature of a key that the ledger does not know";
  }
}

Claim CheckpointCheck::JudgeStored(const Result<StoredCheckpoint>& stored) const {
  Claim claim;
  if (!stored) {
    claim.from = "table checkpoints";
    claim.problem = stored.error().message();
    return claim;
  }
  claim.size = stored->size;
  claim.from = Named(stored->size);
  const auto note = canon::SignedNote::Parse(stored->note);
  const auto checkpoint =
      note ? Checkpoint::Parse(note->text) : Result<Checkpoint>(Fail(note.error()));
  if (!checkpoint || note->Text() != stored->note || checkpoint->size != stored->size) {
    claim.problem = "it is damaged";
    return claim;
  }
  Judge(*note, *checkpoint, true, claim);
  return claim;
}

Claim CheckpointCheck::JudgeKept(const KeptCheckpoint& kept) const {
  Claim claim{.from = kept.from, .if_wrong = kept.if_wrong, .if_larger = kept.if_larger};
  const auto note = canon::SignedNote::Parse(kept.note);
  const auto checkpoint =
      note ? Checkpoint::Parse(note->text) : Result<Checkpoint>(Fail(note.error()));
  if (!checkpoint) {
    claim.problem = "it is no checkpoint: " + checkpoint.error().message();
    return claim;
  }
  Judge(*note, *checkpoint, false, claim);
  return claim;
}

Result<std::vector<Claim>> CheckpointCheck::ClaimsIn(Snapshot& snapshot, IdRange range) const {
  std::vector<Claim> claims;
  auto read = snapshot.Checkpoints(range, StoreOrder::kLedger,
                                   [&](const Result<StoredCheckpoint>& stored) -> Result<bool> {
                                     claims.push_back(JudgeStored(stored));
                                     return true;
                                   });
  if (!read && !IsDamage(read.error())) {
    return Fail(std::move(read).error());
  }
  if (!read) {
    claims.push_back({.from = "table checkpoints", .problem = read.error().message()});
  }
  for (const Claim& claim : kept_) {
    const auto size = static_cast<std::int64_t>(claim.size);
    if (size >= range.first && size <= range.last) {
      claims.push_back(claim);
    }
  }
  std::sort(claims.begin(), claims.end(),
            [](const Claim& a, const Claim& b) { return a.size < b.size; });
  return claims;
}

}  // namespace aegis::ledger
