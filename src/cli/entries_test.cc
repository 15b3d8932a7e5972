#include "cli/entries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "cli/output.h"
#include "ledger/ledger.h"

namespace aegis::cli {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

ledger::EntryView Entry(std::string_view type, std::string_view payload) {
  ledger::EntryView entry;
  entry.tenant_id = "local";
  entry.user_id = "u";
  entry.session_id = "s-1";
  entry.event_type = type;
  entry.payload = payload;
  return entry;
}

std::string Line(std::string_view type, std::string_view payload) {
  const Output out(-1);
  return EntryLine(out, Entry(type, payload));
}

TEST(EntryLine, ShowsDecisions) {
  EXPECT_EQ(Line("ACTION_DECIDED",
                 R"({"action":"FileRead","context":{},"decision":"allow","policies":["p"],)"
                 R"("reason":"POLICY_PERMIT","resource":"/etc/hosts"})"),
            "1970-01-01T00:00:00.000Z  allow   FileRead      /etc/hosts");
  EXPECT_THAT(
      Line("ACTION_DECIDED",
           R"({"action":"FileWrite","decision":"deny","reason":"NO_PERMIT","resource":"/x"})"),
      EndsWith("deny    FileWrite     /x  NO_PERMIT"));
}

TEST(EntryLine, MarksWhatWasNotEnforced) {
  EXPECT_THAT(Line("ACTION_DECIDED", R"({"action":"FileRead","context":{"enforced":false},)"
                                     R"("decision":"deny","reason":"NO_PERMIT","resource":"/x"})"),
              HasSubstr("(deny)"));
}

TEST(EntryLine, ShowsWatches) {
  EXPECT_THAT(Line("SESSION_STARTED", R"({"mode":"watch","dir":"/srv"})"),
              EndsWith("session       s-1 watch /srv"));
  EXPECT_THAT(Line("WATCH_STARTED", R"({"dir":"/srv","source":"inotify"})"),
              EndsWith("watch         /srv by inotify"));
  EXPECT_THAT(Line("SNAPSHOT_TAKEN", R"({"dir":"/srv","names":3,"phase":"before"})"),
              EndsWith("snapshot      /srv before: 3 names"));
  EXPECT_THAT(Line("ACTION_OBSERVED",
                   R"({"action":"FileWrite","context":{"enforced":false},"decision":"deny",)"
                   R"("reason":"NO_PERMIT","resource":"/srv/f"})"),
              EndsWith("(deny)  FileWrite     /srv/f  NO_PERMIT"));
  EXPECT_THAT(Line("WATCH_GAP", R"({"detail":"why","kind":"mount","resource":"/srv/m"})"),
              EndsWith("gap           /srv/m  why"));
  EXPECT_THAT(
      Line("NAME_CHANGED", R"({"change":"renamed","context":{"target":"/b"},"resource":"/a"})"),
      EndsWith("renamed       /a -> /b"));
  EXPECT_THAT(Line("SESSION_ENDED", R"({"detail":"stopped"})"),
              EndsWith("ended         s-1 stopped"));
}

TEST(EntryLine, ShowsOutcomesAndSessions) {
  EXPECT_THAT(Line("ACTION_FINISHED",
                   R"({"action":"ProcessExit","context":{"exit_code":3},"resource":"/bin/sh"})"),
              EndsWith("ProcessExit   /bin/sh  exit 3"));
  EXPECT_THAT(Line("ACTION_FINISHED",
                   R"({"action":"ProcessSpawn","context":{"pid":3},"resource":"/bin/sh"})"),
              EndsWith("ProcessSpawn  /bin/sh  began as 3"));
  EXPECT_THAT(Line("PROCESS_STARTED", R"({"image":"/bin/sh","parent":3,"pid":4})"),
              EndsWith("process       /bin/sh  4, made by 3"));
  EXPECT_THAT(Line("POLICY_CHANGED", R"({"from":"aaaaaaaaaaaaaaaa","to":"bbbbbbbbbbbbbbbb"})"),
              HasSubstr("changed from aaaaaaaaaaaa to bbbbbbbbbbbb"));
  EXPECT_THAT(Line("POLICY_KEPT", R"({"detail":"p:1:1: why","digest":"aaaaaaaaaaaaaaaa"})"),
              HasSubstr("kept aaaaaaaaaaaa: p:1:1: why"));
  EXPECT_THAT(Line("SESSION_STARTED", R"({"mode":"run","command":"git"})"),
              EndsWith("session       s-1 run git"));
  EXPECT_THAT(Line("SESSION_ENDED", R"({"signal":9})"), EndsWith("ended         s-1 signal 9"));
  EXPECT_THAT(Line("SESSION_TAGGED", R"({"session_id":"s-2","tag":"good"})"),
              EndsWith("tag           s-2 good"));
  EXPECT_THAT(Line("SOMETHING_ELSE", "{}"), HasSubstr("SOMETHING_ELSE"));
}

TEST(EntryLine, ErasedEntriesAreWhatIsLeft) {
  ledger::EntryView entry;
  entry.session_id = "s-1";
  entry.seq = 7;
  entry.erased = true;
  EXPECT_EQ(EntryLine(Output(-1), entry), std::string(34, ' ') + "erased        s-1 seq 7");
}

TEST(EntryLine, SurvivesTamperedPayloads) {
  for (const std::string_view payload :
       {"", "{", "[]", "3", "null", R"({"action":1,"resource":[],"decision":{},"context":"x"})",
        R"({"context":{"exit_code":"x","enforced":"no"}})", "\xff"}) {
    for (const std::string_view type :
         {"ACTION_DECIDED", "ACTION_FINISHED", "SESSION_STARTED", "SESSION_ENDED", ""}) {
      EXPECT_THAT(Line(type, payload), StartsWith("1970-01-01")) << type << payload;
    }
  }
}

TEST(EntryLine, IsOneHarmlessLine) {
  const std::string line =
      Line("ACTION_DECIDED",
           "{\"action\":\"FileRead\",\"decision\":\"deny\",\"reason\":\"\\u001b[0m\","
           "\"resource\":\"/a\\nb\\u001b]0;x\\u0007\u202e\"}");
  EXPECT_THAT(line, Not(HasSubstr("\n")));
  EXPECT_THAT(line, Not(HasSubstr("\x1b")));
  EXPECT_THAT(line, Not(HasSubstr("\u202e")));
  EXPECT_THAT(line, HasSubstr("/a\\u{a}b"));
}

TEST(EntryJson, IsTheEnvelopeInOneLine) {
  const std::string text = EntryJson(Entry("ACTION_DECIDED", "{\"resource\":\"/a\\n\u202e\x7f\"}"));
  EXPECT_THAT(text, Not(HasSubstr("\n")));
  EXPECT_THAT(text, Not(HasSubstr("\u202e")));
  EXPECT_THAT(text, Not(HasSubstr("\x7f")));
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json["payload"]["resource"], "/a\n\u202e\x7f");
  EXPECT_EQ(json["session_id"], "s-1");
  EXPECT_FALSE(json.contains("prev_hash"));
}

}  // namespace
}  // namespace aegis::cli
