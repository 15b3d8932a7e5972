#include "ledger/sqlite/snapshot.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/text.h"
#include "ledger/block_query.h"
#include "ledger/block_summary.h"
#include "ledger/policy_set.h"
#include "ledger/session.h"
#include "ledger/sqlite/block_index.h"
#include "ledger/sqlite/database.h"
#include "ledger/sqlite/policy_rows.h"
#include "ledger/sqlite/session_row.h"
#include "ledger/sqlite/tree_writer.h"
#include "ledger/store.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

constexpr std::string_view kRowColumns =
    "id, tenant_id, user_id, session_id, seq, ts_unix_ms, event_type, payload, hash, prev_hash";

RawRow ReadRow(const Statement& statement) {
  RawRow row;
  row.id = statement.Integer(0);
  row.tenant_id = statement.Raw(1);
  row.user_id = statement.Raw(2);
  row.session_id = statement.Raw(3);
  row.seq = statement.Raw(4);
  row.ts_unix_ms = statement.Raw(5);
  row.event_type = statement.Raw(6);
  row.payload = statement.Raw(7);
  row.hash = statement.Raw(8);
  row.prev_hash = statement.Raw(9);
  return row;
}

Result<std::string> TextOf(const Statement& statement, int column) {
  const RawValue value = statement.Raw(column);
  if (value.type != RawValue::Type::kText || !base::IsValidUtf8(value.bytes)) {
    return Fail(Errc::kCorrupt, "a value that should be text is none");
  }
  return std::string(value.bytes);
}

Result<std::int64_t> IntegerOf(const Statement& statement, int column) {
  const RawValue value = statement.Raw(column);
  if (value.type != RawValue::Type::kInteger || value.integer < 0) {
    return Fail(Errc::kCorrupt, "a value that should be a number is none");
  }
  return value.integer;
}

Result<StoredKey> ReadKey(const Statement& statement) {
  StoredKey key{.id = statement.Integer(0)};
  AEGIS_ASSIGN(key.role, TextOf(statement, 1));
  AEGIS_ASSIGN(key.verifier, TextOf(statement, 2));
  AEGIS_ASSIGN(key.endorsement, TextOf(statement, 3));
  return key;
}

Result<StoredCheckpoint> ReadCheckpoint(const Statement& statement) {
  StoredCheckpoint checkpoint;
  AEGIS_ASSIGN(const std::int64_t size, IntegerOf(statement, 0));
  checkpoint.size = static_cast<std::uint64_t>(size);
  AEGIS_ASSIGN(checkpoint.note, TextOf(statement, 1));
  return checkpoint;
}

Result<StoredTile> ReadTile(const Statement& statement) {
  StoredTile tile;
  AEGIS_ASSIGN(tile.level, IntegerOf(statement, 0));
  AEGIS_ASSIGN(tile.number, IntegerOf(statement, 1));
  if (statement.Raw(2).type != RawValue::Type::kBlob) {
    return Fail(Errc::kCorrupt, "a tile's hashes are no bytes");
  }
  tile.hashes = statement.Blob(2);
  return tile;
}

// Gives each row of a statement, read by `read`, to `visit`.
template <typename Read, typename Visitor>
Result<> VisitAll(Statement& rows, const Read& read, const Visitor& visit) {
  while (true) {
    AEGIS_ASSIGN(const bool found, rows.Step());
    if (!found) {
      return {};
    }
    AEGIS_ASSIGN(const bool more, visit(read(rows)));
    if (!more) {
      return {};
    }
  }
}

// One reading of a range of rows. Rows come in a run; where one can't be read, the rows behind it
// are fetched one by one, by their ids, until one can.
class RowScan {
 public:
  RowScan(Database& database, IdRange range, StoreOrder order)
      : database_(database), range_(range), reversed_(order == StoreOrder::kLedgerReversed) {}

  Result<> Run(const RowVisitor& visit) {
    while (!done_ && range_.first <= range_.last) {
      auto read = ReadRun(visit);
      if (read || stop_error_) {
        return read;
      }
      if (read.error().code() == Errc::kUnavailable) {
        return read;
      }
      AEGIS_ASSIGN(const bool entries, ClampToPossibleIds());
      if (!entries) {
        return read;
      }
      AEGIS_TRY(StepOver(visit));
    }
    return {};
  }

