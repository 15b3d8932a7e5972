#include "cli/sessions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "ledger/ledger.h"

namespace aegis::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

ledger::SessionInfo Ended() {
  ledger::SessionInfo info;
  info.session.session_id = "s-1";
  info.session.mode = "run";
  info.session.command = "git";
  info.session.argv = R"(["git","status"])";
  info.session.exit_code = 3;
  info.session.ended_ms = 1000;
  info.session.actions = 7;
  info.session.denials = 2;
  info.state = ledger::SessionState::kEnded;
  return info;
}

TEST(SessionJson, HasWhatIsKnown) {
  const auto json = SessionJson(Ended(), {.name = "full", .detail = "why"});
  EXPECT_EQ(json["session_id"], "s-1");
  EXPECT_EQ(json["argv"][1], "status");
  EXPECT_EQ(json["exit_code"], 3);
  EXPECT_EQ(json["ended"], "1970-01-01T00:00:01.000Z");
  EXPECT_TRUE(json["signal"].is_null());
  EXPECT_EQ(json["state"], "ended");
  EXPECT_EQ(json["level"], "full");
  EXPECT_EQ(json["level_detail"], "why");
}

TEST(SessionJson, SurvivesTamperedArguments) {
  auto info = Ended();
  for (const char* argv : {"", "{", "3", "[\"\\ud800\"]"}) {
    info.session.argv = argv;
    EXPECT_FALSE(SessionJson(info, {})["argv"].is_object()) << argv;
  }
}

TEST(SessionLine, SaysHowItEnded) {
  auto info = Ended();
  EXPECT_THAT(SessionLine(info, {.name = "full"}), HasSubstr("exit 3"));
  info.session.signal = 9;
  EXPECT_THAT(SessionLine(info, {.name = "full"}), HasSubstr("signal 9"));
  info.session.signal.reset();
  info.session.exit_code.reset();
  info.state = ledger::SessionState::kUnknown;
  EXPECT_THAT(SessionLine(info, {.name = "full"}), HasSubstr("died"));
  info.state = ledger::SessionState::kRunning;
  EXPECT_THAT(SessionLine(info, {.name = "full"}), HasSubstr("running"));
}

TEST(SessionLine, SaysAnUnusualLevel) {
  EXPECT_THAT(SessionLine(Ended(), {.name = "full"}), HasSubstr("2 denied  git"));
  EXPECT_THAT(SessionLine(Ended(), {.name = "writes"}), HasSubstr("2 denied, level writes  git"));
  EXPECT_THAT(SessionLine(Ended(), {.name = "full", .detail = "x"}),
              HasSubstr("2 denied, level full, not writes  git"));
  EXPECT_THAT(SessionLine(Ended(), {}), HasSubstr("2 denied, level unknown  git"));
}

TEST(SessionLine, IsOneHarmlessLine) {
  auto info = Ended();
  info.session.command = "x\n\x1b[2J\u202e";
  info.tag = "t\r";
  const std::string line = SessionLine(info, {.name = "full"});
  EXPECT_THAT(line, Not(HasSubstr("\n")));
  EXPECT_THAT(line, Not(HasSubstr("\x1b")));
  EXPECT_THAT(line, Not(HasSubstr("\u202e")));
  EXPECT_THAT(line, Not(HasSubstr("\r")));
}

}  // namespace
}  // namespace aegis::cli
