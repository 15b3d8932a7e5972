// What can be done to stored policies, and that each is found and named; beside each, that the
// untouched ledger verifies.

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "ledger/test_forge.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

using Kind = Finding::Kind;

const std::vector<PolicyText>& Old() {
  static const std::vector<PolicyText> kTexts = {
      {.file = "default.cedar", .text = "permit(principal, action, resource);"},
      {.file = "programs.cedar", .text = "// none"}};
  return kTexts;
}

const std::vector<PolicyText>& New() {
  static const std::vector<PolicyText> kTexts = {{.file = "default.cedar", .text = "// nothing"}};
  return kTexts;
}

class PolicyCheckTest : public testing::Test {
 protected:
  // A session under the old set, which the new one replaces; `entries` of them are there.
  void AddSession(const std::string& id, int entries, bool store = true) {
    JournalWriter writer =
        Get(JournalWriter::Create(ledger_->JournalPath(id), TestIdentity(id), TestOptions()));
    Sequencer sequencer = Get(Sequencer::Attach(writer, ledger_->store()));
    std::string payload;
    AppendSessionStartedPayload(
        payload, {.mode = "run", .policy_digest = old_digest_, .policy_stored = true}, Masker());
    Get(writer.Append(kSessionStarted, payload, Durability::kOrdered));
    if (store) {
      Get(ledger_->store().PutPolicySet(Old()));
      Get(ledger_->store().PutPolicySet(New()));
    }
    if (entries > 1) {
      payload.clear();
      AppendPolicyChangedPayload(payload, {.from = old_digest_, .to = new_digest_});
      Get(writer.Append(kPolicyChanged, payload, Durability::kOrdered));
    }
    Get(sequencer.Finish());
  }

  // Of a ledger that nobody has open; the change is undone.
  VerifyReport After(const std::string& sql) {
    ledger_.reset();
    const std::string before = Slurp(directory_.File("audit.db"));
    Tamper(directory_.File("audit.db")).Do(sql);
    VerifyReport report = Get(Get(Ledger::Open(directory_.path(), Ledger::Mode::kRead)).Verify());
    Spill(directory_.File("audit.db"), before);
    return report;
  }

  TempDirectory directory_;
  std::optional<Ledger> ledger_ = Get(Ledger::Open(directory_.path(), Ledger::Mode::kCreate));
  std::string old_digest_ = DigestOfPolicies(Old());
  std::string new_digest_ = DigestOfPolicies(New());
};

TEST_F(PolicyCheckTest, WhatIsStoredVerifies) {
  AddSession("s1", 2);
  AddSession("s2", 2);
  const VerifyReport report = Get(ledger_->Verify());
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(report.policy_sets, 2U);
  EXPECT_EQ(report.absent_policy_sets, 0U);
}

TEST_F(PolicyCheckTest, AnEditedTextIsFoundAndNamed) {
  AddSession("s1", 2);
  for (const std::string_view change :
       {"text = text || ' '", "file = 'other.cedar'", "text = ''"}) {
    const VerifyReport report =
        After("UPDATE policies SET " + std::string(change) + " WHERE file = 'default.cedar' " +
              "AND digest = '" + old_digest_ + "'");
    ASSERT_EQ(report.findings.count(), 1U) << change;
    EXPECT_EQ(report.findings.first()[0].kind, Kind::kEdited);
    EXPECT_NE(report.findings.first()[0].what.find(old_digest_), std::string::npos);
    EXPECT_NE(report.findings.first()[0].what.find("programs.cedar"), std::string::npos);
    EXPECT_EQ(report.policy_sets, 1U);
  }
}

TEST_F(PolicyCheckTest, ARemovedSetIsFoundByTheFirstEntryThatNamesIt) {
  AddSession("s1", 2);
  AddSession("s2", 2);
  VerifyReport report = After("DELETE FROM policies WHERE digest = '" + old_digest_ + "'");
  ASSERT_EQ(report.findings.count(), 1U);
  EXPECT_EQ(report.findings.first()[0].kind, Kind::kMissing);
  EXPECT_EQ(report.findings.first()[0].session_id, "s1");
  EXPECT_EQ(report.findings.first()[0].seq, 0);
  report = After("DELETE FROM policies WHERE digest = '" + new_digest_ + "'");
  ASSERT_EQ(report.findings.count(), 1U);
  EXPECT_EQ(report.findings.first()[0].seq, 1);
  EXPECT_EQ(After("DELETE FROM policies").findings.count(), 2U);
  report = After("DELETE FROM policies WHERE file = 'programs.cedar'");
  ASSERT_EQ(report.findings.count(), 1U);
  EXPECT_EQ(report.findings.first()[0].kind, Kind::kEdited);
}

TEST_F(PolicyCheckTest, RowsThatAreNoFilesAreFindings) {
  AddSession("s1", 2);
  for (const std::string_view sql :
       {"UPDATE policies SET position = position + 100",
        "UPDATE policies SET position = 'x' WHERE position = 1",
        "UPDATE policies SET text = NULL WHERE position = 1",
        "UPDATE policies SET file = x'ff' WHERE position = 0",
        "UPDATE policies SET text = CAST(x'ff' AS TEXT)", "UPDATE policies SET text = 7",
        "UPDATE policies SET text = zeroblob(33554432) WHERE position = 1",
        "UPDATE policies SET digest = x'00' || digest",
        "UPDATE policies SET digest = 'x' WHERE file = 'programs.cedar'",
        "INSERT INTO policies VALUES ('x', 9223372036854775807, 'a', 'b')",
        "INSERT INTO policies VALUES ('x', 0, 'a', 'b')"}) {
    EXPECT_FALSE(After(std::string(sql)).ok()) << sql;
  }
}

// It may have died before they were stored, and nothing was decided under them.
TEST_F(PolicyCheckTest, ASessionThatOnlyBeganNeedsNoPolicies) {
  AddSession("s1", 1, false);
  EXPECT_TRUE(Get(ledger_->Verify()).ok());
  AddSession("s2", 2, false);
  EXPECT_EQ(Get(ledger_->Verify()).findings.count(), 2U);
}

TEST_F(PolicyCheckTest, AnImportBringsEntriesWithoutTheirPolicies) {
  AddSession("s1", 2);
  std::string lines;
  ExportWriter writer(ExportFormat::kJsonLines, "1");
  Get(ledger_->Export({}, writer, [&lines](std::string_view piece) -> base::Result<> {
    lines += piece;
    return {};
  }));
  TempDirectory elsewhere;
  Ledger other = Get(Ledger::Open(elsewhere.path(), Ledger::Mode::kCreate));
  ImportReport imported;
  std::string_view rest = lines;
  Get(other.Import(
      [&rest]() -> base::Result<std::string_view> {
        return std::exchange(rest, std::string_view());
      },
      imported));
  const VerifyReport report = Get(other.Verify());
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(report.policy_sets, 0U);
  EXPECT_EQ(report.absent_policy_sets, 2U);
}

}  // namespace
}  // namespace aegis::ledger
