#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "ledger/finding.h"
#include "ledger/recovery.h"
#include "ledger/store.h"

namespace aegis::ledger {

// A checkpoint that a witness has cosigned.
struct Witnessed {
  std::uint64_t size = 0;
  std::uint64_t time = 0;  // seconds since 1970, as the witness says
  std::string name{};      // of its key

  friend bool operator==(const Witnessed&, const Witnessed&) = default;
};

struct VerifyReport {
  std::uint64_t entries = 0;  // entries looked at, those still in journals included
  std::uint64_t sessions = 0;
  std::uint64_t erased = 0;                    // entries whose content was purged, on record
  std::uint64_t checkpoints = 0;               // that were held against the tree
  std::uint64_t policy_sets = 0;               // stored, and what their digests say
  std::uint64_t absent_policy_sets = 0;        // that imports named and did not bring
  std::optional<std::uint64_t> signed_size{};  // entries that the newest stored one covers
  std::optional<Witnessed> witnessed{};        // the newest that a witness has cosigned
  Findings findings{};                         // the first bad entry first
  std::vector<JournalFinding> journals{};

  bool ok() const { return findings.count() == 0; }
};

// A checkpoint from elsewhere that the ledger must extend.
struct KeptCheckpoint {
  std::string note{};  // signed
  std::string from{};  // for people: "checkpoint FILE"
  Finding::Kind if_wrong = Finding::Kind::kForked;
  Finding::Kind if_larger = Finding::Kind::kTruncated;
};

struct VerifyOptions {
  std::vector<KeptCheckpoint> kept{};
  std::vector<std::string> pinned_keys{};  // verifier keys that must be among the ledger's

  unsigned threads = 0;  // that read and hash; 0: one for each processor
  // Told now and then, on the caller's thread, how many rows of how many are done.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress{};
};

// Opens one more connection to the store that is being verified; called on the caller's thread.
using StoreOpener = std::function<base::Result<std::unique_ptr<Store>>()>;

// Recomputes every hash from the stored columns, every link, the tree, every derived row, over one
// snapshot and in bounded memory, on several threads with a connection each. Findings are in the
// report; an error means that it could not be done.
base::Result<VerifyReport> VerifySnapshot(Snapshot& snapshot, const StoreOpener& open,
                                          const VerifyOptions& options);

}  // namespace aegis::ledger
