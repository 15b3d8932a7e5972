#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "ledger/entry.h"
#include "ledger/signer.h"
#include "ledger/store.h"

namespace aegis::ledger {

// Whose content goes. One of the two is set.
struct PurgeScope {
  std::optional<std::int64_t> before_ms{};  // every entry from before this time
  std::optional<std::string> session_id{};  // every entry of this session
};

struct PurgeOptions {
  Identity identity{};  // of the purge's own session, which records it
  Clock clock = SystemClock;
  std::string reason{};             // "retention" or "command", for the record
  std::uint64_t most = UINT64_MAX;  // entries to erase in this call; the rest another time
  std::function<void(std::uint64_t erased)> progress{};
};

// How many entries a purge would erase.
base::Result<std::uint64_t> CountPurgeable(Snapshot& snapshot, const PurgeScope& scope);

// Erases the content of the entries in `scope`, whatever sessions they belong to, and gives their
// number. Hashes stay, so that chains and tree still verify; a session of mode "purge" records
// which entries they were. Records of purges are kept. Done in steps: after a failure or a death
// what was erased is on record, and the rest is erased by the next purge. Ends with a checkpoint if
// `signer` is given. Nothing to erase: nothing is recorded.
base::Result<std::uint64_t> Purge(Store& store, const PurgeScope& scope,
                                  const PurgeOptions& options, const LedgerSigner* signer);

}  // namespace aegis::ledger