 private:
  Result<> ReadRun(const RowVisitor& visit) {
    AEGIS_ASSIGN(Statement rows,
                 database_.Prepare("SELECT " + std::string(kRowColumns) +
                                   " FROM entries WHERE id BETWEEN ?1 AND ?2 ORDER BY id" +
                                   (reversed_ ? " DESC" : "")));
    rows.Bind(1, range_.first).Bind(2, range_.last);
    while (true) {
      AEGIS_ASSIGN(const bool found, rows.Step());
      if (!found) {
        done_ = true;
        return {};
      }
      AEGIS_TRY(Give(ReadRow(rows), visit));
      if (done_) {
        return {};
      }
    }
  }

  // Notes where the reading stands, so that it can go on behind.
  Result<bool> Give(const RawRow& row, const RowVisitor& visit) {
    const bool at_end = row.id == (reversed_ ? range_.first : range_.last);
    if (!at_end) {
      (reversed_ ? range_.last : range_.first) = row.id + (reversed_ ? -1 : 1);
    }
    auto more = visit(row);
    stop_error_ = !more;
    done_ = !more || !*more || at_end;
    return more;
  }

  // Reading id by id is for entries: they count from 1, and each takes more than a byte of the
  // file. Damage among other ids would keep a reader busy for ever. False where no entry can be.
  Result<bool> ClampToPossibleIds() {
    AEGIS_ASSIGN(const std::int64_t pages, database_.QueryInteger("PRAGMA page_count"));
    AEGIS_ASSIGN(const std::int64_t size, database_.QueryInteger("PRAGMA page_size"));
    range_.first = std::max<std::int64_t>(range_.first, 1);
    range_.last = std::min({range_.last, LastReadableId(), pages * size});
    return range_.first <= range_.last;
  }

  Result<> StepOver(const RowVisitor& visit) {
    AEGIS_ASSIGN(Statement one, database_.Prepare("SELECT " + std::string(kRowColumns) +
                                                  " FROM entries WHERE id = ?1"));
    while (!done_ && range_.first <= range_.last) {
      const std::int64_t id = reversed_ ? range_.last : range_.first;
      const ResetGuard guard(one);
      const auto found = one.Bind(1, id).Step();
      const bool readable = found && *found;
      RawRow row;
      if (readable) {
        row = ReadRow(one);
      } else {
        row.id = id;
        row.unreadable = found ? "the row is missing" : found.error().message();
      }
      AEGIS_TRY(Give(row, visit));
      if (readable) {
        return {};  // from here on in a run again
      }
    }
    return {};
  }

  // Behind it lies nothing that one would look for: the tree's size or the last row.
  std::int64_t LastReadableId() {
    const auto tree = ReadTree(database_);
    const auto last = database_.QueryInteger("SELECT max(id) FROM entries");
    const std::int64_t by_tree = tree ? static_cast<std::int64_t>(tree->size()) : 0;
    return std::max(by_tree, last.value_or(0));
  }

  Database& database_;
  IdRange range_;
  bool reversed_;
  bool done_ = false;
  bool stop_error_ = false;  // the error is the visitor's
};

class SqliteSnapshot final : public Snapshot {
 public:
  SqliteSnapshot(Database& database, Transaction transaction)
      : database_(database), transaction_(std::move(transaction)) {}

  Result<> Scan(IdRange range, StoreOrder order, const RowVisitor& visit) override {
    return ScanRows(database_, range, order, visit);
  }

  Result<std::int64_t> LastId() override {
    return database_.QueryInteger("SELECT max(id) FROM entries");
  }

  Result<> Sessions(const StoredSessionVisitor& visit) override {
    AEGIS_ASSIGN(Statement rows, database_.Prepare("SELECT " + std::string(kSessionColumns) +
                                                   " FROM sessions NOT INDEXED"));
    return VisitAll(rows, ReadSessionRow, visit);
  }

  Result<> RecentSessions(std::uint64_t count, const StoredSessionVisitor& visit) override {
    AEGIS_ASSIGN(Statement rows, database_.Prepare("SELECT " + std::string(kSessionColumns) +
                                                   " FROM sessions ORDER BY rowid DESC LIMIT ?1"));
    constexpr std::uint64_t kMost = std::uint64_t{1} << 62U;
    rows.Bind(1, static_cast<std::int64_t>(std::min(count, kMost)));
    return VisitAll(rows, ReadSessionRow, visit);
  }

