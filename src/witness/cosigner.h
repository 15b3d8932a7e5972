#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/ledger.h"
#include "witness/http_message.h"

namespace aegis::witness {

// What a witness remembers of each log.
class CheckpointStore {
 public:
  CheckpointStore() = default;
  CheckpointStore(const CheckpointStore&) = delete;
  CheckpointStore& operator=(const CheckpointStore&) = delete;
  virtual ~CheckpointStore() = default;

  // The checkpoint that was put last for an origin.
  virtual base::Result<std::optional<canon::SignedNote>> Latest(std::string_view origin) = 0;
  // Replaces it, and lasts once this returns. After an error either may be the latest.
  virtual base::Result<> Put(std::string_view origin, const canon::SignedNote& checkpoint) = 0;
  // Keeps a checkpoint that contradicts the latest, as evidence against the log's owner.
  virtual base::Result<> KeepConflict(std::string_view origin,
                                      const canon::SignedNote& checkpoint) = 0;
};

// The witness's side of c2sp.org/tlog-witness: cosigns a log's checkpoints as long as each extends
// the one before, and never a second history. All of its state is the store's. One thread, so that
// checking and remembering are one step.
class Cosigner {
 public:
  // Seconds since 1970.
  using Clock = std::function<std::uint64_t()>;
  // A line for the operator: what was cosigned, and what needs attention.
  using Log = std::function<void(std::string_view)>;

  // Cosigns for the logs whose keys are given; a log is known by its key's name, and may have
  // several keys. `store` must outlive this.
  Cosigner(canon::NoteSigner signer, std::vector<canon::VerifierKey> logs, CheckpointStore& store,
           Clock clock, Log log);

  // Answers POST /add-checkpoint, and for people GET / and GET /checkpoint/HEX, where HEX is the
  // SHA-256 of an origin. Any request is safe.
  HttpReply Handle(const HttpRequest& request);

 private:
  HttpReply AddCheckpoint(std::string_view body);
  HttpReply Extend(const ledger::AddCheckpointRequest& request,
                   const ledger::Checkpoint& checkpoint);
  HttpReply Cosign(const ledger::AddCheckpointRequest& request,
                   const ledger::Checkpoint& checkpoint);
  HttpReply Overview();
  HttpReply Show(std::string_view hex);
  HttpReply Failed(const base::Error& error);
  // The checkpoint that we have cosigned for an origin; kCorrupt if what is stored is none.
  base::Result<std::optional<ledger::Checkpoint>> Known(const std::string& origin);
  std::vector<canon::VerifierKey> KeysOf(std::string_view origin) const;

  canon::NoteSigner signer_;
  std::vector<canon::VerifierKey> logs_;
  CheckpointStore& store_;
  Clock clock_;
  Log log_;
};

}  // namespace aegis::witness
