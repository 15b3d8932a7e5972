#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"
#include "canon/canon.h"
#include "ledger/store.h"

namespace aegis::ledger {

// The private side of a ledger: the key in DIRECTORY/ledger.key that signs its checkpoints. One
// thread. Must not exist in a process that runs an agent's code or parses an agent's bytes. While
// one exists the key can't be changed by another process, which waits some seconds for it: have it
// for as long as something gets signed.
class LedgerSigner {
 public:
  // Loads the key, or makes it on first use (0600, synced) and enters its public half in the store.
  // kDenied if others may read the file or it is not ours; kCorrupt if it is no key, not the one
  // that the store knows, or missing though the store knows one; kUnavailable if it is being
  // changed for too long.
  static base::Result<LedgerSigner> Open(const std::string& directory, Store& store);

  // The signed note of a checkpoint. The caller has taken size and root from one tree.
  base::Result<std::string> Sign(std::uint64_t size, const canon::Sha256& root) const;
  CheckpointSigner AsCheckpointSigner() const;

  const canon::VerifierKey& verifier() const { return key_.verifier(); }

  // Replaces the key by a fresh one for the trees to come; the old one signs the present tree,
  // unless it has, endorses the new one, and is gone. kUnavailable while others sign; kConflict if
  // another process was first. This object signs with the new key from then on; after an error it
  // must be opened anew.
  base::Result<> Rotate(const std::string& directory, Store& store);

 private:
  LedgerSigner(base::UniqueFd lock, canon::NoteSigner key)
      : lock_(std::move(lock)), key_(std::move(key)) {}
  static base::Result<std::optional<LedgerSigner>> TryOpen(const std::string& directory,
                                                           Store& store);
  base::UniqueFd lock_;  // the key's file, locked
  canon::NoteSigner key_;
};

}  // namespace aegis::ledger
