#include "ledger/sqlite/block_index.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "ledger/block_query.h"
#include "ledger/block_summary.h"
#include "ledger/grams.h"
#include "ledger/sqlite/database.h"
#include "ledger/sqlite/snapshot.h"
#include "ledger/store.h"

namespace aegis::ledger {
namespace {

// Some 40 ms: the caller has other things to do.
constexpr int kMostAtOnce = 4;

using base::Errc;
using base::Fail;
using base::Result;
using Type = RawValue::Type;

// The summary of a block whose rows are all there and entries; nullopt for one that can't have any.
Result<std::optional<BlockSummary>> Summarize(Database& database, std::int64_t number) {
  BlockSummaryBuilder builder;
  std::int64_t entries = 0;
  AEGIS_TRY(ScanRows(database, RowsOfBlock(number), StoreOrder::kLedger,
                     [&](const RawRow& row) -> Result<bool> {
                       const auto entry = ToEntry(row);
                       if (entry) {
                         builder.Add(*entry);
                         ++entries;
                       }
                       return entry.has_value();
                     }));
  return entries == kBlockEntries ? std::optional(builder.Finish()) : std::nullopt;
}

// Takes columns and remembers whether one was not what a summary has there.
class SummaryReader {
 public:
  explicit SummaryReader(const Statement& row) : row_(row) {}

  void Times(BlockSummaryView& summary) {
    summary.min_ms = Time(1);
    summary.max_ms = Time(2);
    sound_ &= summary.min_ms.has_value() == summary.max_ms.has_value();
  }
  std::string_view Bytes(int column, std::size_t size) {
    const RawValue value = row_.Raw(column);
    sound_ &= value.type == Type::kBlob && value.bytes.size() == size;
    return value.bytes;
  }
  bool sound() const { return sound_; }

 private:
  std::optional<std::int64_t> Time(int column) {
    const RawValue value = row_.Raw(column);
    sound_ &= value.type == Type::kInteger || value.type == Type::kNull;
    return value.type == Type::kInteger ? std::optional(value.integer) : std::nullopt;
  }
  const Statement& row_;
  bool sound_ = true;
};

// One reading of summaries. The longer grams are most of a summary, and are read only of blocks
// that the rest does not rule out.
class Asking {
 public:
  Asking(Database& database, const BlockQuery& query) : database_(database), query_(query) {}

  Result<> Run(BlockRange range, StoreOrder order, const BlockVisitor& visit) {
    AEGIS_ASSIGN(long_, database_.Prepare("SELECT number, grams5, grams8 FROM blocks "
                                          "WHERE number = ?1"));
    AEGIS_ASSIGN(Statement rows, database_.Prepare(Sql(order)));
    rows.Bind(1, range.first).Bind(2, range.last);
    while (true) {
      AEGIS_ASSIGN(const bool found, rows.Step());
      if (!found) {
        return {};
      }
      AEGIS_ASSIGN(const BlockAnswer answer, Ask(rows));
      AEGIS_ASSIGN(const bool more, visit(answer));
      if (!more) {
        return {};
      }
    }
  }

 private:
  // What is not needed is not read: it lies on pages of its own.
  std::string Sql(StoreOrder order) const {
    std::string sql = "SELECT number, min_ms, max_ms, ";
    sql += query_.needs_terms() ? "terms, " : "NULL, ";
    sql += query_.denials_only() ? "denials, " : "NULL, ";
    sql += query_.needs_grams() ? "grams3" : "NULL";
    sql += " FROM blocks WHERE number BETWEEN ?1 AND ?2 ORDER BY number";
    return sql + (order == StoreOrder::kLedgerReversed ? " DESC" : "");
  }

  Result<BlockAnswer> Ask(const Statement& row) {
    BlockAnswer answer{.number = row.Integer(0)};
    BlockSummaryView summary;
    SummaryReader reader(row);
    reader.Times(summary);
    summary.terms = query_.needs_terms() ? reader.Bytes(3, BlockSummary::kTermsBytes) : "";
    summary.denials = query_.denials_only() ? reader.Bytes(4, BlockSummary::kDenialsBytes) : "";
    summary.grams3 = query_.needs_grams() ? reader.Bytes(5, kGrams3.bytes) : "";
    if (!reader.sound()) {
      return answer;
    }
    answer.may_match = query_.MayMatch(summary);
    answer.may_have_user = query_.MayHaveUser(summary);
    if (answer.may_match && query_.needs_grams()) {
      AEGIS_ASSIGN(answer.may_match, AskLong(answer.number));
    }
    if (query_.denials_only()) {
      answer.denials = summary.denials;
    }
    return answer;
  }

  Result<bool> AskLong(std::int64_t number) {
    const ResetGuard guard(long_);
    AEGIS_ASSIGN(const bool found, long_.Bind(1, number).Step());
    BlockSummaryView summary;
    SummaryReader reader(long_);
    summary.grams5 = reader.Bytes(1, kGrams5.bytes);
    summary.grams8 = reader.Bytes(2, kGrams8.bytes);
    return !found || !reader.sound() || query_.MayMatchLong(summary);
  }

