#include "cli/activity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/activity_view.h"
#include "ledger/ledger.h"

namespace aegis::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

ledger::EntryView Entry(std::string_view payload) {
  ledger::EntryView entry;
  entry.event_type = ledger::kActionDecided;
  entry.payload = payload;
  return entry;
}

Decided Of(std::string action, std::string resource, Fate fate) {
  return {.action = std::move(action),
          .resource = std::move(resource),
          .reason = fate == Fate::kPermitted ? "POLICY_PERMIT" : "POLICY_FORBID",
          .policies = {"p"},
          .fate = fate};
}

constexpr std::string_view kDenied =
    R"({"action":"FileRead","context":{"pid":7},"decision":"deny","policies":["a","b\"c"],)"
    R"("reason":"POLICY_FORBID","resource":"/home/u/.ssh/id"})";

TEST(DecidedIn, ReadsADecision) {
  const auto decided = DecidedIn(Entry(kDenied));
  ASSERT_TRUE(decided);
  EXPECT_EQ(decided->action, "FileRead");
  EXPECT_EQ(decided->resource, "/home/u/.ssh/id");
  EXPECT_EQ(decided->reason, "POLICY_FORBID");
  EXPECT_THAT(decided->policies, ElementsAre("a", "b\"c"));
  EXPECT_EQ(decided->fate, Fate::kDenied);
}

TEST(DecidedIn, TellsWhatWasDoneFromWhatWasNot) {
  const auto fate = [](std::string_view payload) { return DecidedIn(Entry(payload))->fate; };
  EXPECT_EQ(fate(R"({"action":"A","decision":"allow","resource":"/x"})"), Fate::kPermitted);
  EXPECT_EQ(fate(R"({"action":"A","context":{"enforced":false},"decision":"deny"})"),
            Fate::kLetThrough);
  EXPECT_EQ(fate(R"({"action":"A","context":{"enforced":true},"decision":"deny"})"), Fate::kDenied);
  EXPECT_EQ(fate(R"({"action":"A","decision":"whatever"})"), Fate::kDenied);
}

TEST(DecidedIn, IsNothingForOtherEntries) {
  for (const std::string_view payload : {"", "{", "[]", "{}", "3", R"({"decision":)", "\xff"}) {
    EXPECT_EQ(DecidedIn(Entry(payload)), std::nullopt) << payload;
  }
  auto entry = Entry(kDenied);
  entry.event_type = ledger::kActionObserved;
  EXPECT_TRUE(DecidedIn(entry)) << "it says what was decided as well";
  entry.event_type = ledger::kActionFinished;
  EXPECT_FALSE(DecidedIn(entry));
  entry = Entry(kDenied);
  entry.erased = true;
  EXPECT_FALSE(DecidedIn(entry));
}

TEST(DecidedIn, SurvivesTamperedPayloads) {
  const auto decided =
      DecidedIn(Entry(R"({"action":3,"context":[],"decision":{},"policies":{},"resource":null})"));
  ASSERT_TRUE(decided);
  EXPECT_EQ(decided->action, "");
  EXPECT_THAT(decided->policies, IsEmpty());
  EXPECT_EQ(decided->fate, Fate::kDenied);
  EXPECT_THAT(DecidedIn(Entry(R"({"decision":"deny","policies":["a",3,"b"]})"))->policies,
              ElementsAre("a"));
}

TEST(DecidedIn, OnlyWhatWasPermittedUnseenIsOpaque) {
  const auto opaque = [](std::string_view context, std::string_view decision = "allow") {
    return DecidedIn(Entry(R"({"action":"NetConnect","context":{)" + std::string(context) +
                           R"(},"decision":")" + std::string(decision) + R"("})"))
        ->opaque;
  };
  EXPECT_TRUE(opaque(R"("host":"h","inspection":"none")"));
  EXPECT_FALSE(opaque(R"("host":"h","inspection":"name")"));
  EXPECT_FALSE(opaque(R"("host":"h")"));
  EXPECT_FALSE(opaque(R"("inspection":3)"));
  EXPECT_FALSE(opaque(R"("inspection":"none")", "deny"));
}

