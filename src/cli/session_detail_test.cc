#include "cli/session_detail.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <string>

#include "cli/activity.h"
#include "cli/output.h"
#include "ledger/ledger.h"

namespace aegis::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

SessionDetail Sample() {
  SessionDetail detail{.info = {}, .activity = Activity(100)};
  detail.info.session.session_id = "s-1";
  detail.info.session.command = "git";
  detail.info.tag = "new";
  detail.info.session.tag = "old";
  detail.policies = {"default.cedar", "programs.cedar"};
  detail.tags = {{.tag = "old", .user_id = "u"},
                 {.tag = "new", .user_id = "u", .ts_unix_ms = 1000}};
  for (int i = 0; i < 12; ++i) {
    detail.activity.Add({.action = "FileWrite",
                         .resource = "/etc/" + std::to_string(i),
                         .reason = "NO_PERMIT",
                         .fate = Fate::kDenied});
  }
  detail.activity.Add(
      {.action = "ProcessSpawn", .resource = "/bin/\x1b[2Jx\n", .fate = Fate::kPermitted});
  return detail;
}

std::string Printed(const SessionDetail& detail) {
  std::array<int, 2> ends{};
  EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  Output out(ends[1]);
  PrintDetail(out, detail);
  EXPECT_TRUE(out.Flush());
  close(ends[1]);
  std::string text(65536, '\0');
  const ssize_t size = read(ends[0], text.data(), text.size());
  close(ends[0]);
  text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return text;
}

TEST(SessionDetail, SaysWhatIsKnown) {
  const auto json = DetailJson(Sample());
  EXPECT_EQ(json["session_id"], "s-1");
  EXPECT_EQ(json["tag"], "new");
  EXPECT_EQ(json["tags"][0]["tag"], "old");
  EXPECT_EQ(json["tags"][1]["time"], "1970-01-01T00:00:01.000Z");
  EXPECT_EQ(json["policies"][1], "programs.cedar");
  EXPECT_EQ(json["by_action"][0]["denied"], 12);
  EXPECT_EQ(json["denied"].size(), 12U);
  EXPECT_EQ(json["denied"][0]["resource"], "/etc/0");
  EXPECT_EQ(json["files"]["written"], 12);
}

TEST(SessionDetail, SaysItsPublishedPorts) {
  SessionDetail detail = Sample();
  EXPECT_TRUE(DetailJson(detail)["published_ports"].empty());
  EXPECT_TRUE(DetailJson(detail)["published_connections"].is_null());
  EXPECT_THAT(Printed(detail), Not(HasSubstr("published")));
  detail.published_ports = {"127.0.0.1:8080:3000", "[::1]:1:2"};
  EXPECT_THAT(Printed(detail), HasSubstr("127.0.0.1:8080:3000, [::1]:1:2\n"));
  detail.published_connections = 7;
  EXPECT_EQ(DetailJson(detail)["published_ports"][0], "127.0.0.1:8080:3000");
  EXPECT_EQ(DetailJson(detail)["published_connections"], 7);
  EXPECT_THAT(Printed(detail), HasSubstr("[::1]:1:2 (7 connections)\n"));
}

TEST(SessionDetail, IsShortForPeople) {
  const std::string text = Printed(Sample());
  EXPECT_THAT(text, HasSubstr("policies       default.cedar, programs.cedar\n"));
  EXPECT_THAT(text, HasSubstr("  1970-01-01T00:00:01.000Z  u  new\n"));
  EXPECT_THAT(text, HasSubstr("  FileWrite  12 denied\n"));
  EXPECT_THAT(text, HasSubstr("  FileWrite /etc/0  NO_PERMIT  1 denied\n"));
  EXPECT_THAT(text, HasSubstr("  and 2 more\n"));
  EXPECT_THAT(text, Not(HasSubstr("hosts")));
}

TEST(SessionDetail, SaysWhichHostsWereReachedOpaquely) {
  auto detail = Sample();
  for (const bool opaque : {false, true}) {
    detail.activity.Add({.action = "NetConnect",
                         .resource = opaque ? "forge.example:22" : "web.example:443",
                         .reason = "POLICY_PERMIT",
                         .fate = Fate::kPermitted,
                         .opaque = opaque});
  }
  const std::string text = Printed(detail);
  EXPECT_THAT(text, HasSubstr("  forge.example:22  1 permitted, 1 opaque: can carry anything\n"));
  EXPECT_THAT(text, HasSubstr("  web.example:443  1 permitted\n"));
  EXPECT_EQ(DetailJson(detail)["hosts"][0]["opaque"], 1);
}

TEST(SessionDetail, NamesAreHarmless) {
  const std::string text = Printed(Sample());
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, HasSubstr("\\u{1b}[2Jx\\u{a}"));
}

TEST(SessionDetail, SaysItsLevel) {
  auto detail = Sample();
  EXPECT_THAT(Printed(detail), HasSubstr("level          unknown ("));
  detail.level = {.name = "writes"};
  EXPECT_THAT(Printed(detail), HasSubstr("level          writes (plain reads left no entries)\n"));
  EXPECT_EQ(DetailJson(detail)["level"], "writes");
  detail.level = {.name = "full", .detail = "x\n"};
  EXPECT_THAT(Printed(detail), HasSubstr("level          full, not writes as asked: x\\u{a}\n"));
}

TEST(SessionDetail, OneTagNeedsNoHistory) {
  auto detail = Sample();
  detail.tags.resize(1);
  detail.info.tag = "old";
  EXPECT_THAT(Printed(detail), Not(HasSubstr("tags")));
}

}  // namespace
}  // namespace aegis::cli
