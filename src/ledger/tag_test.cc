#include "ledger/tag.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ledger/purge.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(TaggedPayloadTest, ComesBackAsItWas) {
  std::string payload;
  AppendTaggedPayload(payload, "s1", "a \"b\"", Masker());
  EXPECT_EQ(payload, R"({"session_id":"s1","tag":"a \"b\""})");
  const auto parsed = ParseTaggedPayload(payload);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->session_id, "s1");
  EXPECT_EQ(parsed->tag, "a \"b\"");
}

TEST(TaggedPayloadTest, OfAnotherFormIsNone) {
  for (const std::string_view other : {"", "{}", "[]", R"({"session_id":"s"})", R"({"tag":"t"})",
                                       R"({"session_id":1,"tag":"t"})", R"({"session_id":"s")"}) {
    EXPECT_FALSE(ParseTaggedPayload(other)) << other;
  }
}

TEST(TaggedPayloadTest, IsMasked) {
  std::string payload;
  AppendTaggedPayload(payload, "s1", "token=hunter2hunter2", Masker());
  EXPECT_EQ(payload, R"({"session_id":"s1","tag":"token=[masked]"})");
}

class TagTest : public testing::Test {
 protected:
  Ledger Open() { return Get(Ledger::Open(ledger_.directory.path(), Ledger::Mode::kRead)); }
  void Tag(Ledger& ledger, const std::string& session, const std::string& tag) {
    Get(TagSession(ledger.store(),
                   {.identity = TestIdentity("tag-" + std::to_string(++tags_)),
                    .clock = StepClock(1800000000000),
                    .session_id = session,
                    .tag = tag},
                   Masker(), Get(ledger.Signer())));
  }
  static std::vector<std::string> Ids(Ledger& ledger, std::optional<std::uint64_t> last) {
    std::vector<std::string> ids;
    Get(ledger.Sessions(last, [&ids](const SessionInfo& info) -> base::Result<bool> {
      ids.push_back(info.session.session_id);
      return true;
    }));
    return ids;
  }
  static void ExpectVerifies(Ledger& ledger) {
    const VerifyReport report = Get(ledger.Verify());
    EXPECT_TRUE(report.ok()) << report.findings.first().front().what;
  }

  FilledLedger ledger_{{"s1", "s2"}};
  int tags_ = 0;
};

TEST_F(TagTest, TheNewestHoldsAndTheOldOnesStay) {
  Ledger ledger = Open();
  EXPECT_EQ(Get(ledger.FindSession("s1")).tag, "nightly");
  Tag(ledger, "s1", "first");
  Tag(ledger, "s1", "second");
  const SessionInfo info = Get(ledger.FindSession("s1"));
  EXPECT_EQ(info.tag, "second");
  EXPECT_EQ(info.session.tag, "nightly");
  EXPECT_EQ(Get(ledger.FindSession("s2")).tag, "nightly");
  const Taggings taggings = Get(ledger.ReadTags());
  ASSERT_EQ(taggings.size(), 1U);
  const auto& given = taggings.at("s1");
  ASSERT_EQ(given.size(), 2U);
  EXPECT_EQ(given[0].tag, "first");
  EXPECT_EQ(given[1].recorded_by, "tag-2");
  EXPECT_GE(given[1].ts_unix_ms, 1800000000000);
  ExpectVerifies(ledger);
}

TEST_F(TagTest, AnEmptyOneTakesTheTagAway) {
  Ledger ledger = Open();
  Tag(ledger, "s1", "");
  EXPECT_EQ(Get(ledger.FindSession("s1")).tag, std::nullopt);
}

TEST_F(TagTest, RecordsAreNoSessionsOfTheirOwn) {
  Ledger ledger = Open();
  Tag(ledger, "s1", "x");
  Tag(ledger, "s2", "y");
  EXPECT_THAT(Ids(ledger, std::nullopt), ElementsAre("s1", "s2"));
  EXPECT_THAT(Ids(ledger, 1), ElementsAre("s2"));
  EXPECT_THAT(Ids(ledger, 2), ElementsAre("s1", "s2"));
  EXPECT_EQ(Get(ledger.FindSession("tag-1")).session.mode, "tag");
}

TEST_F(TagTest, SessionsAreFoundByTheirNewestTag) {
  Ledger ledger = Open();
  const auto several = ledger.FindSession("nightly");
  ASSERT_FALSE(several);
  EXPECT_EQ(several.error().code(), base::Errc::kInvalid);
  EXPECT_THAT(several.error().message(), HasSubstr("s2"));
  Tag(ledger, "s2", "good");
  EXPECT_EQ(Get(ledger.FindSession("good")).session.session_id, "s2");
  EXPECT_EQ(Get(ledger.FindSession("nightly")).session.session_id, "s1");
  EXPECT_FALSE(ledger.FindSession("goo"));
}

TEST_F(TagTest, AnIdWinsAndABeginningOfAnotherDoesNot) {
  Ledger ledger = Open();
  Tag(ledger, "s1", "s2");
  EXPECT_EQ(Get(ledger.FindSession("s2")).session.session_id, "s2");
  Tag(ledger, "s1", "s");
  EXPECT_FALSE(ledger.FindSession("s")) << "s1 by its tag, s2 by its beginning";
}

TEST_F(TagTest, APurgedTagIsGone) {
  Ledger ledger = Open();
  Tag(ledger, "s1", "secret");
  Get(Purge(ledger.store(), {.session_id = "tag-1"},
            {.identity = TestIdentity("purge-1"), .clock = StepClock(1800000000000)},
            Get(ledger.Signer())));
  EXPECT_EQ(Get(ledger.FindSession("s1")).tag, "nightly");
  EXPECT_THAT(Get(ledger.ReadTags()), IsEmpty());
  EXPECT_THAT(Ids(ledger, std::nullopt), ElementsAre("s1", "s2", "purge-1"));
  ExpectVerifies(ledger);
}

}  // namespace
}  // namespace aegis::ledger
