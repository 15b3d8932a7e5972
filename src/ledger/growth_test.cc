#include "ledger/growth.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "ledger/entry.h"
#include "ledger/ledger.h"
#include "ledger/test_forge.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

constexpr std::int64_t kBefore = 1700000000000;  // entry i is of kBefore + i

class GrowthTest : public ::testing::Test {
 protected:
  // The times of `entries` entries as EntryMaker gives them, the last `imported` taken as a day
  // old.
  void Fill(std::int64_t entries, std::int64_t imported = 0) {
    EntryMaker maker;
    const std::string payload = Decided("FileRead", "/a", "allow");
    for (std::int64_t i = 0; i < entries; ++i) {
      maker.Add(i < entries - imported ? "s" : "old", kActionDecided, payload);
    }
    EntryMaker sealer;
    for (Entry& entry : maker.entries()) {
      entry.ts_unix_ms -= entry.identity.session_id == "old" ? 86'400'000 : 0;
      sealer.Seal(entry);
    }
    StoreAll(ledger_.store(), maker.entries());
  }
  void Summarize() {
    while (Get(ledger_.store().SummarizeBlocks())) {
    }
  }
  // How many entries there are from the one of that number on.
  std::int64_t From(std::int64_t number) {
    return static_cast<std::int64_t>(Get(MeasureLedger(ledger_, kBefore + number)).recent);
  }

  TempDirectory directory_;
  Ledger ledger_ = Get(Ledger::Open(directory_.path(), Ledger::Mode::kCreate));
};

TEST_F(GrowthTest, AnEmptyLedgerHasNone) {
  const LedgerSize size = Get(MeasureLedger(ledger_, 0));
  EXPECT_EQ(size.stored, 0U);
  EXPECT_EQ(size.recent, 0U);
  EXPECT_EQ(size.journal_bytes, 0U);
}

TEST_F(GrowthTest, CountsExactlyWithAndWithoutSummaries) {
  constexpr std::int64_t kEntries = (3 * kBlockEntries) + 100;
  Fill(kEntries);
  for (const bool summarized : {false, true}) {
    if (summarized) {
      Summarize();
    }
    for (const std::int64_t first : {std::int64_t{1}, std::int64_t{2}, kBlockEntries,
                                     kBlockEntries + 1, 2 * kBlockEntries + 17, kEntries - 1}) {
      EXPECT_EQ(From(first), kEntries - first + 1) << first;
    }
    EXPECT_EQ(From(0), kEntries);
    EXPECT_EQ(From(kEntries + 1), 0);
  }
  const LedgerSize size = Get(MeasureLedger(ledger_, kBefore));
  EXPECT_EQ(size.stored, static_cast<std::uint64_t>(kEntries));
  EXPECT_GT(size.store_bytes, static_cast<std::uint64_t>(kEntries) * 200);
}

TEST_F(GrowthTest, TimesNeedNotAscend) {
  constexpr std::int64_t kImported = (2 * kBlockEntries) + 10;
  Fill(3 * kBlockEntries, kImported);
  Summarize();
  EXPECT_EQ(From(0), (3 * kBlockEntries) - kImported);
  EXPECT_EQ(From(-86'400'000), 3 * kBlockEntries);
}

TEST_F(GrowthTest, OfManyBlocksWithoutSummaryTheFirstEntrySpeaks) {
  constexpr std::int64_t kBlocks = 20;
  Fill(kBlocks * kBlockEntries);
  EXPECT_EQ(From(1), kBlocks * kBlockEntries);
  EXPECT_EQ(From(kBlockEntries + 1), (kBlocks - 1) * kBlockEntries);
  EXPECT_EQ(From(kBlockEntries + 2), (kBlocks - 2) * kBlockEntries) << "off by less than a block";
  Summarize();
  EXPECT_EQ(From(kBlockEntries + 2), ((kBlocks - 1) * kBlockEntries) - 1);
}

TEST_F(GrowthTest, DamagedSummariesAreNotBelieved) {
  Fill(2 * kBlockEntries);
  Summarize();
  Tamper(directory_.File("audit.db")).Do("UPDATE blocks SET min_ms = 'x', max_ms = x'00'");
  EXPECT_EQ(From(5), (2 * kBlockEntries) - 4);
}

TEST_F(GrowthTest, ErasedEntriesAreNotYoung) {
  Fill(2 * kBlockEntries);
  Tamper(directory_.File("audit.db"))
      .Do("UPDATE entries SET user_id = NULL, ts_unix_ms = NULL, event_type = NULL, payload = NULL "
          "WHERE id <= 4096");
  EXPECT_EQ(From(0), kBlockEntries);
  Summarize();
  EXPECT_EQ(From(0), kBlockEntries);
}

TEST_F(GrowthTest, JournalsCountByWhatTheyTakeOnTheDisk) {
  Fill(10);
  JournalWriter writer =
      Get(JournalWriter::Create(ledger_.JournalPath("live"), TestIdentity("live"), TestOptions()));
  Get(writer.Append(kActionDecided, Decided("FileRead", "/a", "allow"), Durability::kDurable));
  const LedgerSize size = Get(MeasureLedger(ledger_, kBefore));
  EXPECT_GT(size.journal_bytes, 0U);
  EXPECT_LT(size.journal_bytes, std::uint64_t{1} << 20U);
  EXPECT_EQ(size.stored, 10U);
  EXPECT_EQ(size.recent, 10U);
}

}  // namespace
}  // namespace aegis::ledger
