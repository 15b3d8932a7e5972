#include "observe/recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "config/test_directory.h"
#include "decision/decision.h"
#include "ledger/ledger.h"
#include "observe/diff.h"
#include "observe/event.h"
#include "observe/gap.h"
#include "observe/snapshot.h"
#include "policy/policy.h"

namespace aegis::observe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kPolicy = R"(
@id("all") permit(principal, action, resource);
@id("no-env") forbid(principal, action, resource in Aegis::Resource::"*/.env");
)";

class RecorderTest : public testing::Test {
 protected:
  void SetUp() override {
    auto policies =
        policy::PolicySet::Load({{"test.cedar", kPolicy}}, {"agent", "/home/u", "/srv"});
    ASSERT_TRUE(policies) << policies.error().message();
    auto journal = ledger::JournalWriter::Create(files_ / "journal", {"local", "u", "s1"});
    ASSERT_TRUE(journal) << journal.error().message();
    journal_.emplace(*std::move(journal));
    recorder_.emplace(decision::Decider(*std::move(policies), {}), *journal_, ledger::Masker(),
                      "/srv", [] {});
  }

  // "TYPE payload" of each entry; appending has checked that they are canonical.
  std::vector<std::string> Recorded() {
    std::vector<std::string> entries;
    auto reader = ledger::JournalReader::Open(files_ / "journal");
    EXPECT_TRUE(reader);
    EXPECT_TRUE(reader->Read(
        reader->marks()->committed, [&](const ledger::EntryView& entry) -> base::Result<bool> {
          entries.push_back(std::string(entry.event_type) + " " + std::string(entry.payload));
          return true;
        }));
    return entries;
  }

  config::TestDirectory files_;
  std::optional<ledger::JournalWriter> journal_;
  std::optional<Recorder> recorder_;
};

TEST_F(RecorderTest, AnEventIsJudgedAndRecordedAsWhatHasHappened) {
  const std::vector<Event> events = {
      {.kind = EventKind::kCreate, .path = "/srv/f", .pid = 7, .exe = "/bin/sh"},
      {.kind = EventKind::kModify, .path = "/srv/.env"}};
  ASSERT_TRUE(recorder_->Observed(events));
  EXPECT_THAT(
      Recorded(),
      ElementsAre(
          R"(ACTION_OBSERVED {"action":"FileWrite","context":{"exe":"/bin/sh","operation":"create",)"
          R"("pid":7},"decision":"allow","policies":["all"],"reason":"POLICY_PERMIT",)"
          R"("resource":"/srv/f"})",
          R"(ACTION_OBSERVED {"action":"FileWrite","context":{"enforced":false,"operation":"write"},)"
          R"("decision":"deny","policies":["no-env"],"reason":"POLICY_FORBID",)"
          R"("resource":"/srv/.env"})"));
  EXPECT_EQ(recorder_->actions(), 2U);
  EXPECT_EQ(recorder_->denials(), 1U);
}

TEST_F(RecorderTest, ARenamingIsTwoActions) {
  ASSERT_TRUE(recorder_->Observed(
      std::vector<Event>{{.kind = EventKind::kRename, .path = "/srv/a", .target = "/srv/b"},
                         {.kind = EventKind::kRename, .path = {}, .target = "/srv/in"},
                         {.kind = EventKind::kRename, .path = "/srv/out"}}));
  const auto recorded = Recorded();
  ASSERT_EQ(recorded.size(), 4U);
  EXPECT_THAT(recorded[0],
              HasSubstr(R"("FileDelete","context":{"operation":"rename","target":"/srv/b"})"));
  EXPECT_THAT(recorded[1],
              HasSubstr(R"("FileWrite","context":{"operation":"rename","target":"/srv/a"})"));
  EXPECT_THAT(recorded[2], HasSubstr(R"("resource":"/srv/in")"));
  EXPECT_THAT(recorded[3], HasSubstr(R"("resource":"/srv/out")"));
}

TEST_F(RecorderTest, TheSameAgainIsSaidOnceUnlessSomethingCameBetween) {
  const Event write{.kind = EventKind::kModify, .path = "/srv/f", .pid = 1};
  const Event remove{.kind = EventKind::kDelete, .path = "/srv/f", .pid = 1};
  Event other = write;
  other.pid = 2;
  ASSERT_TRUE(recorder_->Observed(std::vector<Event>{write, write, write, remove, write, other}));
  EXPECT_EQ(recorder_->actions(), 4U);
  ASSERT_TRUE(recorder_->Observed(std::vector<Event>{write}));
  EXPECT_EQ(recorder_->actions(), 5U) << "another batch";
}

