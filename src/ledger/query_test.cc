#include "ledger/query.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "ledger/entry.h"
#include "ledger/glob.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

class MatchesTest : public testing::Test {
 protected:
  std::string payload_ = Decided("FileRead", "/srv/a \"quoted\" name", "deny");
  EntryView entry_{.tenant_id = "local",
                   .user_id = "tester",
                   .session_id = "s1",
                   .ts_unix_ms = 1000,
                   .event_type = kActionDecided,
                   .payload = payload_};
};

TEST_F(MatchesTest, EachConditionHoldsOrDoesNot) {
  EXPECT_TRUE(Matches({}, entry_));
  EXPECT_TRUE(Matches({.action = "FileRead"}, entry_));
  EXPECT_FALSE(Matches({.action = "FileWrite"}, entry_));
  EXPECT_FALSE(Matches({.action = "fileread"}, entry_));
  EXPECT_TRUE(Matches({.decision = "deny"}, entry_));
  EXPECT_TRUE(Matches({.decision = "Deny"}, entry_));
  EXPECT_FALSE(Matches({.decision = "allow"}, entry_));
  EXPECT_TRUE(Matches({.session_id = "s1"}, entry_));
  EXPECT_FALSE(Matches({.session_id = "s2"}, entry_));
  EXPECT_TRUE(Matches({.event_type = "ACTION_DECIDED"}, entry_));
  EXPECT_FALSE(Matches({.event_type = "ACTION"}, entry_));
}

TEST_F(MatchesTest, TimesAreHalfOpen) {
  EXPECT_TRUE(Matches({.from_ms = 1000, .to_ms = 1001}, entry_));
  EXPECT_FALSE(Matches({.from_ms = 1001}, entry_));
  EXPECT_FALSE(Matches({.to_ms = 1000}, entry_));
}

TEST_F(MatchesTest, TextIsSoughtAsItReads) {
  EXPECT_TRUE(Matches({.text = "a \"quoted\" NAME"}, entry_));
  EXPECT_TRUE(Matches({.text = "action_decided"}, entry_));
  EXPECT_TRUE(Matches({.text = ""}, entry_));
  EXPECT_FALSE(Matches({.text = "absent"}, entry_));
}

TEST_F(MatchesTest, PathsAreThoseOfResourceAndTarget) {
  const auto matches = [this](std::string_view pattern) {
    return Matches({.path = Get(Glob::Parse(pattern))}, entry_);
  };
  EXPECT_TRUE(matches("/srv/*"));
  EXPECT_TRUE(matches("/srv/a \"quoted\" name"));
  EXPECT_FALSE(matches("/srv"));
  EXPECT_FALSE(matches("/usr/bin/cat"));
  entry_.payload = R"({"context":{"target":"/new/b\\\\c"},"resource":"/old/a"})";
  EXPECT_TRUE(matches("/old/?"));
  EXPECT_TRUE(matches(R"(/new/b\\c)"));
  EXPECT_FALSE(matches("/other/**"));
  entry_.payload = R"({"context":7,"resource":[]})";
  EXPECT_FALSE(matches("**"));
}

TEST_F(MatchesTest, AllConditionsMustHold) {
  EXPECT_TRUE(Matches({.action = "FileRead", .decision = "deny", .text = "srv"}, entry_));
  EXPECT_FALSE(Matches({.action = "FileRead", .decision = "allow", .text = "srv"}, entry_));
}

TEST_F(MatchesTest, OfErasedEntriesOnlyTheSessionIsKnown) {
  const EntryView erased{.session_id = "s1", .erased = true};
  EXPECT_TRUE(Matches({}, erased));
  EXPECT_TRUE(Matches({.session_id = "s1"}, erased));
  EXPECT_FALSE(Matches({.session_id = "s2"}, erased));
  for (const QueryFilter& filter :
       {QueryFilter{.from_ms = 0}, QueryFilter{.to_ms = 1}, QueryFilter{.event_type = ""},
        QueryFilter{.text = ""}, QueryFilter{.action = ""}, QueryFilter{.decision = ""},
        QueryFilter{.path = Get(Glob::Parse("**"))}}) {
    EXPECT_FALSE(Matches(filter, erased));
  }
}

TEST_F(MatchesTest, EntriesWithoutADecisionNeverHaveOne) {
  entry_.payload = R"({"action":"ProcessExit","context":{"decision":"deny"},"resource":"/a"})";
  EXPECT_TRUE(Matches({.action = "ProcessExit"}, entry_));
  EXPECT_FALSE(Matches({.decision = "deny"}, entry_));
}

}  // namespace
}  // namespace aegis::ledger