TEST(Tally, CountsByNameAndTheOthersTogether) {
  Tally<std::string> tally(2);
  for (const std::string_view name : {"b", "a", "c", "a", "d"}) {
    tally.Add(name, Fate::kPermitted);
  }
  tally.Add(std::string_view("b"), Fate::kLetThrough);
  ASSERT_EQ(tally.rows().size(), 2U);
  EXPECT_EQ(tally.rows().find("a")->second, (Fates{.permitted = 2}));
  EXPECT_EQ(tally.rows().find("b")->second, (Fates{.permitted = 1, .let_through = 1}));
  EXPECT_EQ(tally.others(), (Fates{.permitted = 2}));
}

TEST(Tally, TopIsTheMostFrequentThenByName) {
  Tally<std::string> tally(9);
  for (const std::string_view name : {"d", "c", "b", "c"}) {
    tally.Add(name, Fate::kDenied);
  }
  tally.Add(std::string_view("a"), Fate::kPermitted);
  const auto names = [&tally](std::size_t count) {
    std::string joined;
    for (const auto& [name, fates] : tally.Top(count, &Fates::refusals)) {
      joined += name;
    }
    return joined;
  };
  EXPECT_EQ(names(9), "cbd");
  EXPECT_EQ(names(2), "cb");
  EXPECT_EQ(names(0), "");
}

TEST(Activity, PutsResourcesWhereTheyBelong) {
  Activity activity(100);
  activity.Add(Of("FileRead", "/r", Fate::kPermitted));
  activity.Add(Of("FileWrite", "/w", Fate::kPermitted));
  activity.Add(Of("DirCreate", "/d", Fate::kPermitted));
  activity.Add(Of("FileDelete", "/x", Fate::kPermitted));
  activity.Add(Of("ProcessSpawn", "/bin/sh", Fate::kPermitted));
  activity.Add(Of("NetConnect", "a:1", Fate::kPermitted));
  activity.Add(Of("ToolCall", "t", Fate::kPermitted));
  activity.Add(Of("Unheard", "/u", Fate::kPermitted));
  EXPECT_THAT(activity.read.rows(), ElementsAre(Pair("/r", testing::_)));
  EXPECT_THAT(activity.written.rows(), ElementsAre(Pair("/d", testing::_), Pair("/w", testing::_)));
  EXPECT_THAT(activity.deleted.rows(), ElementsAre(Pair("/x", testing::_)));
  EXPECT_THAT(activity.programs.rows(), ElementsAre(Pair("/bin/sh", testing::_)));
  EXPECT_THAT(activity.hosts.rows(), ElementsAre(Pair("a:1", testing::_)));
  EXPECT_THAT(activity.tools.rows(), ElementsAre(Pair("t", testing::_)));
  EXPECT_EQ(activity.actions.rows().size(), 8U);
  EXPECT_THAT(activity.denials.rows(), IsEmpty());
}

TEST(Activity, OpaqueHostsAreCounted) {
  Activity activity(2);
  Decided opaque = Of("NetConnect", "h:22", Fate::kPermitted);
  opaque.opaque = true;
  activity.Add(opaque);
  activity.Add(opaque);
  activity.Add(Of("NetConnect", "h:22", Fate::kPermitted));
  activity.Add(Of("NetConnect", "h:443", Fate::kPermitted));
  EXPECT_EQ(activity.hosts.rows().at("h:22"), (Fates{.permitted = 3, .opaque = 2}));
  EXPECT_EQ(activity.hosts.rows().at("h:443"), (Fates{.permitted = 1}));
  opaque.resource = "beyond:22";
  activity.Add(opaque);
  EXPECT_EQ(activity.hosts.Sum().opaque, 3U);
  opaque.action = "FileRead";
  activity.Add(opaque);
  EXPECT_EQ(activity.hosts.Sum().opaque, 3U) << "only connections are";
}

