#include "ledger/sqlite/block_index.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/block_query.h"
#include "ledger/block_summary.h"
#include "ledger/entry.h"
#include "ledger/query.h"
#include "ledger/sqlite/database.h"
#include "ledger/sqlite/sqlite_store.h"
#include "ledger/store.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

class BlockIndexTest : public testing::Test {
 protected:
  // Appends entries of one session, and keeps the summaries that their blocks must have.
  void Append(std::int64_t count) {
    std::vector<Entry> entries;
    std::vector<EntryView> group;
    for (std::int64_t i = 0; i < count; ++i) {
      Entry entry{.identity = TestIdentity("s1"),
                  .seq = seq_,
                  .ts_unix_ms = static_cast<std::int64_t>(1000 + seq_),
                  .event_type = std::string(kActionDecided),
                  .payload = Decided("FileRead", "/file-" + std::to_string(seq_), "allow"),
                  .prev_hash = head_};
      entry.hash = HashEntry(hasher_, entry.view(), scratch_);
      head_ = entry.hash;
      ++seq_;
      builder_.Add(entry.view());
      if (seq_ % kBlockEntries == 0) {
        // NOLINTNEXTLINE(performance-inefficient-vector-operation): one in 4096 rounds
        expected_.push_back(builder_.Finish());
      }
      entries.push_back(std::move(entry));
    }
    group.reserve(entries.size());
    for (const Entry& entry : entries) {
      group.push_back(entry.view());
    }
    Get(store_->Append(group));
  }

  // Numbers of the blocks that have a summary, each as it should be.
  std::vector<std::int64_t> Summarized() {
    std::vector<std::int64_t> numbers;
    const auto snapshot = Get(store_->OpenSnapshot());
    const BlockQuery anything{QueryFilter{}};
    Get(snapshot->AskBlocks({.first = 0, .last = INT64_MAX}, StoreOrder::kLedger, anything,
                            [&numbers](const BlockAnswer& block) -> base::Result<bool> {
                              numbers.push_back(block.number);
                              return true;
                            }));
    for (const std::int64_t number : numbers) {
      EXPECT_EQ(Get(snapshot->Block(number)), expected_.at(static_cast<std::size_t>(number)));
    }
    return numbers;
  }

  void Sql(const std::string& sql) {
    Database database = Get(Database::Open(path_, SQLITE_OPEN_READWRITE));
    Get(database.Execute(sql));
  }

  using Numbers = std::vector<std::int64_t>;

  TempDirectory directory_;
  std::string path_ = directory_.File("audit.db");
  std::unique_ptr<Store> store_ = Get(OpenSqliteStore(path_, OpenMode::kCreate));
  std::uint64_t seq_ = 0;
  std::optional<canon::Sha256> head_;
  BlockSummaryBuilder builder_;
  std::vector<BlockSummary> expected_;
  canon::Sha256Hasher hasher_;
  std::string scratch_;
};

TEST_F(BlockIndexTest, FullBlocksAreSummarized) {
  Get(store_->SummarizeBlocks());
  EXPECT_EQ(Summarized(), Numbers{});
  Append(kBlockEntries - 1);
  Get(store_->SummarizeBlocks());
  EXPECT_EQ(Summarized(), Numbers{});
  Append(1);
  EXPECT_EQ(Summarized(), Numbers{});
  Get(store_->SummarizeBlocks());
  EXPECT_EQ(Summarized(), Numbers{0});
  Append(2 * kBlockEntries + 5);
  Get(store_->SummarizeBlocks());
  EXPECT_EQ(Summarized(), (Numbers{0, 1, 2}));
}

TEST_F(BlockIndexTest, WhatIsMissingIsMadeByWhoeverComesNext) {
  Append(3 * kBlockEntries);
  Get(store_->SummarizeBlocks());
  Sql("DELETE FROM blocks WHERE number = 1");
  Get(store_->SummarizeBlocks());
  EXPECT_EQ(Summarized(), (Numbers{0, 2})) << "it knows of nothing to do";
  store_.reset();
  store_ = Get(OpenSqliteStore(path_, OpenMode::kReadWrite));
  Get(store_->SummarizeBlocks());
  EXPECT_EQ(Summarized(), (Numbers{0, 1, 2}));
}

