#include "ledger/query_run.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ledger/candidates.h"
#include "ledger/entry.h"
#include "ledger/query.h"
#include "ledger/session.h"
#include "ledger/store.h"
#include "ledger/tails.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

// A row that is no entry can't be shown as one: reading it is an error that names it.
Result<EntryView> EntryIn(const RawRow& row) {
  auto entry = ToEntry(row);
  if (!entry) {
    return Fail(Errc::kCorrupt,
                "ledger entry in row " + std::to_string(row.id) + ": " + entry.error().message());
  }
  return entry;
}

std::optional<std::uint64_t> PositionOf(std::int64_t id) { return static_cast<std::uint64_t>(id); }

}  // namespace

Result<bool> PrincipalFilter::Passes(const EntryView& entry) {
  if (!principal_ || (!entry.erased && entry.user_id == *principal_)) {
    return true;
  }
  return HasConfig(entry.session_id);
}

Result<bool> PrincipalFilter::HasConfig(std::string_view session_id) {
  constexpr std::size_t kMostSessions = 10'000;
  if (const auto known = sessions_.find(session_id); known != sessions_.end()) {
    return known->second;
  }
  if (sessions_.size() >= kMostSessions) {
    sessions_.clear();
  }
  std::optional<Session> session = tails_.FindSession(session_id);
  if (!session) {
    AEGIS_ASSIGN(session, snapshot_.FindSession(session_id));
  }
  const bool passes = session && session->config == principal_;
  sessions_.emplace(session_id, passes);
  return passes;
}

Result<QueryPage> QueryRun::Run(const FoundVisitor& visit) {
  return filter_.last ? Last(*filter_.last, visit) : All(visit);
}

Result<bool> QueryRun::Passes(const EntryView& entry) {
  return Matches(filter_, entry) ? principal_.Passes(entry) : Result<bool>(false);
}

// The stored entries that match.
Result<> QueryRun::Scan(IdRange within, StoreOrder order, const FoundVisitor& visit) {
  AEGIS_ASSIGN(const Candidates candidates, Candidates::Plan(snapshot_, filter_, within));
  return candidates.Visit(snapshot_, order, [&](IdRange rows) -> Result<bool> {
    bool more = true;
    AEGIS_TRY(snapshot_.Scan(rows, order, [&](const RawRow& row) -> Result<bool> {
      if (!raw_.MayMatch(row)) {
        return true;
      }
      AEGIS_ASSIGN(const EntryView entry, EntryIn(row));
      AEGIS_ASSIGN(const bool matches, Passes(entry));
      if (matches) {
        AEGIS_ASSIGN(more, visit(entry, PositionOf(row.id)));
      }
      return more;
    }));
    return more;
  });
}

Result<QueryPage> QueryRun::All(const FoundVisitor& visit) {
  const std::uint64_t limit = filter_.limit.value_or(UINT64_MAX);
  const std::uint64_t after = filter_.cursor ? filter_.cursor->position : 0;
  constexpr std::uint64_t kMostRows = INT64_MAX;
  if (limit == 0 || after >= kMostRows) {
    return QueryPage{.next = filter_.cursor, .searched = after};
  }
  AEGIS_ASSIGN(const std::int64_t last, snapshot_.LastId());
  QueryPage page{.next = {}, .searched = std::max(after, static_cast<std::uint64_t>(last))};
  std::uint64_t given = 0;
  bool stopped = false;
  AEGIS_TRY(Scan({.first = static_cast<std::int64_t>(after) + 1}, StoreOrder::kLedger,
                 [&](const EntryView& entry, std::optional<std::uint64_t> at) -> Result<bool> {
                   AEGIS_ASSIGN(const bool more, visit(entry, at));
                   ++given;
                   stopped = !more || given == limit;
                   if (stopped) {
                     page.searched = *at;
                   }
                   return !stopped;
                 }));
  if (given == limit) {
    page.next = QueryCursor{.position = page.searched};
  }
  if (stopped || filter_.stored_only) {
    return page;
  }
  AEGIS_TRY(tails_.Visit([&](const EntryView& entry) -> Result<bool> {
    AEGIS_ASSIGN(const bool matches, Passes(entry));
    return matches ? visit(entry, std::nullopt) : Result<bool>(true);
  }));
  return page;
}

// First what the journals have, then the rest by walking the store backwards, keeping row ids only.
Result<QueryPage> QueryRun::Last(std::uint64_t count, const FoundVisitor& visit) {
  std::uint64_t in_tails = 0;
  Result<> counted;
  if (!filter_.cursor && !filter_.stored_only) {
    counted = tails_.Visit([&](const EntryView& entry) -> Result<bool> {
      AEGIS_ASSIGN(const bool matches, Passes(entry));
      in_tails += matches ? 1 : 0;
      return true;
    });
  }
  QueryPage page;
  std::vector<std::int64_t> ids;
  const std::uint64_t wanted = count - std::min(count, in_tails);
  if (wanted > 0) {
    const IdRange within{.last = filter_.cursor
                                     ? static_cast<std::int64_t>(filter_.cursor->position) - 1
                                     : INT64_MAX};
    AEGIS_TRY(CollectLast(wanted, within, ids));
    if (ids.size() == wanted && ids.back() > 1) {
      page.next = QueryCursor{.before = true, .position = static_cast<std::uint64_t>(ids.back())};
    }
  } else {
    AEGIS_ASSIGN(const std::int64_t last, snapshot_.LastId());
    page.next = QueryCursor{.before = true, .position = static_cast<std::uint64_t>(last) + 1};
  }
  bool stopped = false;
  const auto give = [&](const EntryView& entry, std::optional<std::uint64_t> at) -> Result<bool> {
    AEGIS_ASSIGN(const bool more, visit(entry, at));
    stopped = !more;
    return more;
  };
  for (auto id = ids.rbegin(); id != ids.rend() && !stopped; ++id) {
    AEGIS_TRY(snapshot_.Scan({.first = *id, .last = *id}, StoreOrder::kLedger,
                             [&](const RawRow& row) -> Result<bool> {
                               AEGIS_ASSIGN(const EntryView entry, EntryIn(row));
                               return give(entry, PositionOf(row.id));
                             }));
  }
  std::uint64_t skip = in_tails - std::min(count, in_tails);
  if (!stopped && in_tails > 0) {
    AEGIS_TRY(tails_.Visit([&](const EntryView& entry) -> Result<bool> {
      AEGIS_ASSIGN(const bool matches, Passes(entry));
      if (!matches || skip > 0) {
        skip -= matches ? 1 : 0;
        return true;
      }
      return give(entry, std::nullopt);
    }));
  }
  AEGIS_TRY(counted);
  return page;
}

Result<> QueryRun::CollectLast(std::uint64_t wanted, IdRange within,
                               std::vector<std::int64_t>& ids) {
  return Scan(within, StoreOrder::kLedgerReversed,
              [&](const EntryView&, std::optional<std::uint64_t> at) -> Result<bool> {
                ids.push_back(static_cast<std::int64_t>(*at));
                return ids.size() < wanted;
              });
}

}  // namespace aegis::ledger
