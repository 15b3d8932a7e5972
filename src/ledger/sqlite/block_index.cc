#include "ledger/sqlite/block_index.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "ledger/block_summary.h"
#include "ledger/entry.h"
#include "ledger/sqlite/database.h"
#include "ledger/sqlite/snapshot.h"
#include "ledger/store.h"

namespace aegis::ledger {
namespace {

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

std::optional<std::int64_t> OptionalInteger(const RawValue& value, bool& sound) {
  sound &= value.type == Type::kInteger || value.type == Type::kNull;
  return value.type == Type::kInteger ? std::optional(value.integer) : std::nullopt;
}

// What a row holds; a summary only if it is one.
StoredBlock ReadBlock(const Statement& row, const BlockRequest& request) {
  StoredBlock block{.number = row.Integer(0)};
  BlockSummaryView summary;
  bool sound = true;
  summary.min_ms = OptionalInteger(row.Raw(1), sound);
  summary.max_ms = OptionalInteger(row.Raw(2), sound);
  sound &= summary.min_ms.has_value() == summary.max_ms.has_value();
  const auto take = [&row, &sound](int column, bool wanted, std::size_t size,
                                   std::string_view& bytes) {
    const RawValue value = wanted ? row.Raw(column) : RawValue{};
    bytes = value.bytes;
    sound &= !wanted || (value.type == Type::kBlob && bytes.size() == size);
  };
  take(3, request.terms, BlockSummary::kTermsBytes, summary.terms);
  take(4, request.denials, BlockSummary::kDenialsBytes, summary.denials);
  take(5, request.grams, BlockSummary::kGramsBytes, summary.grams);
  if (sound) {
    block.summary = summary;
  }
  return block;
}

}  // namespace

Result<BlockIndex> BlockIndex::Prepare(Database& database) {
  BlockIndex index;
  AEGIS_ASSIGN(index.find_size_, database.Prepare("SELECT size FROM tree WHERE id = 1"));
  return index;
}

Result<> BlockIndex::Complete(Database& database) {
  std::int64_t full = 0;
  {
    const ResetGuard guard(find_size_);
    AEGIS_ASSIGN(const bool found, find_size_.Step());
    full = found ? find_size_.Integer(0) / kBlockEntries : 0;
  }
  if (full <= complete_) {
    return {};
  }
  AEGIS_ASSIGN(const std::set<std::int64_t> missing, Missing(database, full));
  for (const std::int64_t number : missing) {
    AEGIS_TRY(Make(database, number));
  }
  complete_ = full;
  return {};
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
                                "grams) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"));
  AEGIS_TRY(insert.Bind(1, number)
                .Bind(2, summary->min_ms)
                .Bind(3, summary->max_ms)
                .BindBlob(4, summary->terms)
                .BindBlob(5, summary->denials)
                .BindBlob(6, summary->grams)
                .Run());
  return transaction.Commit();
}

Result<> ForgetBlocks(Database& database, IdRange range) {
  AEGIS_ASSIGN(Statement forget,
               database.Prepare("DELETE FROM blocks WHERE number BETWEEN ?1 AND ?2"));
  return forget.Bind(1, BlockOfRow(range.first)).Bind(2, BlockOfRow(range.last)).Run();
}

Result<> VisitBlocks(Database& database, const BlockRequest& request, const BlockVisitor& visit) {
  // What is not asked for is not read: it lies on pages of its own.
  std::string sql = "SELECT number, min_ms, max_ms, ";
  sql += request.terms ? "terms, " : "NULL, ";
  sql += request.denials ? "denials, " : "NULL, ";
  sql += request.grams ? "grams" : "NULL";
  sql += " FROM blocks WHERE number BETWEEN ?1 AND ?2 ORDER BY number";
  sql += request.order == StoreOrder::kLedgerReversed ? " DESC" : "";
  AEGIS_ASSIGN(Statement rows, database.Prepare(sql));
  rows.Bind(1, request.first).Bind(2, request.last);
  while (true) {
    AEGIS_ASSIGN(const bool found, rows.Step());
    if (!found) {
      return {};
    }
    AEGIS_ASSIGN(const bool more, visit(ReadBlock(rows, request)));
    if (!more) {
      return {};
    }
  }
}

}  // namespace aegis::ledger
