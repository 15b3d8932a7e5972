
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <string>
#include <string_view>

#include "ledger/ledger.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

class VerifyBlocksTest : public testing::Test {
 protected:
  void SetUp() override {
    Ledger ledger = Get(Ledger::Open(directory_.path(), Ledger::Mode::kCreate));
    FilledLedger::AddSession(ledger, "s1", kEntries);
    Get(ledger.store().SummarizeBlocks());
  }

  // What verification says after a change, which is undone.
  VerifyReport After(const std::string& sql) {
    const std::string before = Slurp(path_);
    sqlite3* handle = nullptr;
    EXPECT_EQ(sqlite3_open(path_.c_str(), &handle), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sql;
    sqlite3_close(handle);
    VerifyReport report = Get(Get(Ledger::Open(directory_.path(), Ledger::Mode::kRead)).Verify());
    Spill(path_, before);
    return report;
  }

  static constexpr int kEntries = 8300;  // two blocks and a bit
  TempDirectory directory_;
  std::string path_ = directory_.File("audit.db");
};

TEST_F(VerifyBlocksTest, SummariesThatAreRightOrMissingAreFine) {
  for (const std::string_view change :
       {"SELECT 1", "DELETE FROM blocks", "DELETE FROM blocks WHERE number = 0"}) {
    const VerifyReport report = After(std::string(change));
    EXPECT_TRUE(report.ok()) << change;
    EXPECT_EQ(report.entries, 8300U);
  }
}

TEST_F(VerifyBlocksTest, SummariesThatWouldHideEntriesAreFound) {
  for (const std::string_view change :
       {"UPDATE blocks SET min_ms = min_ms + 1 WHERE number = 1",
        "UPDATE blocks SET max_ms = max_ms - 1 WHERE number = 1",
        "UPDATE blocks SET min_ms = NULL, max_ms = NULL WHERE number = 1",
        "UPDATE blocks SET terms = zeroblob(2048) WHERE number = 1",
        "UPDATE blocks SET denials = zeroblob(512) WHERE number = 1",
        "UPDATE blocks SET grams3 = zeroblob(8192) WHERE number = 1",
        "UPDATE blocks SET grams5 = zeroblob(16384) WHERE number = 1",
        "UPDATE blocks SET grams8 = zeroblob(16384) WHERE number = 1",
        "UPDATE blocks SET grams8 = 'text' WHERE number = 1",
        "UPDATE blocks SET terms = substr(terms, 2) WHERE number = 1",
        // NOLINTNEXTLINE(bugprone-suspicious-missing-comma): one statement
        "UPDATE blocks SET (terms, denials, grams3, grams5, grams8) = (SELECT terms, denials, "
        "grams3, grams5, grams8 FROM blocks WHERE number = 0) WHERE number = 1"}) {
    const VerifyReport report = After(std::string(change));
    ASSERT_EQ(report.findings.count(), 1U) << change;
    EXPECT_EQ(report.findings.first().front().kind, Finding::Kind::kDerived);
    EXPECT_EQ(report.findings.first().front().id, 4097);
  }
}

TEST_F(VerifyBlocksTest, SummariesOfNothingAreFound) {
  for (const std::string_view number : {"2", "-1", "9000000000000000000"}) {
    const VerifyReport report =
        After("UPDATE blocks SET number = " + std::string(number) + " WHERE number = 1");
    ASSERT_EQ(report.findings.count(), 1U) << number;
    EXPECT_EQ(report.findings.first().front().kind, Finding::Kind::kDerived);
  }
}

TEST_F(VerifyBlocksTest, ABadEntryIsOneFinding) {
  const VerifyReport report =
      After("UPDATE entries SET payload = replace(payload, 'allow', 'deny') WHERE id = 5000");
  ASSERT_EQ(report.findings.count(), 1U);
  EXPECT_EQ(report.findings.first().front().kind, Finding::Kind::kEdited);
}

}  // namespace
}  // namespace aegis::ledger
