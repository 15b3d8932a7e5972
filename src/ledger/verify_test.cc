#include "ledger/verify.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/test_forge.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

class VerifyTest : public testing::Test {
 protected:
  VerifyReport Verify() {
    return Get(Get(Ledger::Open(ledger_.directory.path(), Ledger::Mode::kRead)).Verify());
  }
  // What verification says after a change, which is undone.
  VerifyReport After(const std::string& sql) {
    const std::string before = Slurp(ledger_.database());
    Tamper(ledger_.database()).Do(sql);
    VerifyReport report = Verify();
    Spill(ledger_.database(), before);
    return report;
  }

  FilledLedger ledger_{{"s1", "s2"}};
};

TEST_F(VerifyTest, AnUntouchedLedgerIsRight) {
  const VerifyReport report = Verify();
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(report.entries, 20U);
  EXPECT_EQ(report.sessions, 2U);
  EXPECT_TRUE(report.journals.empty());
}

TEST_F(VerifyTest, AnEmptyLedgerIsRight) {
  const TempDirectory directory;
  EXPECT_TRUE(Get(Get(Ledger::Open(directory.path(), Ledger::Mode::kCreate)).Verify()).ok());
}

TEST_F(VerifyTest, EveryChangedColumnIsFoundAndNamed) {
  const std::vector<std::string> changes = {
      "tenant_id = 'other'",
      "user_id = 'other'",
      "ts_unix_ms = ts_unix_ms + 1",
      "event_type = 'ACTION_FINISHED'",
      "payload = replace(payload, 'allow', 'deny')",
      "payload = replace(payload, '/srv', '/SRV')",
      "payload = payload || ' '",
      "payload = substr(payload, 1, 20)",
      "payload = '{}'",
      "payload = '{\"a\":1,\"a\":1}'",
      "payload = '[]'",
      "payload = x'7b7d'",
      "payload = 7",
      "hash = hex(hash)",
      "hash = zeroblob(32)",
      "hash = ''",
      "hash = x'00'",
      "prev_hash = NULL",
      "prev_hash = zeroblob(32)",
      "prev_hash = 'x'",
      "payload = NULL",
      "payload = NULL, user_id = NULL, ts_unix_ms = NULL, event_type = NULL",
      "seq = -1",
      "seq = 100",
      "seq = 'text'",
      "seq = 4.5",
      "session_id = 's3'",
      "session_id = x'ff'"};
  for (const std::string& change : changes) {
    const VerifyReport report =
        After("UPDATE entries SET " + change + " WHERE session_id = 's1' AND seq = 4");
    ASSERT_FALSE(report.ok()) << change;
    ASSERT_FALSE(report.findings.first().empty());
    EXPECT_NE(report.findings.first()[0].what, "") << change;
  }
  const VerifyReport report =
      After("UPDATE entries SET payload = '{}' WHERE session_id = 's1' AND seq = 4");
  ASSERT_EQ(report.findings.first().size(), 1U);
  EXPECT_EQ(report.findings.first()[0].session_id, "s1");
  EXPECT_EQ(report.findings.first()[0].seq, 4);
  EXPECT_EQ(report.findings.first()[0].id, 5);
  EXPECT_EQ(report.findings.first()[0].what, "the hash does not match the content");
}

TEST_F(VerifyTest, EveryFlippedBitOfAPayloadIsFound) {
  std::string payload;
  {
    Ledger ledger = Get(Ledger::Open(ledger_.directory.path(), Ledger::Mode::kRead));
    Get(ledger.Query({.last = 5, .session_id = "s1"}, [&](const EntryView& entry) {
      payload = entry.payload;
      return base::Result<bool>(false);
    }));
  }
  ASSERT_NE(payload, "");
  Tamper tamper(ledger_.database());
  const auto set = [&](const std::string& bytes) {
    tamper.Do("UPDATE entries SET payload = CAST(x'" + canon::HexEncode(bytes) +
              "' AS TEXT) WHERE session_id = 's1' AND seq = 5");
  };
  for (std::size_t at = 0; at < payload.size(); at += 3) {
    std::string flipped = payload;
    flipped[at] = static_cast<char>(static_cast<unsigned char>(flipped[at]) ^ (1U << (at % 8)));
    set(flipped);
    EXPECT_FALSE(Verify().ok()) << at;
  }
  set(payload);
  EXPECT_TRUE(Verify().ok());
}

