#include "ledger/purge.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ledger/purge_record.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

TEST(PurgeRecordTest, RangesComeBackAsTheyWere) {
  const std::vector<IdRange> ids = {{.first = 1, .last = 1}, {.first = 5, .last = 4096}};
  std::string payload;
  AppendErasedPayload(payload, ids);
  EXPECT_EQ(payload, R"({"ranges":[[0,0],[4,4095]]})");
  const auto parsed = ParseErasedPayload(payload);
  ASSERT_TRUE(parsed);
  ASSERT_EQ(parsed->size(), 2U);
  EXPECT_EQ(parsed->at(1).first, 5);
  EXPECT_EQ(parsed->at(1).last, 4096);
  for (const std::string_view other :
       {"{}", R"({"ranges":[]})", R"({"ranges":[[2,1]]})", R"({"ranges":[[-1,1]]})",
        R"({"ranges":[[0,1],]})", R"({"ranges":[[0,1]],"x":1})", R"({"ranges":[[0]]})"}) {
    EXPECT_FALSE(ParseErasedPayload(other)) << other;
  }
}

TEST(PurgeRecordTest, NormalizedRangesAreSortedAndApart) {
  std::vector<IdRange> ranges = {{.first = 9, .last = 9},
                                 {.first = 1, .last = 3},
                                 {.first = 4, .last = 4},
                                 {.first = 2, .last = 2}};
  Normalize(ranges);
  ASSERT_EQ(ranges.size(), 2U);
  EXPECT_EQ(ranges[0].last, 4);
  EXPECT_EQ(ranges[1].first, 9);
}

class PurgeTest : public testing::Test {
 protected:
  Ledger Open() { return Get(Ledger::Open(ledger_.directory.path(), Ledger::Mode::kRead)); }
  std::uint64_t Erase(Ledger& ledger, const PurgeScope& scope, std::uint64_t most = UINT64_MAX) {
    return Get(Purge(ledger.store(), scope,
                     {.identity = TestIdentity("purge-" + std::to_string(++purges_)),
                      .clock = StepClock(1800000000000),
                      .reason = "command",
                      .most = most},
                     Get(ledger.Signer())));
  }
  static VerifyReport Verified(Ledger& ledger) {
    VerifyReport report = Get(ledger.Verify());
    EXPECT_TRUE(report.ok()) << report.findings.first().front().what;
    return report;
  }
  static Session SessionOf(Ledger& ledger, std::string_view id) {
    return Get(ledger.FindSession(id)).session;
  }

  FilledLedger ledger_{{"s1", "s2", "s3"}};
  int purges_ = 0;
};

TEST_F(PurgeTest, ASessionLosesItsContentAndKeepsItsHashes) {
  Ledger ledger = Open();
  const Session before = SessionOf(ledger, "s2");
  EXPECT_EQ(Erase(ledger, {.session_id = "s2"}), 10U);
  const VerifyReport report = Verified(ledger);
  EXPECT_EQ(report.erased, 10U);
  EXPECT_EQ(report.sessions, 4U);
  EXPECT_EQ(report.signed_size, 33U);
  const Session after = SessionOf(ledger, "s2");
  EXPECT_EQ(after.head_hash, before.head_hash);
  EXPECT_EQ(after.erased, 10);
  EXPECT_EQ(after.user_id, "");
  EXPECT_EQ(after.command, std::nullopt);
  EXPECT_EQ(after.ended_ms, std::nullopt);
  EXPECT_EQ(after.actions, 0);
  EXPECT_EQ(SessionOf(ledger, "s1").actions, SessionOf(ledger, "s3").actions);
  std::string text;
  ExportWriter writer(ExportFormat::kJsonLines, "test");
  Get(ledger.Export({}, writer, [&text](std::string_view piece) {
    text += piece;
    return base::Result<>();
  }));
  EXPECT_EQ(text.find("config-of-s2"), std::string::npos);
  EXPECT_NE(text.find("config-of-s1"), std::string::npos);
  EXPECT_NE(text.find(R"({"erased":true,"hash":)"), std::string::npos);
}