TEST_F(BlockIndexTest, ManyAreMadeAFewAtATime) {
  Append(10 * kBlockEntries);
  EXPECT_TRUE(Get(store_->SummarizeBlocks()));
  EXPECT_EQ(Summarized(), (Numbers{0, 1, 2, 3}));
  EXPECT_TRUE(Get(store_->SummarizeBlocks()));
  EXPECT_FALSE(Get(store_->SummarizeBlocks()));
  EXPECT_EQ(Summarized(), (Numbers{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_FALSE(Get(store_->SummarizeBlocks()));
}

TEST_F(BlockIndexTest, AnErasureLeavesNoOldSummary) {
  Append(2 * kBlockEntries);
  Get(store_->SummarizeBlocks());
  EntryView record{.tenant_id = "local",
                   .user_id = "tester",
                   .session_id = "purge",
                   .ts_unix_ms = 1,
                   .event_type = "CONTENT_ERASED",
                   .payload = R"({"ranges":[[9,4999]]})"};
  record.hash = HashEntry(hasher_, record, scratch_);
  const std::vector<IdRange> ranges = {{.first = 10, .last = 5000}};
  Get(store_->Erase(ranges, record));
  {
    const auto snapshot = Get(store_->OpenSnapshot());
    EXPECT_EQ(Get(snapshot->Block(0)), std::nullopt);
    EXPECT_EQ(Get(snapshot->Block(1)), std::nullopt);
  }
  EXPECT_FALSE(Get(store_->SummarizeBlocks()));
  const auto snapshot = Get(store_->OpenSnapshot());
  const auto block = Get(snapshot->Block(0));
  ASSERT_TRUE(block);
  EXPECT_EQ(block->max_ms, 1008);
  const BlockQuery query({.text = "file-4000"});
  EXPECT_FALSE(query.MayMatch(*block) && query.MayMatchLong(*block));
}

TEST_F(BlockIndexTest, SeveralProcessesMakeEachOnce) {
  Append(2 * kBlockEntries);
  const auto other = Get(OpenSqliteStore(path_, OpenMode::kReadWrite));
  Get(other->SummarizeBlocks());
  Get(store_->SummarizeBlocks());
  EXPECT_EQ(Summarized(), (Numbers{0, 1}));
}

TEST_F(BlockIndexTest, ABlockWithARowThatIsNoEntryHasNone) {
  Append(3 * kBlockEntries);
  Sql("UPDATE entries SET payload = 'x' WHERE id = 5000");
  Get(store_->SummarizeBlocks());
  EXPECT_EQ(Summarized(), (Numbers{0, 2}));
  Append(kBlockEntries);
  Get(store_->SummarizeBlocks());
  EXPECT_EQ(Summarized(), (Numbers{0, 2, 3}));
}

TEST_F(BlockIndexTest, BlocksWhoseContentChangesAreForgotten) {
  Append(4 * kBlockEntries);
  Get(store_->SummarizeBlocks());
  Database database = Get(Database::Open(path_, SQLITE_OPEN_READWRITE));
  Get(ForgetBlocks(database, {.first = kBlockEntries, .last = 2 * kBlockEntries}));
  EXPECT_EQ(Summarized(), (Numbers{2, 3}));
  Get(ForgetBlocks(database, {.first = 4 * kBlockEntries, .last = INT64_MAX}));
  EXPECT_EQ(Summarized(), Numbers{2});
}

TEST_F(BlockIndexTest, AnswersComeInBothOrdersUntilTheyAreEnough) {
  Append(4 * kBlockEntries);
  Get(store_->SummarizeBlocks());
  const auto snapshot = Get(store_->OpenSnapshot());
  const BlockQuery query({.text = "/file-5000"});
  for (const StoreOrder order : {StoreOrder::kLedger, StoreOrder::kLedgerReversed}) {
    Numbers numbers;
    Numbers matching;
    Get(snapshot->AskBlocks({.first = 1, .last = 3}, order, query,
                            [&](const BlockAnswer& block) -> base::Result<bool> {
                              numbers.push_back(block.number);
                              if (block.may_match) {
                                matching.push_back(block.number);
                              }
                              return numbers.size() < 3;
                            }));
    EXPECT_EQ(numbers, order == StoreOrder::kLedger ? (Numbers{1, 2, 3}) : (Numbers{3, 2, 1}));
    EXPECT_EQ(matching, Numbers{1});
  }
}

TEST_F(BlockIndexTest, WhatIsNoSummaryRulesNothingOut) {
  Append(2 * kBlockEntries);
  Get(store_->SummarizeBlocks());
  for (const std::string_view change : {"min_ms = NULL", "max_ms = 'x'", "terms = x'00'",
                                        "grams3 = 7", "grams5 = x'00'", "grams8 = 'text'"}) {
    Sql("UPDATE blocks SET " + std::string(change) + " WHERE number = 0");
    const auto snapshot = Get(store_->OpenSnapshot());
    const BlockQuery query({.event_type = std::string(kActionDecided), .text = "file-8"});
    Get(snapshot->AskBlocks({.first = 0, .last = 0}, StoreOrder::kLedger, query,
                            [&](const BlockAnswer& block) -> base::Result<bool> {
                              EXPECT_TRUE(block.may_match) << change;
                              return true;
                            }));
    const auto block = snapshot->Block(0);
    ASSERT_FALSE(block);
    EXPECT_EQ(block.error().code(), base::Errc::kCorrupt);
    EXPECT_EQ(Get(snapshot->Block(7)), std::nullopt);
  }
}

}  // namespace
}  // namespace aegis::ledger
