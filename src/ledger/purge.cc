#include "ledger/purge.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "ledger/candidates.h"
#include "ledger/chain.h"
#include "ledger/entry.h"
#include "ledger/masker.h"
#include "ledger/payload.h"
#include "ledger/purge_record.h"
#include "ledger/query.h"
#include "ledger/session.h"
#include "ledger/signer.h"
#include "ledger/store.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

// What one transaction erases: bounds how long other writers wait, and the size of the record.
constexpr std::uint64_t kMostAtOnce = 4096;

// The purge's own entries are not: they say that it is going on.
bool IsInScope(const PurgeScope& scope, std::string_view own_session, const EntryView& entry) {
  return !entry.erased && entry.event_type != kContentErased && entry.session_id != own_session &&
         (!scope.session_id || entry.session_id == *scope.session_id) &&
         (!scope.before_ms || entry.ts_unix_ms < *scope.before_ms);
}

Result<bool> Scanned(Snapshot& snapshot, IdRange rows, const RowVisitor& visit) {
  AEGIS_TRY(snapshot.Scan(rows, StoreOrder::kLedger, visit));
  return true;
}

// Row ids in scope from `from` on, at most `most` of them.
Result<std::vector<IdRange>> Find(Snapshot& snapshot, const PurgeScope& scope,
                                  std::string_view own_session, std::int64_t from,
                                  std::uint64_t most) {
  std::vector<IdRange> found;
  std::uint64_t count = 0;
  const RowVisitor visit = [&](const RawRow& row) -> Result<bool> {
    AEGIS_ASSIGN(const EntryView entry, ToEntry(row));
    if (IsInScope(scope, own_session, entry)) {
      if (!found.empty() && found.back().last + 1 == row.id) {
        found.back().last = row.id;
      } else {
        found.push_back({.first = row.id, .last = row.id});
      }
      ++count;
    }
    return count < most;
  };
  if (scope.session_id) {
    AEGIS_ASSIGN(const std::optional<Session> session, snapshot.FindSession(*scope.session_id));
    if (!session) {
      return Fail(Errc::kNotFound, "no session " + base::EscapeName(*scope.session_id));
    }
  }
  const QueryFilter filter{.to_ms = scope.before_ms, .session_id = scope.session_id};
  AEGIS_ASSIGN(const Candidates candidates,
               Candidates::Plan(snapshot, filter, {.first = from, .last = INT64_MAX}));
  AEGIS_TRY(candidates.Visit(snapshot, StoreOrder::kLedger, [&](IdRange rows) -> Result<bool> {
    AEGIS_ASSIGN(const bool scanned, Scanned(snapshot, rows, visit));
    return scanned && count < most;
  }));
  return found;
}

std::uint64_t Rows(std::span<const IdRange> ranges) {
  std::uint64_t rows = 0;
  for (const IdRange& range : ranges) {
    rows += static_cast<std::uint64_t>(range.last - range.first + 1);
  }
  return rows;
}

std::string StartPayload(const PurgeScope& scope, const std::string& reason) {
  std::vector<std::string> argv = {reason};
  if (scope.session_id) {
    argv.push_back("--session=" + *scope.session_id);
  }
  if (scope.before_ms) {
    argv.push_back("--before-ms=" + std::to_string(*scope.before_ms));
  }
  std::string payload;
  AppendSessionStartedPayload(payload, {.mode = "purge", .command = "purge", .argv = argv},
                              Masker());  // all of it is our own
  return payload;
}

// One purge: its session in the ledger and how far it is.
class PurgeRun {
 public:
  PurgeRun(Store& store, const PurgeScope& scope, const PurgeOptions& options)
      : store_(store), scope_(scope), options_(options), chain_(options.identity, options.clock) {}

  // False: there was nothing left.
  Result<bool> Step() {
    const std::uint64_t most = std::min(kMostAtOnce, options_.most - erased_);
    std::vector<IdRange> ids;
    if (most > 0) {
      AEGIS_ASSIGN(const std::unique_ptr<Snapshot> snapshot, store_.OpenSnapshot());
      AEGIS_ASSIGN(ids, Find(*snapshot, scope_, options_.identity.session_id, next_, most));
    }
    if (ids.empty()) {
      return false;
    }
    if (erased_ == 0) {
      const EntryView start = chain_.Next(kSessionStarted, StartPayload(scope_, options_.reason));
      AEGIS_TRY(store_.Append(std::span(&start, 1)));
    }
    std::string payload;
    AppendErasedPayload(payload, ids);
    AEGIS_TRY(store_.Erase(ids, chain_.Next(kContentErased, std::move(payload))));
    erased_ += Rows(ids);
    next_ = ids.back().last + 1;
    if (options_.progress) {
      options_.progress(erased_);
    }
    return true;
  }

  Result<std::uint64_t> End(const LedgerSigner* signer) {
    if (erased_ > 0) {
      std::string payload;
      AppendSessionEndedPayload(payload, {.exit_code = 0}, Masker());
      const EntryView end = chain_.Next(kSessionEnded, std::move(payload));
      AEGIS_TRY(store_.Append(std::span(&end, 1),
                              signer == nullptr ? nullptr : signer->AsCheckpointSigner()));
    }
    return erased_;
  }

 private:
  Store& store_;
  const PurgeScope& scope_;
  const PurgeOptions& options_;
  Chain chain_;
  std::int64_t next_ = 1;  // rows before this one are done
  std::uint64_t erased_ = 0;
};

}  // namespace

Result<std::uint64_t> CountPurgeable(Snapshot& snapshot, const PurgeScope& scope) {
  AEGIS_ASSIGN(const std::vector<IdRange> ids, Find(snapshot, scope, {}, 1, UINT64_MAX));
  return Rows(ids);
}

Result<std::uint64_t> Purge(Store& store, const PurgeScope& scope, const PurgeOptions& options,
                            const LedgerSigner* signer) {
  PurgeRun run(store, scope, options);
  bool more = true;
  while (more) {
    AEGIS_ASSIGN(more, run.Step());
  }
  return run.End(signer);
}

}  // namespace aegis::ledger
