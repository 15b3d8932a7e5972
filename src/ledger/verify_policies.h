#pragma once

// Internal to aegis::ledger.

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "ledger/finding.h"
#include "ledger/store.h"
#include "ledger/verify_chunk.h"

namespace aegis::ledger {

// Holds the stored sets of policies against their digests, and what entries say is stored against
// the sets.
class PolicyCheck {
 public:
  PolicyCheck(Snapshot& snapshot, Findings& findings) : snapshot_(snapshot), findings_(findings) {}

  // First: reads all sets. An error: the store could not be read.
  base::Result<> ReadSets();
  // Then the chunks in their order.
  void Take(const Chunk& chunk);
  // After the last one.
  base::Result<> Finish();

  std::uint64_t stored() const { return stored_; }  // whose texts are here, and right
  std::uint64_t absent() const { return absent_; }  // that imports named and did not bring

 private:
  // More than a ledger of ours ever lacks: only forged ones name so many.
  static constexpr std::size_t kMostClaims = 1000;

  void TakeSet(const StoredPolicySet& set);
  base::Result<bool> Holds(const PolicyClaim& claim);

  Snapshot& snapshot_;
  Findings& findings_;
  std::set<std::string, std::less<>> known_;  // digests of which there is a row
  std::vector<PolicyClaim> unmet_;
  std::uint64_t stored_ = 0;
  std::uint64_t absent_ = 0;
};

}  // namespace aegis::ledger
