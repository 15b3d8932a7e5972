#include "ledger/sqlite/snapshot.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "ledger/session.h"
#include "ledger/sqlite/database.h"
#include "ledger/sqlite/session_row.h"
#include "ledger/store.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

std::string ScanSql(const StoreFilter& filter, StoreOrder order) {
  // Ids come from the index or the table's own order; each row is then fetched by its id, so that
  // one that can't be read hides no other.
  std::string sql = "SELECT id FROM entries WHERE 1";
  sql += filter.session_id ? " AND session_id = ?1" : "";
  sql += filter.from_ms ? " AND ts_unix_ms >= ?2" : "";
  sql += filter.to_ms ? " AND ts_unix_ms < ?3" : "";
  switch (order) {
    case StoreOrder::kLedger:
      return sql + " ORDER BY id";
    case StoreOrder::kLedgerReversed:
      return sql + " ORDER BY id DESC";
    case StoreOrder::kSession:
      return sql + " ORDER BY session_id, seq, id";
  }
  return sql;
}

class SqliteSnapshot final : public Snapshot {
 public:
  SqliteSnapshot(Database& database, Transaction transaction, Statement row)
      : database_(database), row_(std::move(row)), transaction_(std::move(transaction)) {}

  Result<> Scan(const StoreFilter& filter, StoreOrder order, const RowVisitor& visit) override {
    AEGIS_ASSIGN(Statement ids, database_.Prepare(ScanSql(filter, order)));
    if (filter.session_id) {
      ids.Bind(1, std::string_view(*filter.session_id));
    }
    if (filter.from_ms) {
      ids.Bind(2, *filter.from_ms);
    }
    if (filter.to_ms) {
      ids.Bind(3, *filter.to_ms);
    }
    while (true) {
      AEGIS_ASSIGN(const bool found, ids.Step());
      if (!found) {
        return {};
      }
      AEGIS_ASSIGN(const bool more, VisitRow(ids.Integer(0), visit));
      if (!more) {
        return {};
      }
    }
  }

  Result<> Row(std::int64_t id, const RowVisitor& visit) override {
    AEGIS_TRY(VisitRow(id, visit));
    return {};
  }

  Result<> Sessions(const StoredSessionVisitor& visit) override {
    AEGIS_ASSIGN(Statement rows, database_.Prepare("SELECT " + std::string(kSessionColumns) +
                                                   " FROM sessions ORDER BY session_id"));
    return VisitSessions(rows, visit);
  }

  Result<> RecentSessions(std::uint64_t count, const StoredSessionVisitor& visit) override {
    AEGIS_ASSIGN(Statement rows, database_.Prepare("SELECT " + std::string(kSessionColumns) +
                                                   " FROM sessions ORDER BY started_ms DESC, "
                                                   "session_id DESC LIMIT ?1"));
    constexpr std::uint64_t kMost = std::uint64_t{1} << 62U;
    rows.Bind(1, static_cast<std::int64_t>(std::min(count, kMost)));
    return VisitSessions(rows, visit);
  }

  Result<std::optional<Session>> FindSession(std::string_view session_id) override {
    AEGIS_ASSIGN(Statement find, database_.Prepare(kFindSession));
    return FindSessionRow(find, session_id);
  }

  Result<std::int64_t> CountEntries() override {
    return database_.QueryInteger("SELECT count(*) FROM entries NOT INDEXED");
  }

 private:
  static Result<> VisitSessions(Statement& rows, const StoredSessionVisitor& visit) {
    while (true) {
      AEGIS_ASSIGN(const bool found, rows.Step());
      if (!found) {
        return {};
      }
      AEGIS_ASSIGN(const bool more, visit(ReadSessionRow(rows)));
      if (!more) {
        return {};
      }
    }
  }

  Result<bool> VisitRow(std::int64_t id, const RowVisitor& visit) {
    const ResetGuard guard(row_);
    RawRow row;
    row.id = id;
    const auto found = row_.Bind(1, id).Step();
    if (!found) {
      if (found.error().code() == Errc::kUnavailable) {
        return Fail(found.error());
      }
      row.unreadable = found.error().message();
    } else if (!*found) {
      row.unreadable = "the index names a row that is not there";
    } else {
      row.tenant_id = row_.Raw(0);
      row.user_id = row_.Raw(1);
      row.session_id = row_.Raw(2);
      row.seq = row_.Raw(3);
      row.ts_unix_ms = row_.Raw(4);
      row.event_type = row_.Raw(5);
      row.payload = row_.Raw(6);
      row.hash = row_.Raw(7);
      row.prev_hash = row_.Raw(8);
    }
    return visit(row);
  }

  Database& database_;
  Statement row_;
  Transaction transaction_;
};

}  // namespace

Result<std::unique_ptr<Snapshot>> OpenSqliteSnapshot(Database& database) {
  AEGIS_ASSIGN(Transaction transaction, Transaction::Begin(database, false));
  // BEGIN alone reads nothing: the first read fixes the moment.
  AEGIS_TRY(database.QueryInteger("SELECT count(*) FROM sqlite_schema"));
  AEGIS_ASSIGN(Statement row, database.Prepare("SELECT tenant_id, user_id, session_id, seq, "
                                               "ts_unix_ms, event_type, payload, hash, prev_hash "
                                               "FROM entries WHERE id = ?1"));
  return std::make_unique<SqliteSnapshot>(database, std::move(transaction), std::move(row));
}

}  // namespace aegis::ledger