  Database& database_;
  const BlockQuery& query_;
  Statement long_;
};

}  // namespace

Result<BlockIndex> BlockIndex::Prepare(Database& database) {
  BlockIndex index;
  AEGIS_ASSIGN(index.find_size_, database.Prepare("SELECT size FROM tree WHERE id = 1"));
  return index;
}

Result<bool> BlockIndex::Complete(Database& database) {
  std::int64_t full = 0;
  {
    const ResetGuard guard(find_size_);
    AEGIS_ASSIGN(const bool found, find_size_.Step());
    full = found ? find_size_.Integer(0) / kBlockEntries : 0;
  }
  if (full <= complete_) {
    return false;
  }
  AEGIS_ASSIGN(const std::set<std::int64_t> missing, Missing(database, full));
  int made = 0;
  for (const std::int64_t number : missing) {
    complete_ = number;
    if (made++ == kMostAtOnce) {
      return true;
    }
    AEGIS_TRY(Make(database, number));
  }
  complete_ = full;
  return false;
}

Result<std::set<std::int64_t>> BlockIndex::Missing(Database& database, std::int64_t full) {
  AEGIS_ASSIGN(Statement numbers,
               database.Prepare("SELECT number FROM blocks WHERE number >= ?1 ORDER BY number"));
  numbers.Bind(1, complete_);
  std::set<std::int64_t> missing;
  std::int64_t next = complete_;
  while (next < full) {
    AEGIS_ASSIGN(const bool found, numbers.Step());
    const std::int64_t end = found ? std::min(numbers.Integer(0), full) : full;
    for (; next < end; ++next) {
      if (!damaged_.contains(next)) {
        missing.insert(next);
      }
    }
    next = std::max(next, end + 1);
  }
  return missing;
}

Result<> BlockIndex::Make(Database& database, std::int64_t number) {
  AEGIS_ASSIGN(Transaction transaction, Transaction::Begin(database, true));
  AEGIS_ASSIGN(const std::int64_t there,
               database.QueryInteger("SELECT count(*) FROM blocks WHERE number = " +
                                     std::to_string(number)));
  if (there != 0) {
    return {};  // another process was first
  }
  AEGIS_ASSIGN(const std::optional<BlockSummary> summary, Summarize(database, number));
  if (!summary) {
    damaged_.insert(number);
    return {};
  }
  AEGIS_ASSIGN(Statement insert,
               database.Prepare("INSERT INTO blocks (number, min_ms, max_ms, terms, denials, "
                                "grams3, grams5, grams8) "
                                "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"));
  AEGIS_TRY(insert.Bind(1, number)
                .Bind(2, summary->min_ms)
                .Bind(3, summary->max_ms)
                .BindBlob(4, summary->terms)
                .BindBlob(5, summary->denials)
                .BindBlob(6, summary->grams3)
                .BindBlob(7, summary->grams5)
                .BindBlob(8, summary->grams8)
                .Run());
  return transaction.Commit();
}

Result<> ForgetBlocks(Database& database, IdRange range) {
  AEGIS_ASSIGN(Statement forget,
               database.Prepare("DELETE FROM blocks WHERE number BETWEEN ?1 AND ?2"));
  return forget.Bind(1, BlockOfRow(range.first)).Bind(2, BlockOfRow(range.last)).Run();
}

Result<> AskBlocks(Database& database, BlockRange range, StoreOrder order, const BlockQuery& query,
                   const BlockVisitor& visit) {
  return Asking(database, query).Run(range, order, visit);
}

Result<std::optional<BlockSummary>> ReadBlock(Database& database, std::int64_t number) {
  AEGIS_ASSIGN(Statement find, database.Prepare("SELECT number, min_ms, max_ms, terms, denials, "
                                                "grams3, grams5, grams8 FROM blocks "
                                                "WHERE number = ?1"));
  AEGIS_ASSIGN(const bool found, find.Bind(1, number).Step());
  if (!found) {
    return std::nullopt;
  }
  SummaryReader reader(find);
  BlockSummaryView times;
  reader.Times(times);
  BlockSummary summary{.min_ms = times.min_ms, .max_ms = times.max_ms};
  summary.terms = reader.Bytes(3, BlockSummary::kTermsBytes);
  summary.denials = reader.Bytes(4, BlockSummary::kDenialsBytes);
  summary.grams3 = reader.Bytes(5, kGrams3.bytes);
  summary.grams5 = reader.Bytes(6, kGrams5.bytes);
  summary.grams8 = reader.Bytes(7, kGrams8.bytes);
  return reader.sound() ? Result<std::optional<BlockSummary>>(std::move(summary))
                        : Fail(Errc::kCorrupt, "the row is no summary of a block");
}

}  // namespace aegis::ledger