  Result<std::optional<Session>> FindSession(std::string_view session_id) override {
    if (!find_session_) {
      AEGIS_ASSIGN(find_session_, database_.Prepare(kFindSession));
    }
    const ResetGuard guard(*find_session_);
    return FindSessionRow(*find_session_, session_id);
  }

  Result<> SessionsOf(std::string_view config, const IdRangeVisitor& visit) override {
    AEGIS_ASSIGN(Statement rows, database_.Prepare("SELECT first_id, last_id FROM sessions "
                                                   "NOT INDEXED WHERE config = ?1"));
    rows.Bind(1, config);
    while (true) {
      AEGIS_ASSIGN(const bool found, rows.Step());
      if (!found) {
        return {};
      }
      visit({.first = rows.Integer(0), .last = rows.Integer(1)});
    }
  }

  Result<> AskBlocks(BlockRange range, StoreOrder order, const BlockQuery& query,
                     const BlockVisitor& visit) override {
    return ledger::AskBlocks(database_, range, order, query, visit);
  }
  Result<std::optional<BlockSummary>> Block(std::int64_t number) override {
    return ReadBlock(database_, number);
  }

  Result<CompactRange> Tree() override { return ReadTree(database_); }

  Result<std::string> Tile(std::int64_t level, std::int64_t number) override {
    AEGIS_ASSIGN(Statement find,
                 database_.Prepare("SELECT hashes FROM tiles WHERE level = ?1 AND number = ?2"));
    AEGIS_ASSIGN(const bool found, find.Bind(1, level).Bind(2, number).Step());
    if (found && find.Raw(0).type != RawValue::Type::kBlob) {
      return Fail(Errc::kCorrupt, "a tile's hashes are no bytes");
    }
    return found ? std::string(find.Blob(0)) : std::string();
  }

  Result<> Tiles(const TileVisitor& visit) override {
    AEGIS_ASSIGN(Statement rows, database_.Prepare("SELECT level, number, hashes FROM tiles "
                                                   "ORDER BY level, number"));
    return VisitAll(rows, ReadTile, visit);
  }

  Result<> Keys(const KeyVisitor& visit) override {
    AEGIS_ASSIGN(Statement rows, database_.Prepare("SELECT id, role, verifier, endorsement "
                                                   "FROM keys ORDER BY id"));
    return VisitAll(rows, ReadKey, visit);
  }

  Result<> Checkpoints(IdRange range, StoreOrder order, const CheckpointVisitor& visit) override {
    AEGIS_ASSIGN(Statement rows,
                 database_.Prepare(std::string("SELECT size, note FROM checkpoints "
                                               "WHERE size BETWEEN ?1 AND ?2 ORDER BY size") +
                                   (order == StoreOrder::kLedgerReversed ? " DESC" : "")));
    rows.Bind(1, range.first).Bind(2, range.last);
    return VisitAll(rows, ReadCheckpoint, visit);
  }

  Result<> PolicySets(const PolicySetVisitor& visit) override {
    return ReadPolicySets(database_, visit);
  }
  Result<std::optional<StoredPolicySet>> FindPolicySet(std::string_view digest) override {
    return FindPolicyRows(database_, digest);
  }

  Result<std::uint64_t> Bytes() override {
    AEGIS_ASSIGN(const std::int64_t pages, database_.QueryInteger("PRAGMA page_count"));
    AEGIS_ASSIGN(const std::int64_t size, database_.QueryInteger("PRAGMA page_size"));
    return static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(size);
  }

 private:
  Database& database_;
  std::optional<Statement> find_session_;
  Transaction transaction_;
};

}  // namespace

Result<> ScanRows(Database& database, IdRange range, StoreOrder order, const RowVisitor& visit) {
  return RowScan(database, range, order).Run(visit);
}

Result<std::unique_ptr<Snapshot>> OpenSqliteSnapshot(Database& database) {
  AEGIS_ASSIGN(Transaction transaction, Transaction::Begin(database, false));
  // BEGIN alone reads nothing: the first read fixes the moment.
  AEGIS_TRY(database.QueryInteger("SELECT count(*) FROM sqlite_schema"));
  return std::make_unique<SqliteSnapshot>(database, std::move(transaction));
}

}  // namespace aegis::ledger