TEST(Activity, DenialsAreCountedByWhatDeniedThem) {
  Activity activity(100);
  activity.Add(Of("FileRead", "/r", Fate::kDenied));
  activity.Add(Of("FileRead", "/r", Fate::kLetThrough));
  Decided unpermitted = Of("FileWrite", "/w", Fate::kDenied);
  unpermitted.policies.clear();
  activity.Add(unpermitted);
  EXPECT_THAT(
      activity.denying_policies.rows(),
      ElementsAre(Pair("", Fates{.denied = 1}), Pair("p", Fates{.denied = 1, .let_through = 1})));
  EXPECT_EQ(activity.denials.rows().size(), 2U);
  EXPECT_EQ(activity.denied_resources.rows().find("/r")->second.refusals(), 2U);
}

TEST(ActivityView, SaysWhatIsNotNothing) {
  EXPECT_EQ(FatesText({}), "");
  EXPECT_EQ(FatesText({.permitted = 2, .let_through = 1}), "2 permitted, 1 let through");
  EXPECT_EQ(DenialText({.action = "FileRead", .resource = "/x", .reason = "NO_PERMIT"}),
            "FileRead /x  NO_PERMIT");
  EXPECT_EQ(DenialText({.action = "A", .resource = "/x", .reason = "R", .policies = {"p", "q"}}),
            "A /x  R (p, q)");
  EXPECT_EQ(RowsJson("host", {{"a:1", {.denied = 3}}}).dump(),
            R"([{"host":"a:1","permitted":0,"denied":3,"let_through":0}])");
}

TEST(BegunIn, ImagesAndWhatTheyRun) {
  const auto of = [](std::string_view payload, std::string_view type = ledger::kActionFinished) {
    return BegunIn({.event_type = type, .payload = payload});
  };
  constexpr std::string_view kScript =
      R"({"action":"ProcessSpawn","context":{"pid":7,"target":"/x/run"},"resource":"/bin/sh"})";
  EXPECT_THAT(of(kScript), ElementsAre("/bin/sh", "/x/run"));
  EXPECT_THAT(of(R"({"action":"ProcessSpawn","context":{"pid":7},"resource":"/bin/ls"})"),
              ElementsAre("/bin/ls"));
  EXPECT_THAT(of(kScript, ledger::kActionDecided), IsEmpty());
  EXPECT_THAT(of(R"({"action":"ProcessExit","context":{"pid":7},"resource":"/bin/ls"})"),
              IsEmpty());
  EXPECT_THAT(of(R"({"action":"ProcessSpawn","context":7,"resource":7})"), IsEmpty());
}

TEST(Activity, ProgramsThatBeganComeFirst) {
  Activity activity(10);
  for (int i = 0; i < 3; ++i) {
    activity.Add({.action = "ProcessSpawn", .resource = "/no/ls", .fate = Fate::kPermitted});
  }
  activity.Add({.action = "ProcessSpawn", .resource = "/bin/ls", .fate = Fate::kPermitted});
  activity.AddBegun({"/bin/ls"});
  activity.AddBegun({"/bin/sh", "/bin/sh"});  // decided before what is looked at
  std::vector<std::string> names;
  for (const auto& [name, fates] : activity.Programs(10)) {
    names.push_back(name + " " + std::to_string(fates.began) + " " + std::to_string(fates.total()));
  }
  EXPECT_THAT(names, ElementsAre("/bin/sh 2 0", "/bin/ls 1 1", "/no/ls 0 3"));
  EXPECT_EQ(activity.Programs(1).size(), 1U);
  EXPECT_EQ(activity.actions.Sum().total(), 4U);
}

}  // namespace
}  // namespace aegis::cli
