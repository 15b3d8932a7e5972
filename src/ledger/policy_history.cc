#include "ledger/policy_history.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "canon/canon.h"
#include "ledger/archive.h"
#include "ledger/entry.h"
#include "ledger/policy_set.h"
#include "ledger/query.h"
#include "ledger/session.h"
#include "ledger/store.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

Result<std::vector<PolicyStep>> Starts(Ledger& ledger) {
  std::vector<PolicyStep> starts;
  AEGIS_TRY(ledger.Sessions(std::nullopt, [&starts](const SessionInfo& info) -> Result<bool> {
    const Session& session = info.session;
    if (session.policy_digest && !session.policy_digest->empty()) {
      starts.push_back({.digest = *session.policy_digest,
                        .since_ms = session.started_ms,
                        .session_id = session.session_id,
                        .sessions = 1});
    }
    return true;
  }));
  return starts;
}

Result<> AddEdits(Ledger& ledger, std::vector<PolicyStep>& steps) {
  QueryFilter filter;
  filter.event_type = std::string(kPolicyChanged);
  const auto add = [&steps](const EntryView& entry) -> Result<bool> {
    if (auto digest = canon::StringMember(entry.payload, "to")) {
      steps.push_back(
          {.digest = *std::move(digest),
           .previous = canon::StringMember(entry.payload, "from").value_or(std::string()),
           .since_ms = entry.ts_unix_ms,
           .session_id = std::string(entry.session_id),
           .live = true,
           .outside = canon::StringMember(entry.payload, "outside").value_or(std::string())});
    }
    return true;
  };
  AEGIS_TRY(ledger.Query(filter, add));
  return {};
}

}  // namespace

Result<std::vector<PolicyStep>> PolicyHistory(Ledger& ledger) {
  AEGIS_ASSIGN(std::vector<PolicyStep> all, Starts(ledger));
  AEGIS_TRY(AddEdits(ledger, all));
  std::ranges::stable_sort(all, {}, &PolicyStep::since_ms);
  std::vector<PolicyStep> steps;
  for (PolicyStep& step : all) {
    if (!step.live) {
      if (!steps.empty() && steps.back().digest == step.digest) {
        steps.back().sessions += step.sessions;
        continue;
      }
      step.previous = steps.empty() ? std::string() : steps.back().digest;
    }
    steps.push_back(std::move(step));
  }
  return steps;
}

Result<StoredPolicySet> FindPolicies(Ledger& ledger, const std::string& prefix) {
  AEGIS_ASSIGN(const std::unique_ptr<Snapshot> snapshot, ledger.store().OpenSnapshot());
  std::optional<StoredPolicySet> found;
  AEGIS_TRY(snapshot->PolicySets([&](const Result<StoredPolicySet>& set) -> Result<bool> {
    if (!set || !set->digest.starts_with(prefix)) {
      return true;
    }
    if (found) {
      return Fail(Errc::kInvalid, "several sets of policies begin with " +
                                      base::EscapeName(prefix) + ": give more of the digest");
    }
    found = *set;
    return true;
  }));
  if (!found) {
    return Fail(Errc::kNotFound, "no policies " + base::EscapeName(prefix) + " are stored here");
  }
  return *std::move(found);
}

}  // namespace aegis::ledger
