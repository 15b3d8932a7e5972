#include "ledger/policy_set.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/entry.h"

namespace aegis::ledger {
namespace {

constexpr std::string_view kDigest =
    "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f809";

std::string Start(std::string_view stored) {
  return R"({"mode":"run","policy_digest":")" + std::string(kDigest) + R"(","policy_stored":)" +
         std::string(stored) + "}";
}

std::optional<std::string> Claimed(std::string_view type, const std::string& payload,
                                   bool erased = false) {
  return ClaimedPolicies({.event_type = type, .payload = payload, .erased = erased});
}

// printf 'a.cedar\0// a\0' | sha256sum
TEST(PolicySetTest, TheDigestIsOverNamesAndTexts) {
  const std::vector<PolicyText> one = {{.file = "a.cedar", .text = "// a"}};
  EXPECT_EQ(DigestOfPolicies(one),
            "67b8963b2916db62a131e44dda013db07e3fd6f58c9b1bf79b781c591b32aa02");
  EXPECT_NE(DigestOfPolicies({}), DigestOfPolicies(one));
  const std::vector<PolicyText> renamed = {{.file = "b.cedar", .text = "// a"}};
  EXPECT_NE(DigestOfPolicies(renamed), DigestOfPolicies(one));
  // Where one file ends and the next begins is part of it.
  const std::vector<PolicyText> two = {{.file = "a", .text = "bc"}, {.file = "d", .text = ""}};
  const std::vector<PolicyText> moved = {{.file = "a", .text = "b"}, {.file = "cd", .text = ""}};
  EXPECT_NE(DigestOfPolicies(two), DigestOfPolicies(moved));
}

TEST(PolicySetTest, EntriesSayWhatIsStored) {
  EXPECT_EQ(Claimed(kSessionStarted, Start("true")), kDigest);
  EXPECT_EQ(Claimed(kPolicyChanged, R"({"to":")" + std::string(kDigest) + R"("})"), kDigest);
}

TEST(PolicySetTest, OtherEntriesSayNothing) {
  // As ledgers before had it.
  EXPECT_FALSE(Claimed(kSessionStarted, R"({"policy_digest":")" + std::string(kDigest) + R"("})"));
  EXPECT_FALSE(Claimed(kSessionStarted, Start("false")));
  EXPECT_FALSE(Claimed(kSessionStarted, Start(R"("true")")));
  EXPECT_FALSE(Claimed(kActionDecided, Start("true")));
  EXPECT_FALSE(Claimed(kSessionStarted, Start("true"), true));
  for (const std::string_view digest : {"", "x", "1a2b", "1A2B"}) {
    EXPECT_FALSE(Claimed(kPolicyChanged, R"({"to":")" + std::string(digest) + R"("})")) << digest;
  }
  EXPECT_FALSE(Claimed(kPolicyChanged, R"({"to":7})"));
}

}  // namespace
}  // namespace aegis::ledger
