#include "cli/judged_sessions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string_view>

#include "base/result.h"
#include "ledger/test_ledger.h"
#include "policy/policy.h"
#include "policy/test_policies.h"

namespace aegis::cli {
namespace {

using ::testing::ElementsAre;

// Each session: /srv/file-2 … /srv/file-9, read where even, written where odd.
class JudgeSessions : public ::testing::Test {
 protected:
  base::Result<JudgedSessions> Judge(const SessionChoice& choice, std::string_view a,
                                     std::string_view b) {
    ledger::Ledger ledger =
        ledger::Get(ledger::Ledger::Open(filled_.directory.path(), ledger::Ledger::Mode::kRead));
    return cli::JudgeSessions(ledger, choice, policy::MustLoad(a), policy::MustLoad(b));
  }

 private:
  ledger::FilledLedger filled_{{"first", "second"}};
};

constexpr std::string_view kAll = "permit(principal, action, resource);";
constexpr std::string_view kReads =
    "permit(principal, action == Aegis::Action::\"FileRead\", resource in "
    "Aegis::Resource::\"/srv\");";

TEST_F(JudgeSessions, CountsWhatDiffers) {
  const auto judged = Judge({}, kAll, kReads);
  ASSERT_TRUE(judged) << judged.error().message();
  EXPECT_THAT(judged->sessions, ElementsAre("first", "second"));
  EXPECT_EQ(judged->actions, 16U);
  EXPECT_EQ(judged->distinct, 8U) << "neither set reads pid or exe";
  ASSERT_EQ(judged->differing.size(), 4U);
  EXPECT_EQ(judged->differing[0].action, "FileWrite");
  EXPECT_EQ(judged->differing[0].resource, "/srv/file-3");
  EXPECT_EQ(judged->differing[0].a, policy::Outcome::kPermit);
  EXPECT_EQ(judged->differing[0].b, policy::Outcome::kNoPermit);
  EXPECT_EQ(judged->differing[0].count, 2U);
}

TEST_F(JudgeSessions, EqualSetsDifferNowhere) {
  const auto judged = Judge({}, kReads, kReads);
  ASSERT_TRUE(judged);
  EXPECT_TRUE(judged->differing.empty());
}

TEST_F(JudgeSessions, ReadsTheContextThatTheyAsk) {
  const auto judged = Judge({}, kReads,
                            "permit(principal, action == Aegis::Action::\"FileRead\", resource) "
                            "when { context has exe && context.exe == \"/usr/bin/cat\" };");
  ASSERT_TRUE(judged);
  EXPECT_TRUE(judged->differing.empty()) << "all were asked by cat";
}

TEST_F(JudgeSessions, ChoosesSessions) {
  EXPECT_THAT(Judge({.last = 1}, kAll, kReads)->sessions, ElementsAre("second"));
  EXPECT_THAT(Judge({.id = "fir"}, kAll, kReads)->sessions, ElementsAre("first"));
  EXPECT_FALSE(Judge({.id = "none"}, kAll, kReads));
}

TEST_F(JudgeSessions, TooManyActionsAreAnError) {
  EXPECT_TRUE(Judge({.most_distinct = 8}, kAll, kReads));
  const auto judged = Judge({.most_distinct = 7}, kAll, kReads);
  ASSERT_FALSE(judged);
  EXPECT_EQ(judged.error().message(), "more than 7 distinct actions: compare fewer sessions");
}

}  // namespace
}  // namespace aegis::cli