TEST_F(VerifyTest, MissingAndAddedRowsAreFound) {
  for (const std::string_view sql :
       {"DELETE FROM entries WHERE session_id = 's1' AND seq = 0",
        "DELETE FROM entries WHERE session_id = 's1' AND seq = 4",
        "DELETE FROM entries WHERE session_id = 's1' AND seq = 9",
        "DELETE FROM entries WHERE session_id = 's1'", "DELETE FROM entries",
        "DELETE FROM sessions WHERE session_id = 's1'", "DELETE FROM sessions",
        "UPDATE entries SET seq = seq + 1 WHERE session_id = 's1' AND seq = 9",
        "UPDATE entries SET id = id + 100 WHERE session_id = 's1' AND seq = 4",
        ("INSERT INTO entries SELECT 500, tenant_id, user_id, session_id, 10, ts_unix_ms, "
         "event_type, payload, hash, prev_hash FROM entries WHERE id = 3"),
        ("INSERT INTO entries SELECT 500, tenant_id, user_id, 's9', 0, ts_unix_ms, event_type, "
         "payload, hash, NULL FROM entries WHERE id = 1")}) {
    EXPECT_FALSE(After(std::string(sql)).ok()) << sql;
  }
}

TEST_F(VerifyTest, SwappedRowsAreFound) {
  EXPECT_FALSE(After("UPDATE entries SET seq = 1000 WHERE session_id = 's1' AND seq = 4;"
                     "UPDATE entries SET seq = 4 WHERE session_id = 's1' AND seq = 5;"
                     "UPDATE entries SET seq = 5 WHERE session_id = 's1' AND seq = 1000")
                   .ok());
  EXPECT_FALSE(After("UPDATE entries SET session_id = 'x' WHERE session_id = 's1';"
                     "UPDATE entries SET session_id = 's1' WHERE session_id = 's2';"
                     "UPDATE entries SET session_id = 's2' WHERE session_id = 'x'")
                   .ok());
}

TEST_F(VerifyTest, AnEditedEntryWithItsHashRecomputedBreaksTheChain) {
  std::string hash;
  {
    Ledger ledger = Get(Ledger::Open(ledger_.directory.path(), Ledger::Mode::kRead));
    Get(ledger.Query({.session_id = "s1"}, [&](const EntryView& entry) -> base::Result<bool> {
      if (entry.seq == 4) {
        EntryView edited = entry;
        edited.payload = R"({"edited":true})";
        canon::Sha256Hasher hasher;
        std::string scratch;
        hash = canon::HexEncode(HashEntry(hasher, edited, scratch).view());
      }
      return true;
    }));
  }
  const VerifyReport report = After("UPDATE entries SET payload = '{\"edited\":true}', hash = x'" +
                                    hash + "' WHERE session_id = 's1' AND seq = 4");
  ASSERT_EQ(report.findings.count(), 2U);
  EXPECT_EQ(report.findings.first()[1].kind, Finding::Kind::kDerived);  // the tree says so too
  EXPECT_EQ(report.findings.first()[0].kind, Finding::Kind::kForked);
  EXPECT_EQ(report.findings.first()[0].seq, 5);
  EXPECT_NE(report.findings.first()[0].what.find("does not continue"), std::string::npos);
}

TEST_F(VerifyTest, DerivedRowsAreHeldAgainstTheEntries) {
  for (const std::string_view change : {"command = 'other'",
                                        "argv = NULL",
                                        "config = 'x'",
                                        "dir = 'x'",
                                        "tag = 'x'",
                                        "mode = 'wrap'",
                                        "policy_digest = 'x'",
                                        "started_ms = 1",
                                        "ended_ms = NULL",
                                        "exit_code = 1",
                                        "signal = 9",
                                        "actions = 1",
                                        "denials = 0",
                                        "head_seq = 5",
                                        "tenant_id = 'x'",
                                        "user_id = 'x'",
                                        "actions = 'x'",
                                        "command = x'00'",
                                        "head_hash = hex(head_hash)",
                                        "erased = 1",
                                        "first_id = 12",
                                        "last_id = 19"}) {
    const VerifyReport report =
        After("UPDATE sessions SET " + std::string(change) + " WHERE session_id = 's2'");
    ASSERT_FALSE(report.ok()) << change;
  }
}

TEST_F(VerifyTest, HostileRowsAreFindings) {
  const std::string big = std::to_string(64 << 20);
  for (const std::string& sql : std::vector<std::string>{
           "UPDATE entries SET payload = CAST(zeroblob(" + big + ") AS TEXT) WHERE id = 5",
           "UPDATE entries SET payload = zeroblob(" + big + ") WHERE id = 5",
           "UPDATE entries SET event_type = zeroblob(" + big + ") WHERE id = 5",
           "UPDATE entries SET session_id = zeroblob(" + big + ") WHERE id = 5",
           "UPDATE entries SET payload = CAST(x'7b22ff223a317d' AS TEXT) WHERE id = 5",
           "UPDATE entries SET user_id = CAST(x'ff' AS TEXT) WHERE id = 5",
           std::string("UPDATE entries SET payload = '{\"a\":' || ") +
               "replace(hex(zeroblob(50000)), '0', '[') WHERE id = 5",
           "UPDATE entries SET ts_unix_ms = 9223372036854775807 WHERE id = 5",
           "UPDATE entries SET seq = 9223372036854775807 WHERE id = 5",
           "UPDATE entries SET payload = '{\"a\":NaN}' WHERE id = 5",
           "UPDATE sessions SET command = zeroblob(" + big + ")",
           "UPDATE sessions SET head_seq = -1"}) {
    const VerifyReport report = After(sql);
    EXPECT_FALSE(report.ok()) << sql;
  }
}

