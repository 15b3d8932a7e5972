#include "ledger/archive.h"

#include <gtest/gtest.h>
#include <stdlib.h>  // WEXITSTATUS
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

class ArchiveTest : public testing::Test {
 protected:
  Ledger Open() { return Get(Ledger::Open(filled_.directory.path(), Ledger::Mode::kRead)); }

  static std::vector<std::string> Ask(Ledger& ledger, const QueryFilter& filter) {
    std::vector<std::string> found;
    Get(ledger.Query(filter, [&](const EntryView& entry) -> base::Result<bool> {
      found.push_back(std::string(entry.session_id) + ":" + std::to_string(entry.seq));
      return true;
    }));
    return found;
  }
  std::vector<std::string> Ask(const QueryFilter& filter) {
    Ledger ledger = Open();
    return Ask(ledger, filter);
  }
  static std::string Export(Ledger& ledger, const QueryFilter& filter, ExportFormat format) {
    std::string text;
    ExportWriter writer(format, "1");
    writer.AppendBegin(text, false);
    Get(ledger.Export(filter, writer, [&](std::string_view piece) -> base::Result<> {
      text += piece;
      return {};
    }));
    writer.AppendEnd(text);
    return text;
  }

  FilledLedger filled_{{"s1", "s2"}};  // 10 entries each: started, 8 actions, ended
};

TEST_F(ArchiveTest, EntriesComeInLedgerOrder) {
  const auto all = Ask(QueryFilter{});
  ASSERT_EQ(all.size(), 20U);
  EXPECT_EQ(all.front(), "s1:0");
  EXPECT_EQ(all[10], "s2:0");
  EXPECT_EQ(all.back(), "s2:9");
}

TEST_F(ArchiveTest, FiltersNarrow) {
  EXPECT_EQ(Ask({.session_id = "s2"}).size(), 10U);
  EXPECT_EQ(Ask({.session_id = "none"}).size(), 0U);
  EXPECT_EQ(Ask({.action = "FileRead"}).size(), 8U);
  EXPECT_EQ(Ask({.decision = "deny", .session_id = "s1"}),
            (std::vector<std::string>{"s1:2", "s1:5", "s1:8"}));
  EXPECT_EQ(Ask({.text = "/srv/file-4"}), (std::vector<std::string>{"s1:3", "s2:3"}));
  EXPECT_EQ(Ask({.event_type = "SESSION_ENDED"}), (std::vector<std::string>{"s1:9", "s2:9"}));
}

TEST_F(ArchiveTest, PrincipalsAreUsersOrConfigurations) {
  EXPECT_EQ(Ask({.principal = "tester"}).size(), 20U);
  EXPECT_EQ(Ask({.principal = "config-of-s2"}).size(), 10U);
  EXPECT_EQ(Ask({.last = 1, .principal = "config-of-s1"}), std::vector<std::string>{"s1:9"});
  EXPECT_EQ(Ask({.principal = "nobody"}).size(), 0U);
}

TEST_F(ArchiveTest, TheLastAreTheLastInLedgerOrder) {
  EXPECT_EQ(Ask({.last = 3}), (std::vector<std::string>{"s2:7", "s2:8", "s2:9"}));
  EXPECT_EQ(Ask({.last = 12}).front(), "s1:8");
  EXPECT_EQ(Ask({.last = 100}).size(), 20U);
  EXPECT_EQ(Ask({.last = 0}).size(), 0U);
  EXPECT_EQ(Ask({.last = 2, .decision = "deny"}), (std::vector<std::string>{"s2:5", "s2:8"}));
}

TEST_F(ArchiveTest, AVisitorCanStop) {
  Ledger ledger = Open();
  for (const std::optional<std::uint64_t> last : {std::optional<std::uint64_t>(), {15}}) {
    int seen = 0;
    Get(ledger.Query({.last = last},
                     [&](const EntryView&) -> base::Result<bool> { return ++seen < 4; }));
    EXPECT_EQ(seen, 4);
  }
  const auto failed = ledger.Query({}, [](const EntryView&) -> base::Result<bool> {
    return base::Fail(base::Errc::kUnavailable, "closed pipe");
  });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message(), "closed pipe");
}

