#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/store.h"

namespace aegis::ledger {

// The private side of a ledger: the key in DIRECTORY/ledger.key that signs its checkpoints. One
// thread. Must not exist in a process that runs an agent's code or parses an agent's bytes.
class LedgerSigner {
 public:
  // Loads the key, or makes it on first use (0600, synced) and enters its public half in the store.
  // kDenied if others may read the file or it is not ours; kCorrupt if it is no key, or not the one
  // that the store knows.
  static base::Result<LedgerSigner> Open(const std::string& directory, Store& store);

  // The signed note of a checkpoint. The caller has taken size and root from one tree.
  base::Result<std::string> Sign(std::uint64_t size, const canon::Sha256& root) const;
  CheckpointSigner AsCheckpointSigner() const;

  const canon::VerifierKey& verifier() const { return key_.verifier(); }

  // Replaces the key by a fresh one for the trees to come; the old one endorses it and is gone.
  // What stands at the tree's present size must have a checkpoint already: it gets none after this.
  base::Result<> Rotate(const std::string& directory, Store& store);

 private:
  explicit LedgerSigner(canon::NoteSigner key) : key_(std::move(key)) {}
  canon::NoteSigner key_;
};

}  // namespace aegis::ledger