TEST_F(RecorderTest, ActionsOfEveryKind) {
  ASSERT_TRUE(recorder_->Observed(
      std::vector<Event>{{.kind = EventKind::kCreate, .directory = true, .path = "/srv/d"},
                         {.kind = EventKind::kRead, .path = "/srv/f"},
                         {.kind = EventKind::kMetadata, .path = "/srv/g"},
                         {.kind = EventKind::kDelete, .directory = true, .path = "/srv/d"}}));
  EXPECT_THAT(Recorded(), ElementsAre(HasSubstr("DirCreate"), HasSubstr("FileRead"),
                                      HasSubstr("FileWrite"), HasSubstr("FileDelete")));
}

TEST_F(RecorderTest, AChangeSaysWhatWasAndWhatIs) {
  Node node{.mode = 0644, .uid = 1, .gid = 2, .size = 3, .inode = 4, .mtime_ns = -1};
  node.digest = canon::HashSha256("x");
  ASSERT_TRUE(recorder_->Changed({.kind = ChangeKind::kRenamed,
                                  .name = "a\n\xff",
                                  .target = "b",
                                  .before = node,
                                  .what = {"mode"}}));
  node.inode = UINT64_MAX;
  node.type = NodeType::kDirectory;
  node.digest.reset();
  ASSERT_TRUE(recorder_->Changed({.kind = ChangeKind::kCreated, .name = "d", .after = node}));
  EXPECT_THAT(
      Recorded(),
      ElementsAre(
          R"(NAME_CHANGED {"before":{"digest":")" +
              canon::HexEncode(canon::HashSha256("x").view()) +
              R"(","gid":2,"inode":4,"mode":"0644","mtime":"-1.999999999","size":3,"type":"file",)"
              R"("uid":1},"change":"renamed","context":{"target":"/srv/b"},)"
              R"("resource":"/srv/a\n\\xff","what":["mode"]})",
          R"(NAME_CHANGED {"after":{"gid":2,"mode":"0644","mtime":"-1.999999999","type":"directory",)"
          R"("uid":1},"change":"created","resource":"/srv/d"})"));
}

TEST_F(RecorderTest, SnapshotsAndTheirGapsAreRecorded) {
  Snapshot snapshot;
  snapshot.names = {{.name = "f", .node = {}}};
  snapshot.gaps.Add({.kind = GapKind::kUnreadable, .name = "d", .detail = "why", .hides = true});
  ASSERT_TRUE(recorder_->Taken("before", snapshot));
  ASSERT_TRUE(recorder_->Taken("after", {}, {{ChangeKind::kDeleted, 1}}));
  const auto recorded = Recorded();
  ASSERT_EQ(recorded.size(), 3U);
  EXPECT_THAT(recorded[0], HasSubstr(R"("dir":"/srv","gaps":1,"names":1,"phase":"before"})"));
  EXPECT_EQ(recorded[1], R"(WATCH_GAP {"detail":"why","kind":"unreadable","resource":"/srv/d"})");
  EXPECT_THAT(recorded[2], HasSubstr(R"({"changes":{"deleted":1},"digest":"e3b0c44298fc)"));
  EXPECT_EQ(recorder_->gaps().total(), 1U);
}

TEST_F(RecorderTest, WhatCannotBeRecordedIsAnError) {
  ledger::JournalOptions options;
  options.max_bytes = std::uint64_t{1} << 20U;
  auto small = ledger::JournalWriter::Create(files_ / "small", {"local", "u", "s2"}, options);
  ASSERT_TRUE(small);
  auto policies = policy::PolicySet::Load({{"test.cedar", kPolicy}}, {"agent", "/home/u", "/srv"});
  ASSERT_TRUE(policies);
  Recorder recorder(decision::Decider(*std::move(policies), {}), *small, ledger::Masker(), "/srv",
                    [] {});
  base::Result<> result;
  for (int i = 0; i < 10'000 && result; ++i) {
    result = recorder.Observed(std::vector<Event>{{.kind = EventKind::kDelete, .path = "/srv/f"}});
  }
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), base::Errc::kExhausted);
}

}  // namespace
}  // namespace aegis::observe
