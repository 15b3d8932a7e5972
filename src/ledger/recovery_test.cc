#include "ledger/recovery.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>  // WEXITSTATUS
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "ledger/faulty_store.h"
#include "ledger/journal_format.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

using Call = FaultyStore::Call;
using Fault = FaultyStore::Fault;
using Kind = JournalFinding::Kind;

class RecoveryTest : public testing::Test {
 protected:
  RecoveryTest() { std::filesystem::create_directory(journals_); }

  std::string Path(const std::string& id) const { return journals_ + "/" + id + ".journal"; }
  JournalWriter Writer(const std::string& id) const {
    return Get(JournalWriter::Create(Path(id), TestIdentity(id), TestOptions()));
  }
  void LeaveDead(const std::string& id, int entries,
                 Durability durability = Durability::kOrdered) const {
    JournalWriter writer = Writer(id);
    for (int i = 0; i < entries; ++i) {
      Get(writer.Append("E", "{}", durability));
    }
  }
  std::vector<JournalFinding> Recover() { return Get(DrainDeadJournals(journals_, *store_)); }
  std::uint64_t Stored(const std::string& id) {
    const auto session = Get(store_->FindSession(id));
    return session ? session->head_seq + 1 : 0;
  }
  // Rewrites bytes of a journal and, as if the machine had been down since, of its boot.
  void Rewrite(const std::string& id, std::size_t at, std::string_view bytes, bool other_boot) {
    std::string content = Slurp(Path(id));
    content.replace(at, bytes.size(), bytes);
    if (other_boot) {
      journal::Header header = Get(journal::DecodeHeader(content));
      header.boot[0] = static_cast<char>(header.boot[0] ^ 1);
      content.replace(0, journal::kHeaderSize, EncodeHeader(header, 0));
    }
    Spill(Path(id), content);
  }

  int ids_ = 0;
  TempDirectory directory_;
  std::string journals_ = directory_.File("journal");
  std::unique_ptr<Store> store_ =
      Get(OpenSqliteStore(directory_.File("audit.db"), OpenMode::kCreate));
};

TEST_F(RecoveryTest, NothingToDoIsNoError) {
  EXPECT_TRUE(Recover().empty());
  EXPECT_TRUE(Get(DrainDeadJournals(directory_.File("none"), *store_)).empty());
}

TEST_F(RecoveryTest, DeadJournalsAreDrainedAndRemovedLiveOnesLeftAlone) {
  LeaveDead("dead1", 3);
  LeaveDead("dead2", 700);
  LeaveDead("empty", 0);
  JournalWriter live = Writer("live");
  Get(live.Append("E", "{}", Durability::kOrdered));
  const auto findings = Recover();
  ASSERT_EQ(findings.size(), 4U);
  EXPECT_EQ(findings[0].kind, Kind::kDrained);
  EXPECT_EQ(findings[0].entries, 3U);
  EXPECT_EQ(findings[1].entries, 700U);
  EXPECT_EQ(findings[2].kind, Kind::kDrained);
  EXPECT_EQ(findings[3].kind, Kind::kLive);
  EXPECT_EQ(Stored("dead1"), 3U);
  EXPECT_EQ(Stored("dead2"), 700U);
  EXPECT_EQ(Stored("live"), 0U);
  EXPECT_EQ(Get(ListJournals(journals_)), std::vector<std::string>{Path("live")});
  Get(live.Append("E", "{}", Durability::kOrdered));
}

TEST_F(RecoveryTest, AHalfDrainedJournalIsFinished) {
  {
    JournalWriter writer = Writer("half");
    Sequencer sequencer = Get(Sequencer::Attach(writer, *store_));
    Get(writer.Append("E", "{}", Durability::kOrdered));
    Get(sequencer.Drain());
    Get(writer.Append("E", "{}", Durability::kOrdered));
  }
  // As if the launcher had died between the commit and the mark.
  Rewrite("half", journal::kDrainedAt, std::string("\0\x10\0\0\0\0\0\0", 8), false);
  const auto findings = Recover();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].kind, Kind::kDrained);
  EXPECT_EQ(findings[0].entries, 1U);
  EXPECT_EQ(Stored("half"), 2U);
}

TEST_F(RecoveryTest, ADamagedJournalIsKeptAndHindersNoOther) {
  LeaveDead("a", 3);
  LeaveDead("bad", 3);
  LeaveDead("c", 3);
  Rewrite("bad", 4096 + 250, "X", false);
  const auto findings = Recover();
  ASSERT_EQ(findings.size(), 3U);
  EXPECT_EQ(findings[1].kind, Kind::kUndrained);
  EXPECT_NE(findings[1].detail, "");
  EXPECT_EQ(Stored("a"), 3U);
  EXPECT_EQ(Stored("c"), 3U);
  EXPECT_EQ(Stored("bad"), 1U);  // what is good before the damage
  EXPECT_EQ(Get(ListJournals(journals_)), std::vector<std::string>{Path("bad")});
  const auto again = Recover();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].kind, Kind::kUndrained);
}

TEST_F(RecoveryTest, AfterAPowerCutTheUnsyncedTailMayBeGone) {
  LeaveDead("cut", 3);
  Rewrite("cut", 4096 + 250, std::string(2000, '\0'), true);
  const auto findings = Recover();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].kind, Kind::kLostTail);
  EXPECT_EQ(Stored("cut"), 1U);
  EXPECT_TRUE(Get(ListJournals(journals_)).empty());
}

TEST_F(RecoveryTest, AfterAPowerCutWhatWasSyncedMustBeThere) {
  LeaveDead("synced", 3, Durability::kDurable);
  Rewrite("synced", 4096 + 250, std::string(2000, '\0'), true);
  const auto findings = Recover();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].kind, Kind::kUndrained);
}

