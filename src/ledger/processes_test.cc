// Several processes on one ledger.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>  // WEXITSTATUS
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "base/result.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

constexpr int kChildren = 8;
constexpr int kEntries = 500;

// One run as the launcher does it, in a process of its own; 0 if all went well.
int RunSession(const std::string& directory, const std::string& id, int entries, int drain_every) {
  auto ledger = Ledger::Open(directory, Ledger::Mode::kCreate);
  if (!ledger) {
    std::cerr << ledger.error().message() << '\n';
    return 10;
  }
  auto writer = JournalWriter::Create(ledger->JournalPath(id), TestIdentity(id));
  if (!writer) {
    return 11;
  }
  auto sequencer = Sequencer::Attach(*writer, ledger->store());
  if (!sequencer) {
    return 12;
  }
  for (int i = 0; i < entries; ++i) {
    if (!writer->Append(kActionDecided, Decided("FileRead", "/f", "allow"), Durability::kOrdered)) {
      return 13;
    }
    if (i % drain_every == 0 && !sequencer->Drain()) {
      return 14;
    }
  }
  return sequencer->Finish() ? 0 : 15;
}

TEST(ProcessesTest, ManyWritersOnOneLedgerNeverForkOrLose) {
  const TempDirectory directory;  // audit.db is made by whoever comes first
  std::vector<pid_t> children;
  for (int i = 0; i < kChildren; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      _exit(RunSession(directory.path(), "s" + std::to_string(i), kEntries, 20 + i));
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0) << WEXITSTATUS(status);
  }
  Ledger ledger = Get(Ledger::Open(directory.path(), Ledger::Mode::kRead));
  const VerifyReport report = Get(ledger.Verify());
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(report.entries, std::uint64_t{kChildren} * kEntries);
  EXPECT_EQ(report.sessions, std::uint64_t{kChildren});
}

// Several sequencers on the same dead journals: each is drained once.
TEST(ProcessesTest, RecoveryIsDoneOnce) {
  const TempDirectory directory;
  {
    Ledger ledger = Get(Ledger::Open(directory.path(), Ledger::Mode::kCreate));
    for (int i = 0; i < 5; ++i) {
      const std::string id = "s" + std::to_string(i);
      JournalWriter writer = Get(JournalWriter::Create(ledger.JournalPath(id), TestIdentity(id)));
      for (int n = 0; n < 200; ++n) {
        Get(writer.Append("E", "{}", Durability::kOrdered));
      }
    }
  }
  std::vector<pid_t> children;
  for (int i = 0; i < kChildren; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      const auto ledger = Ledger::Open(directory.path(), Ledger::Mode::kRead);
      bool ok = ledger.has_value();
      for (const JournalFinding& finding :
           ledger ? ledger->recovered() : std::vector<JournalFinding>{}) {
        ok &= finding.kind == JournalFinding::Kind::kDrained ||
              finding.kind == JournalFinding::Kind::kLive;
      }
      _exit(ok ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  Ledger ledger = Get(Ledger::Open(directory.path(), Ledger::Mode::kRead));
  const VerifyReport report = Get(ledger.Verify());
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(report.entries, 1000U);
}

// A run killed whole at a random moment, then the ledger opened again.
TEST(ProcessesTest, AKilledRunIsRecovered) {
  const TempDirectory directory;
  std::mt19937 random(17);
  std::uint64_t least = 0;
  for (int round = 0; round < 20; ++round) {
    int acknowledged[2];
    ASSERT_EQ(pipe2(acknowledged, O_CLOEXEC), 0);
    const pid_t child = fork();
    if (child == 0) {
      auto ledger = Ledger::Open(directory.path(), Ledger::Mode::kCreate);
      const std::string id = "k" + std::to_string(round);
      auto writer = JournalWriter::Create(ledger->JournalPath(id), TestIdentity(id));
      auto sequencer = Sequencer::Attach(*writer, ledger->store());
      for (int i = 0;; ++i) {
        const bool ok = writer->Append("E", "{}", Durability::kOrdered) &&
                        write(acknowledged[1], "x", 1) == 1 && (i % 7 != 0 || sequencer->Drain());
        if (!ok) {
          _exit(1);
        }
      }
    }
    close(acknowledged[1]);
    char c = 0;
    for (auto left = 1 + random() % 100; left > 0; --left) {
      ASSERT_EQ(read(acknowledged[0], &c, 1), 1);
      ++least;
    }
    kill(child, SIGKILL);
    while (read(acknowledged[0], &c, 1) == 1) {
      ++least;
    }
    close(acknowledged[0]);
    ASSERT_EQ(waitpid(child, nullptr, 0), child);
    Ledger ledger = Get(Ledger::Open(directory.path(), Ledger::Mode::kRead));
    const VerifyReport report = Get(ledger.Verify());
    ASSERT_TRUE(report.ok()) << report.findings.first()[0].what;
    ASSERT_GE(report.entries, least);
    ASSERT_LE(report.entries, least + static_cast<std::uint64_t>(round) + 1);
    EXPECT_TRUE(Get(ListJournals(directory.File("journal"))).empty());
  }
}

// Readers see each session as a gapless prefix at every moment.
TEST(ProcessesTest, ReadersSeeWholeChainsWhileARunWrites) {
  const TempDirectory directory;
  Get(Ledger::Open(directory.path(), Ledger::Mode::kCreate));
  const pid_t child = fork();
  if (child == 0) {
    _exit(RunSession(directory.path(), "s1", 20000, 50));
  }
  std::uint64_t last = 0;
  int status = 0;
  int readings = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    Ledger ledger = Get(Ledger::Open(directory.path(), Ledger::Mode::kRead));
    std::uint64_t next = 0;
    Get(ledger.Query({}, [&](const EntryView& entry) -> base::Result<bool> {
      EXPECT_EQ(entry.seq, next);
      ++next;
      return true;
    }));
    EXPECT_GE(next, last);
    last = next;
    ++readings;
    const VerifyReport report = Get(ledger.Verify());
    EXPECT_TRUE(report.ok()) << (report.ok() ? "" : report.findings.first()[0].what);
  }
  EXPECT_EQ(status, 0) << WEXITSTATUS(status);
  EXPECT_GT(readings, 0);
  Ledger ledger = Get(Ledger::Open(directory.path(), Ledger::Mode::kRead));
  EXPECT_EQ(Get(ledger.Verify()).entries, 20000U);
}

}  // namespace
}  // namespace aegis::ledger
