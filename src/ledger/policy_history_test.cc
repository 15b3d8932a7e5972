#include "ledger/policy_history.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

std::string Digest(char letter) { return std::string(64, letter); }

class PolicyHistoryTest : public testing::Test {
 protected:
  // A session that begins under one set at a time; each later one comes into force by an edit.
  void AddSession(const std::string& id, std::int64_t at, const std::string& digests) {
    JournalOptions options = TestOptions();
    options.clock = StepClock(at);
    JournalWriter writer =
        Get(JournalWriter::Create(ledger_.JournalPath(id), TestIdentity(id), options));
    Sequencer sequencer = Get(Sequencer::Attach(writer, ledger_.store()));
    for (std::size_t i = 0; i < digests.size(); ++i) {
      std::string payload;
      const std::string digest = Digest(digests[i]);
      if (i == 0) {
        AppendSessionStartedPayload(payload, {.mode = "run", .policy_digest = digest}, Masker());
      } else {
        AppendPolicyChangedPayload(payload, {.from = "x", .to = digest, .outside = "/opt"});
      }
      Get(writer.Append(i == 0 ? kSessionStarted : kPolicyChanged, payload, Durability::kOrdered));
    }
    Get(sequencer.Finish());
  }

  TempDirectory directory_;
  Ledger ledger_ = Get(Ledger::Open(directory_.path(), Ledger::Mode::kCreate));
};

TEST_F(PolicyHistoryTest, AnEmptyLedgerHasNone) {
  EXPECT_TRUE(Get(PolicyHistory(ledger_)).empty());
}

TEST_F(PolicyHistoryTest, StepsAreWhereTheSetBecomesAnother) {
  AddSession("s1", 1000, "a");
  AddSession("s2", 2000, "a");
  AddSession("s3", 3000, "b");
  AddSession("s4", 4000, "bc");
  AddSession("s5", 5000, "c");
  AddSession("s6", 6000, "a");
  const std::vector<PolicyStep> steps = Get(PolicyHistory(ledger_));
  ASSERT_EQ(steps.size(), 4U);
  EXPECT_EQ(steps[0].digest, Digest('a'));
  EXPECT_EQ(steps[0].previous, "");
  EXPECT_EQ(steps[0].session_id, "s1");
  EXPECT_GE(steps[0].since_ms, 1000);
  EXPECT_LT(steps[0].since_ms, 2000);
  EXPECT_EQ(steps[0].sessions, 2U);
  EXPECT_EQ(steps[1].previous, Digest('a'));
  EXPECT_EQ(steps[1].sessions, 2U);
  EXPECT_FALSE(steps[1].live);
  EXPECT_TRUE(steps[2].live);
  EXPECT_EQ(steps[2].previous, "x") << "as its own entry says, whatever began meanwhile";
  EXPECT_EQ(steps[2].session_id, "s4");
  EXPECT_EQ(steps[2].outside, "/opt");
  EXPECT_EQ(steps[2].sessions, 1U);
  EXPECT_EQ(steps[3].digest, Digest('a'));
  EXPECT_EQ(steps[3].previous, Digest('c'));
}

// Times decide, not the order of storing.
TEST_F(PolicyHistoryTest, SessionsAtOnceAreOrderedByTime) {
  AddSession("s1", 1000, "ab");
  AddSession("s2", 500, "c");
  const std::vector<PolicyStep> steps = Get(PolicyHistory(ledger_));
  ASSERT_EQ(steps.size(), 3U);
  EXPECT_EQ(steps[0].digest, Digest('c'));
}

TEST_F(PolicyHistoryTest, ASetIsFoundByTheBeginningOfItsDigest) {
  const std::vector<PolicyText> texts = {{.file = "a", .text = "b"}};
  const std::string digest = Get(ledger_.store().PutPolicySet(texts));
  EXPECT_EQ(Get(FindPolicies(ledger_, digest.substr(0, 8))).texts, texts);
  EXPECT_EQ(Get(FindPolicies(ledger_, digest)).digest, digest);
  EXPECT_EQ(FindPolicies(ledger_, digest + "0").error().code(), base::Errc::kNotFound);
  Get(ledger_.store().NoteAbsentPolicySet(Digest('0')));
  EXPECT_EQ(FindPolicies(ledger_, "").error().code(), base::Errc::kInvalid);
  EXPECT_TRUE(Get(FindPolicies(ledger_, "000")).absent());
}

}  // namespace
}  // namespace aegis::ledger
