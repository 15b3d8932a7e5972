#include "ledger/verify_policies.h"

#include <string>
#include <utility>

#include "base/result.h"
#include "ledger/finding.h"
#include "ledger/policy_set.h"
#include "ledger/store.h"
#include "ledger/verify_chunk.h"

namespace aegis::ledger {
namespace {

using base::Fail;
using base::Result;
using Kind = Finding::Kind;

// The names of the files, for people.
std::string FilesOf(const StoredPolicySet& set) {
  std::string names;
  for (const PolicyText& text : set.texts) {
    names.append(names.empty() ? "" : ", ").append(text.file);
  }
  return names;
}

}  // namespace

Result<> PolicyCheck::ReadSets() {
  auto read = snapshot_.PolicySets([this](const Result<StoredPolicySet>& set) -> Result<bool> {
    if (set) {
      TakeSet(*set);
    } else {
      findings_.Add({.kind = Kind::kDamaged, .what = set.error().message()});
    }
    return true;
  });
  if (!read && IsDamage(read.error())) {
    findings_.Add({.kind = Kind::kDamaged, .what = "policies: " + read.error().message()});
    return {};
  }
  return read;
}

void PolicyCheck::TakeSet(const StoredPolicySet& set) {
  known_.insert(set.digest);
  if (set.absent()) {
    ++absent_;
  } else if (DigestOfPolicies(set.texts) == set.digest) {
    ++stored_;
  } else {
    findings_.Add(
        {.kind = Kind::kEdited,
         .what = "the policies stored as " + set.digest + " (" + FilesOf(set) +
                 ") are not those that were in force: the digest of the texts is another"});
  }
}

void PolicyCheck::Take(const Chunk& chunk) {
  for (const PolicyClaim& claim : chunk.policy_claims) {
    if (!known_.contains(claim.digest) && unmet_.size() < kMostClaims) {
      unmet_.push_back(claim);
    }
  }
}

// A session that has but its first entry may have died before its policies were stored.
Result<bool> PolicyCheck::Holds(const PolicyClaim& claim) {
  if (claim.seq > 0) {
    return true;
  }
  const auto session = snapshot_.FindSession(claim.session_id);
  if (!session && !IsDamage(session.error())) {
    return Fail(session.error());
  }
  return session && session->has_value() && (*session)->head_seq > 0;
}

Result<> PolicyCheck::Finish() {
  for (const PolicyClaim& claim : unmet_) {
    AEGIS_ASSIGN(const bool holds, Holds(claim));
    if (holds && known_.insert(claim.digest).second) {
      findings_.Add({.kind = Kind::kMissing,
                     .session_id = claim.session_id,
                     .seq = claim.seq,
                     .id = claim.id,
                     .what = "its policies " + claim.digest + " are not stored any more"});
    }
  }
  return {};
}

}  // namespace aegis::ledger