// Whatever the file becomes: an error, a finding, or the same entries as before.
TEST_F(VerifyTest, DamageToTheFileItselfIsNeverTakenForContent) {
  const auto exported = [this]() -> base::Result<std::string> {
    AEGIS_ASSIGN(Ledger ledger, Ledger::Open(ledger_.directory.path(), Ledger::Mode::kRead));
    AEGIS_ASSIGN(const VerifyReport report, ledger.Verify());
    if (!report.ok()) {
      return base::Fail(base::Errc::kCorrupt, report.findings.first()[0].what);
    }
    std::string text;
    ExportWriter writer(ExportFormat::kJsonLines, "1");
    AEGIS_TRY(ledger.Export({}, writer, [&text](std::string_view piece) {
      text += piece;
      return base::Result<>();
    }));
    return text;
  };
  const std::string before = Get(exported());
  const std::string whole = Slurp(ledger_.database());
  std::mt19937 random(23);
  int noticed = 0;
  for (int round = 0; round < 600; ++round) {
    std::string damaged = whole;
    if (round % 10 == 0) {
      damaged.resize(random() % damaged.size());
    } else {
      char& byte = damaged[random() % damaged.size()];
      byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << (random() % 8)));
    }
    Spill(ledger_.database(), damaged);
    const auto after = exported();
    noticed += after ? 0 : 1;
    if (after) {
      ASSERT_EQ(*after, before) << round;
    }
  }
  EXPECT_GT(noticed, 100);
}

TEST_F(VerifyTest, ABadEntryHidesNoOther) {
  const VerifyReport report = After(
      "UPDATE entries SET payload = x'00' WHERE session_id = 's1' AND seq = 2;"
      "UPDATE entries SET payload = '{}' WHERE session_id = 's1' AND seq = 6;"
      "UPDATE entries SET payload = '{}' WHERE session_id = 's2' AND seq = 3");
  ASSERT_EQ(report.findings.count(), 3U);
  EXPECT_EQ(report.findings.first()[0].seq, 2);
  EXPECT_EQ(report.findings.first()[1].seq, 6);
  EXPECT_EQ(report.findings.first()[2].session_id, "s2");
  EXPECT_EQ(report.entries, 20U);
}

TEST_F(VerifyTest, ManyFindingsAreCountedNotKept) {
  const VerifyReport report = After("UPDATE entries SET payload = '{}', ts_unix_ms = 1");
  EXPECT_EQ(report.findings.count(), 20U);
  EXPECT_LE(report.findings.first().size(), Findings::kMost);
}

TEST_F(VerifyTest, RunningSessionsAreVerifiedInTheirJournals) {
  Ledger ledger = Get(Ledger::Open(ledger_.directory.path(), Ledger::Mode::kRead));
  JournalWriter writer =
      Get(JournalWriter::Create(ledger.JournalPath("live"), TestIdentity("live"), TestOptions()));
  Get(writer.Append("E", R"({"n":1})", Durability::kOrdered));
  VerifyReport report = Get(ledger.Verify());
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(report.entries, 21U);
  ASSERT_EQ(pwrite(writer.fd(), "X", 1, 4096 + 30), 1);
  report = Get(ledger.Verify());
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.findings.first()[0].what.find("live.journal"), std::string::npos);
}

TEST_F(VerifyTest, AJournalThatCannotBeDrainedIsFound) {
  {
    Ledger ledger = Get(Ledger::Open(ledger_.directory.path(), Ledger::Mode::kRead));
    JournalWriter writer =
        Get(JournalWriter::Create(ledger.JournalPath("dead"), TestIdentity("dead"), TestOptions()));
    Get(writer.Append("E", R"({"n":1})", Durability::kOrdered));
    Get(writer.Append("E", R"({"n":2})", Durability::kOrdered));
    ASSERT_EQ(pwrite(writer.fd(), "X", 1, 4096 + 30), 1);
  }
  const VerifyReport report = Verify();
  EXPECT_FALSE(report.ok());
  ASSERT_EQ(report.journals.size(), 1U);
  EXPECT_EQ(report.journals[0].kind, JournalFinding::Kind::kUndrained);
}

}  // namespace
}  // namespace aegis::ledger