TEST_F(RecoveryTest, AfterAPowerCutTheStoreMayKnowMore) {
  {
    JournalWriter writer = Writer("ahead");
    Sequencer sequencer = Get(Sequencer::Attach(writer, *store_));
    Get(writer.Append("E", "{}", Durability::kOrdered));
    Get(writer.Append("E", "{}", Durability::kOrdered));
    Get(sequencer.Drain());
  }
  Rewrite("ahead", 4096, std::string(600, '\0'), true);
  const auto findings = Recover();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].kind, Kind::kDrained);
  EXPECT_EQ(findings[0].entries, 0U);
  EXPECT_EQ(Stored("ahead"), 2U);
  EXPECT_TRUE(Get(ListJournals(journals_)).empty());
}

TEST_F(RecoveryTest, FilesThatAreNoJournalsAreReportedNotFollowed) {
  Spill(Path("text"), "hello");
  Spill(Path("zeros"), std::string(4096, '\0'));
  Spill(Path("empty"), "");
  Spill(journals_ + "/notes.txt", "kept");
  ASSERT_EQ(symlink("/etc/hostname", Path("link").c_str()), 0);
  ASSERT_EQ(mkfifo(Path("fifo").c_str(), 0600), 0);
  LeaveDead("s1", 1);
  std::filesystem::rename(Path("s1"), Path("renamed"));
  for (const JournalFinding& finding : Recover()) {
    const bool harmless = finding.session_id == "zeros" || finding.session_id == "empty";
    EXPECT_EQ(finding.kind, harmless ? Kind::kDrained : Kind::kUndrained) << finding.path;
  }
  EXPECT_EQ(Get(ListJournals(journals_)).size(), 4U);
  EXPECT_TRUE(std::filesystem::exists(journals_ + "/notes.txt"));
  EXPECT_EQ(Stored("s1"), 0U);
}

TEST_F(RecoveryTest, WhatACreatorLeftUnfinishedIsRemovedUnlessItLives) {
  Spill(Path("x") + ".123-0.new", "partial");
  const std::string held = Path("y") + ".124-0.new";
  const base::UniqueFd fd(open(held.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(flock(fd.get(), LOCK_EX), 0);
  EXPECT_TRUE(Recover().empty());
  EXPECT_FALSE(std::filesystem::exists(Path("x") + ".123-0.new"));
  EXPECT_TRUE(std::filesystem::exists(held));
}

TEST_F(RecoveryTest, DoneJournalsAreNotReadAndGoWhenAsked) {
  Spill(Path("x") + ".done", "text");
  Spill(journals_ + "/notes.done", "kept");
  LeaveDead("s1", 1);
  EXPECT_EQ(Recover().size(), 1U);
  EXPECT_TRUE(std::filesystem::exists(Path("x") + ".done"));
  RemoveDoneJournals(journals_);
  EXPECT_FALSE(std::filesystem::exists(Path("x") + ".done"));
  EXPECT_FALSE(std::filesystem::exists(Path("s1") + ".done"));
  EXPECT_TRUE(std::filesystem::exists(journals_ + "/notes.done"));
  RemoveDoneJournals(journals_ + "/missing");
}

// Recoveries that die, over and over, in or behind a call of the store; the last one finishes.
TEST_F(RecoveryTest, DyingRecoveriesLoseAndForkNothing) {
  std::vector<FaultyStore::Plan> plans;
  for (const Fault fault : {Fault::kDie, Fault::kDieAfter}) {
    for (int at = 1; at <= 4; ++at) {
      plans.push_back({.call = Call::kAppend, .at = at, .fault = fault});
      plans.push_back({.call = Call::kFindSession, .at = at, .fault = fault});
    }
  }
  for (const std::string id : {"a", "b", "c"}) {
    LeaveDead(id, 1200);
  }
  for (const FaultyStore::Plan& plan : plans) {
    const pid_t child = fork();
    if (child == 0) {
      const auto store = OpenSqliteStore(directory_.File("audit.db"), OpenMode::kReadWrite);
      FaultyStore faulty(**store);
      faulty.Arrange(plan);
      const bool done = DrainDeadJournals(journals_, faulty).has_value();
      _exit(done ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
  }
  for (const JournalFinding& finding : Recover()) {
    EXPECT_EQ(finding.kind, Kind::kDrained) << finding.detail;
  }
  for (const std::string id : {"a", "b", "c"}) {
    EXPECT_EQ(Stored(id), 1200U);
  }
  EXPECT_TRUE(Get(ListJournals(journals_)).empty());
}

TEST_F(RecoveryTest, AFailingStoreKeepsTheJournalsForTheNext) {
  for (const Fault fault : {Fault::kFail, Fault::kFailAfter}) {
    for (const Call call : {Call::kAppend, Call::kFindSession}) {
      for (int at = 1; at <= 3; ++at) {
        const std::string id = "s" + std::to_string(ids_++);
        LeaveDead(id, 1200);
        FaultyStore faulty(*store_);
        faulty.Arrange({.call = call, .at = at, .times = 1000, .fault = fault});
        for (const JournalFinding& finding : Get(DrainDeadJournals(journals_, faulty))) {
          EXPECT_EQ(finding.kind == Kind::kUndrained, std::filesystem::exists(Path(id)));
        }
        for (const JournalFinding& finding : Recover()) {
          EXPECT_EQ(finding.kind, Kind::kDrained) << finding.detail;
        }
        EXPECT_EQ(Stored(id), 1200U);
      }
    }
  }
}

}  // namespace
}  // namespace aegis::ledger