TEST_F(ArchiveTest, RunningSessionsAreSeenWithoutGapsOrDoubles) {
  Ledger writing = Open();
  JournalWriter writer =
      Get(JournalWriter::Create(writing.JournalPath("live"), TestIdentity("live"), TestOptions()));
  Sequencer sequencer = Get(Sequencer::Attach(writer, writing.store()));
  Ledger reading = Open();
  const auto expect = [&](std::size_t count) {
    const auto found = Ask(reading, {.session_id = "live"});
    ASSERT_EQ(found.size(), count);
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(found[i], "live:" + std::to_string(i));
    }
    EXPECT_EQ(Ask(reading, {.last = 3, .session_id = "live"}).size(),
              std::min<std::size_t>(3, count));
    EXPECT_TRUE(Get(reading.Verify()).ok());
  };
  expect(0);
  Get(writer.Append(kSessionStarted, Started("c"), Durability::kOrdered));
  expect(1);
  Get(sequencer.Drain());
  expect(1);
  for (int i = 0; i < 5; ++i) {
    Get(writer.Append(kActionDecided, Decided("FileRead", "/a", "deny"), Durability::kOrdered));
  }
  expect(6);
  EXPECT_EQ(Ask(reading, {.principal = "c"}).size(), 6U);
  EXPECT_EQ(Get(reading.FindSession("live")).session.denials, 5);
  EXPECT_EQ(Get(reading.FindSession("live")).state, SessionState::kRunning);
  Get(sequencer.Drain());
  Get(writer.Append(kSessionEnded, "{}", Durability::kOrdered));
  expect(7);
  EXPECT_EQ(Ask(reading, {.last = 8}).front(), "s2:9");
  Get(sequencer.Finish());
  expect(7);
  EXPECT_EQ(Get(reading.FindSession("live")).state, SessionState::kEnded);
}

TEST_F(ArchiveTest, ExportsAreCanonicalEnvelopes) {
  Ledger ledger = Open();
  const std::string lines = Export(ledger, {}, ExportFormat::kJsonLines);
  std::size_t count = 0;
  std::size_t at = 0;
  std::string array = "[";
  while (at < lines.size()) {
    const std::size_t end = lines.find('\n', at);
    ASSERT_NE(end, std::string::npos);
    const std::string line = lines.substr(at, end - at);
    const Entry entry = Get(ParseEnvelope(line));
    canon::Sha256Hasher hasher;
    std::string scratch;
    EXPECT_EQ(HashEntry(hasher, entry.view(), scratch), entry.hash);
    array += (count > 0 ? "," : "") + line;
    ++count;
    at = end + 1;
  }
  EXPECT_EQ(count, 20U);
  EXPECT_EQ(Get(canon::Canonicalize(Export(ledger, {}, ExportFormat::kJson))), array + "]");
  EXPECT_EQ(Get(canon::Canonicalize(Export(ledger, {.last = 0}, ExportFormat::kJson))), "[]");
  EXPECT_EQ(Export(ledger, {.last = 0}, ExportFormat::kJsonLines), "");
}

TEST_F(ArchiveTest, SessionsAreListedByStart) {
  Ledger ledger = Open();
  const auto list = [&](std::optional<std::uint64_t> last) {
    std::vector<std::string> ids;
    Get(ledger.Sessions(last, [&](const SessionInfo& info) -> base::Result<bool> {
      ids.push_back(info.session.session_id);
      return true;
    }));
    return ids;
  };
  EXPECT_EQ(list(std::nullopt), (std::vector<std::string>{"s1", "s2"}));
  EXPECT_EQ(list(1), std::vector<std::string>{"s2"});
  JournalWriter writer = Get(JournalWriter::Create(ledger.JournalPath("live"), TestIdentity("live"),
                                                   {.clock = StepClock(1800000000000)}));
  Get(writer.Append(kSessionStarted, Started("c"), Durability::kOrdered));
  EXPECT_EQ(list(2), (std::vector<std::string>{"s2", "live"}));
}

