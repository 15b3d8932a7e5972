#include "cli/session_diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/activity.h"
#include "cli/session_detail.h"
#include "ledger/ledger.h"

namespace aegis::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using Actions = std::vector<std::pair<std::string, std::string>>;

SessionDetail With(const Actions& actions, Fate fate = Fate::kPermitted) {
  SessionDetail detail{.info = {}, .activity = Activity(SIZE_MAX)};
  detail.info.session.session_id = "s";
  detail.info.session.argv = R"(["make"])";
  detail.info.session.exit_code = 0;
  detail.info.state = ledger::SessionState::kEnded;
  for (const auto& [action, resource] : actions) {
    detail.activity.Add(
        {.action = action, .resource = resource, .reason = "NO_PERMIT", .fate = fate});
    if (action == "ProcessSpawn") {
      detail.activity.AddBegun({resource});
    }
  }
  return detail;
}

const SessionDiff::Names& Of(const SessionDiff& diff, std::string_view what) {
  for (const auto& names : diff.names) {
    if (names.what == what) {
      return names;
    }
  }
  ADD_FAILURE() << what;
  return diff.names.front();
}

TEST(Compare, AProgramThatNeverBeganIsNone) {
  SessionDetail tried = With({});
  tried.activity.Add({.action = "ProcessSpawn", .resource = "/no/such", .fate = Fate::kPermitted});
  EXPECT_TRUE(Compare(With({}), tried).equal());
}

TEST(Compare, HowOftenIsNoDifference) {
  const auto diff =
      Compare(With({{"FileRead", "/a"}}), With({{"FileRead", "/a"}, {"FileRead", "/a"}}));
  EXPECT_TRUE(diff.equal());
  EXPECT_EQ(Of(diff, "files read").first, 1U);
}

TEST(Compare, NamesThatOnlyOneHas) {
  const auto diff = Compare(
      With({{"FileRead", "/b"}, {"FileRead", "/a"}, {"FileRead", "/same"}, {"NetConnect", "h:1"}}),
      With({{"FileRead", "/same"}, {"ProcessSpawn", "/bin/sh"}, {"FileDelete", "/same"}}));
  EXPECT_FALSE(diff.equal());
  EXPECT_THAT(Of(diff, "files read").only_first, ElementsAre("/a", "/b"));
  EXPECT_THAT(Of(diff, "files read").only_second, IsEmpty());
  EXPECT_THAT(Of(diff, "files deleted").only_second, ElementsAre("/same"));
  EXPECT_THAT(Of(diff, "hosts").only_first, ElementsAre("h:1"));
  EXPECT_THAT(Of(diff, "programs").only_second, ElementsAre("/bin/sh"));
}

TEST(Compare, WhatWasDeniedWasNotDone) {
  const Actions read = {{"FileRead", "/a"}};
  const auto denied = Compare(With(read), With(read, Fate::kDenied));
  EXPECT_THAT(Of(denied, "files read").only_first, ElementsAre("/a"));
  EXPECT_THAT(Of(denied, "denials").only_second, ElementsAre("FileRead /a  NO_PERMIT"));
  const auto wrapped = Compare(With(read), With(read, Fate::kLetThrough));
  EXPECT_THAT(Of(wrapped, "files read").only_first, IsEmpty());
  EXPECT_EQ(Of(wrapped, "denials").second, 1U);
}

TEST(Compare, FactsThatDiffer) {
  auto other = With({});
  other.info.session.exit_code = 5;
  other.info.session.policy_digest = "d";
  other.info.session.tag = "a tag is no difference";
  const auto diff = Compare(With({}), other);
  ASSERT_EQ(diff.facts.size(), 2U);
  EXPECT_EQ(diff.facts[0].what, "policy digest");
  EXPECT_EQ(diff.facts[1].first, "exit 0");
  EXPECT_EQ(diff.facts[1].second, "exit 5");
  EXPECT_FALSE(diff.equal());
}

TEST(DiffJson, HasEachName) {
  const auto first = With({{"FileRead", "/a"}});
  const auto second = With({});
  const auto json = DiffJson(first, second, Compare(first, second));
  EXPECT_FALSE(json["equal"]);
  EXPECT_EQ(json["names"][0]["only_first"][0], "/a");
  EXPECT_EQ(json["first"]["session_id"], "s");
}

TEST(Collapse, LeavesWhatFits) {
  EXPECT_THAT(Collapse({"/a/b", "/c"}, 2), ElementsAre(Collapsed{"/a/b"}, Collapsed{"/c"}));
  EXPECT_THAT(Collapse({}, 0), IsEmpty());
}

TEST(Collapse, CutsAsLittleAsItCan) {
  const std::vector<std::string> names = {"/a/b/1", "/a/b/2", "/a/c/1", "/z"};
  EXPECT_THAT(Collapse(names, 3),
              ElementsAre(Collapsed{"/a/b/", 2}, Collapsed{"/a/c/1"}, Collapsed{"/z"}));
  EXPECT_THAT(Collapse(names, 2), ElementsAre(Collapsed{"/a/", 3}, Collapsed{"/z"}));
  EXPECT_THAT(Collapse(names, 1), ElementsAre(Collapsed{"/a/", 3}, Collapsed{"/z"}));
}

TEST(Collapse, LeavesWhatIsNoPath) {
  EXPECT_THAT(Collapse({"a:1", "b:2"}, 1), ElementsAre(Collapsed{"a:1"}, Collapsed{"b:2"}));
}

}  // namespace
}  // namespace aegis::cli