TEST_F(PurgeTest, ErasedBytesAreInNoFile) {
  ASSERT_NE(Slurp(ledger_.database()).find("config-of-s2"), std::string::npos);
  {
    Ledger ledger = Open();
    Erase(ledger, {.session_id = "s2"});
    for (const std::string_view name : {"audit.db", "audit.db-wal"}) {
      EXPECT_EQ(Slurp(ledger_.directory.File(name)).find("config-of-s2"), std::string::npos)
          << name;
    }
  }
  EXPECT_EQ(Slurp(ledger_.database()).find("config-of-s2"), std::string::npos);
}

TEST_F(PurgeTest, OldEntriesGoYoungOnesStay) {
  Ledger ledger = Open();
  // Each session begins at the same moment and takes a millisecond for each entry.
  EXPECT_EQ(Erase(ledger, {.before_ms = 1700000000005}), 12U);
  EXPECT_EQ(Verified(ledger).erased, 12U);
  const Session session = SessionOf(ledger, "s1");
  EXPECT_EQ(session.erased, 4);
  EXPECT_EQ(session.user_id, "tester");
  EXPECT_NE(session.ended_ms, std::nullopt);
  EXPECT_EQ(Erase(ledger, {.before_ms = 1700000000005}), 0U);
  EXPECT_EQ(Erase(ledger, {.before_ms = 1700000000006}), 3U);
  EXPECT_EQ(Verified(ledger).erased, 15U);
}

TEST_F(PurgeTest, ALaterPurgeKeepsTheRecordsOfEarlierOnes) {
  Ledger ledger = Open();
  Erase(ledger, {.session_id = "s1"});
  // All that is left but the first purge's record.
  EXPECT_EQ(Erase(ledger, {.before_ms = 1900000000000}), 22U);
  EXPECT_EQ(Verified(ledger).erased, 32U);
}

TEST_F(PurgeTest, ALimitedPurgeIsGoneOnWithLater) {
  Ledger ledger = Open();
  EXPECT_EQ(Erase(ledger, {.before_ms = 1750000000000}, 7), 7U);
  EXPECT_EQ(Verified(ledger).erased, 7U);
  const auto left = CountPurgeable(*Get(ledger.store().OpenSnapshot()),
                                   {.before_ms = 1750000000000, .session_id = {}});
  EXPECT_EQ(Get(left), 23U);
  EXPECT_EQ(Erase(ledger, {.before_ms = 1750000000000}), 23U);
  Verified(ledger);
}

TEST_F(PurgeTest, NothingToEraseRecordsNothing) {
  Ledger ledger = Open();
  EXPECT_EQ(Erase(ledger, {.before_ms = 1}), 0U);
  EXPECT_EQ(Verified(ledger).entries, 30U);
  const auto missing = Purge(ledger.store(), {.before_ms = {}, .session_id = "none"}, {}, nullptr);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), base::Errc::kNotFound);
}

TEST_F(PurgeTest, ContentThatGoesWithoutARecordIsFound) {
  {
    Ledger ledger = Open();
    Erase(ledger, {.session_id = "s2"});
  }
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open(ledger_.database().c_str(), &handle), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(handle,
                         "UPDATE entries SET payload = NULL, user_id = NULL, ts_unix_ms = NULL, "
                         "event_type = NULL WHERE id = 5",
                         nullptr, nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(handle);
  Ledger ledger = Open();
  const VerifyReport report = Get(ledger.Verify());
  ASSERT_FALSE(report.ok());
  bool found = false;
  for (const Finding& finding : report.findings.first()) {
    found |= finding.kind == Finding::Kind::kErased && finding.id == 5;
  }
  EXPECT_TRUE(found);
}

// A run may go on in a session whose beginning was purged.
TEST_F(PurgeTest, ALiveSessionGoesOn) {
  Ledger ledger = Open();
  JournalWriter writer =
      Get(JournalWriter::Create(ledger.JournalPath("live"), TestIdentity("live"), TestOptions()));
  Sequencer sequencer = Get(Sequencer::Attach(writer, ledger.store()));
  Get(writer.Append(kSessionStarted, Started("live"), Durability::kOrdered));
  Get(sequencer.Drain());
  EXPECT_EQ(Erase(ledger, {.session_id = "live"}), 1U);
  Get(writer.Append(kActionDecided, Decided("FileRead", "/x", "deny"), Durability::kOrdered));
  Get(sequencer.Finish());
  EXPECT_EQ(Verified(ledger).erased, 1U);
  EXPECT_EQ(SessionOf(ledger, "live").denials, 1);
}

}  // namespace
}  // namespace aegis::ledger