TEST_F(ArchiveTest, SessionsAreFoundByIdOrPrefix) {
  Ledger ledger = Open();
  const SessionInfo info = Get(ledger.FindSession("s1"));
  EXPECT_EQ(info.session.command, "make");
  EXPECT_EQ(info.session.tag, "nightly");
  EXPECT_EQ(info.session.actions, 8);
  EXPECT_EQ(info.session.denials, 3);
  EXPECT_EQ(info.session.exit_code, 0);
  EXPECT_EQ(info.state, SessionState::kEnded);
  FilledLedger::AddSession(ledger, "s10", 3);
  FilledLedger::AddSession(ledger, "t1", 3);
  EXPECT_EQ(Get(ledger.FindSession("s1")).session.session_id, "s1");  // exact wins
  EXPECT_EQ(Get(ledger.FindSession("t")).session.session_id, "t1");
  EXPECT_EQ(ledger.FindSession("s").error().code(), base::Errc::kInvalid);
  EXPECT_EQ(ledger.FindSession("x").error().code(), base::Errc::kNotFound);
  EXPECT_EQ(ledger.FindSession("").error().code(), base::Errc::kNotFound);
}

TEST_F(ArchiveTest, ASessionWhoseProcessesDiedIsUnknown) {
  {
    Ledger ledger = Open();
    JournalWriter writer =
        Get(JournalWriter::Create(ledger.JournalPath("dead"), TestIdentity("dead"), TestOptions()));
    Get(writer.Append(kSessionStarted, Started("c"), Durability::kOrdered));
  }
  Ledger ledger = Open();
  ASSERT_EQ(ledger.recovered().size(), 1U);
  EXPECT_EQ(ledger.recovered()[0].kind, JournalFinding::Kind::kDrained);
  const SessionInfo info = Get(ledger.FindSession("dead"));
  EXPECT_EQ(info.state, SessionState::kUnknown);
  EXPECT_EQ(info.session.ended_ms, std::nullopt);
  EXPECT_TRUE(Get(ledger.Verify()).ok());
}

TEST_F(ArchiveTest, ADamagedJournalStillGivesWhatItHas) {
  Ledger ledger = Open();
  JournalWriter writer =
      Get(JournalWriter::Create(ledger.JournalPath("bad"), TestIdentity("bad"), TestOptions()));
  Get(writer.Append("E", R"({"n":1})", Durability::kOrdered));
  Get(writer.Append("E", R"({"n":2})", Durability::kOrdered));
  ASSERT_EQ(pwrite(writer.fd(), "X", 1, 4096 + 250), 1);
  std::size_t seen = 0;
  const auto queried = ledger.Query({}, [&](const EntryView&) -> base::Result<bool> {
    ++seen;
    return true;
  });
  EXPECT_EQ(seen, 21U);
  ASSERT_FALSE(queried);
  EXPECT_EQ(queried.error().code(), base::Errc::kCorrupt);
}

TEST_F(ArchiveTest, OpeningSaysWhatIsWrong) {
  const TempDirectory empty;
  const auto missing = Ledger::Open(empty.path(), Ledger::Mode::kRead);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), base::Errc::kNotFound);
  EXPECT_TRUE(std::filesystem::is_empty(empty.path()));
  Spill(empty.File("audit.db"), "no ledger");
  const auto foreign = Ledger::Open(empty.path(), Ledger::Mode::kCreate);
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().code(), base::Errc::kCorrupt);
}

// Another user who may read but not write, as a child because root can't be left and come back.
TEST_F(ArchiveTest, ALedgerThatMayOnlyBeReadIsRead) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "changing user needs root";
  }
  const std::string& path = filled_.directory.path();
  ASSERT_EQ(chmod(path.c_str(), 0755), 0);
  ASSERT_EQ(chmod((path + "/journal").c_str(), 0755), 0);
  ASSERT_EQ(chmod(filled_.database().c_str(), 0644), 0);
  const pid_t child = fork();
  if (child == 0) {
    if (setgid(65534) != 0 || setuid(65534) != 0) {
      _exit(10);
    }
    auto ledger = Ledger::Open(path, Ledger::Mode::kRead);
    if (!ledger) {
      std::cerr << ledger.error().message() << '\n';
      _exit(11);
    }
    const auto report = ledger->Verify();
    _exit(report && report->ok() && report->entries == 20 ? 0 : 12);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << WEXITSTATUS(status);
}

TEST_F(ArchiveTest, ReadingLeavesNoSideFiles) {
  {
    EXPECT_EQ(Ask(QueryFilter{}).size(), 20U);
  }
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(filled_.directory.path())) {
    names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"audit.db", "journal"}));
  RemoveDoneJournals(filled_.directory.File("journal"));
  EXPECT_TRUE(std::filesystem::is_empty(filled_.directory.File("journal")));
}

}  // namespace
}  // namespace aegis::ledger
