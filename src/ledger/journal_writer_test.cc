// The writer's side of journals: failures, locks, and deaths.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "ledger/test_journal.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

TEST_F(JournalTest, AFailedLedgerRefusesEveryLaterAppend) {
  JournalWriter writer = NewWriter();
  Get(writer.Append("E", kPayload, Durability::kOrdered));
  const base::UniqueFd fd(open(path_.c_str(), O_RDWR | O_CLOEXEC));
  const JournalReader reader = Get(JournalReader::FromFd(DuplicateFd(fd.get()), path_));
  Get(reader.SetFailed());
  const auto appended = writer.Append("E", kPayload, Durability::kOrdered);
  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().code(), base::Errc::kUnavailable);
  EXPECT_TRUE(Get(reader.marks()).failed);
  EXPECT_EQ(ReadAll(path_).payloads.size(), 1U);
}

TEST_F(JournalTest, AtItsLimitItRefusesAndStaysWhole) {
  JournalOptions options = TestOptions();
  options.first_segment = 8192;
  options.segment = 4096;
  options.max_bytes = 16384;
  JournalWriter writer = NewWriter(options);
  base::Result<> appended;
  int count = 0;
  while ((appended = writer.Append("E", kPayload, Durability::kOrdered))) {
    ++count;
  }
  EXPECT_EQ(appended.error().code(), base::Errc::kExhausted);
  EXPECT_EQ(ReadAll(path_).payloads.size(), static_cast<std::size_t>(count));
}

// In a child, since the limit can't be lifted again.
TEST_F(JournalTest, AFileSizeLimitIsAnErrorNotADeath) {
  const pid_t child = fork();
  if (child == 0) {
    (void)signal(SIGXFSZ, SIG_IGN);
    JournalOptions options = TestOptions();
    options.first_segment = 16384;
    options.segment = 8192;
    auto writer = JournalWriter::Create(path_, TestIdentity("s1"), options);
    const rlimit limit{.rlim_cur = 40000, .rlim_max = 40000};
    if (!writer || setrlimit(RLIMIT_FSIZE, &limit) != 0) {
      _exit(1);
    }
    for (int i = 0; i < 10000; ++i) {
      const auto appended = writer->Append("E", kPayload, Durability::kOrdered);
      if (!appended) {
        _exit(appended.error().code() == base::Errc::kExhausted ? 0 : 2);
      }
    }
    _exit(3);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  const Read read = ReadAll(path_);
  EXPECT_EQ(read.error, "");
  EXPECT_GT(read.payloads.size(), 50U);
}

TEST_F(JournalTest, AFullDiskIsAnErrorAndEndsWithIt) {
  const std::string mountpoint = directory_.File("small");
  ASSERT_EQ(mkdir(mountpoint.c_str(), 0700), 0);
  if (geteuid() != 0 || mount("tmpfs", mountpoint.c_str(), "tmpfs", 0, "size=1m") != 0) {
    GTEST_SKIP() << "mounting needs root";
  }
  {
    JournalOptions options = TestOptions();
    options.first_segment = 65536;
    options.segment = 65536;
    JournalWriter writer =
        Get(JournalWriter::Create(mountpoint + "/s1.journal", TestIdentity("s1"), options));
    Spill(mountpoint + "/filler", std::string(700000, 'x'));
    base::Result<> appended;
    std::size_t count = 0;
    while ((appended = writer.Append("E", kPayload, Durability::kOrdered)) && count < 100000) {
      ++count;
    }
    ASSERT_FALSE(appended);
    EXPECT_EQ(appended.error().code(), base::Errc::kExhausted);
    EXPECT_EQ(ReadAll(mountpoint + "/s1.journal").payloads.size(), count);
    ASSERT_EQ(unlink((mountpoint + "/filler").c_str()), 0);
    Get(writer.Append("E", kPayload, Durability::kOrdered));
    EXPECT_EQ(ReadAll(mountpoint + "/s1.journal").payloads.size(), count + 1);
  }
  EXPECT_EQ(umount(mountpoint.c_str()), 0);
}

TEST_F(JournalTest, TheLockLivesAsLongAsEitherProcess) {
  int ready[2];
  int leave[2];
  ASSERT_EQ(pipe2(ready, O_CLOEXEC), 0);
  ASSERT_EQ(pipe2(leave, O_CLOEXEC), 0);
  pid_t child = -1;
  {
    JournalWriter writer = NewWriter();
    EXPECT_TRUE(IsJournalLive(path_));
    child = fork();
    if (child == 0) {
      close(leave[1]);
      char c = 0;
      (void)!write(ready[1], "x", 1);
      (void)!read(leave[0], &c, 1);
      _exit(0);
    }
    char c = 0;
    ASSERT_EQ(read(ready[0], &c, 1), 1);
  }
  EXPECT_TRUE(IsJournalLive(path_));  // the launcher has gone, the supervisor has not
  close(leave[1]);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_FALSE(IsJournalLive(path_));
  for (const int fd : {ready[0], ready[1], leave[0]}) {
    close(fd);
  }
}

TEST_F(JournalTest, AKilledWriterLeavesWholeRecords) {
  std::mt19937 random(9);
  for (int round = 0; round < 20; ++round) {
    const std::string id = "k" + std::to_string(round);
    const std::string path = directory_.File(id + ".journal");
    int acknowledged[2];
    ASSERT_EQ(pipe2(acknowledged, O_CLOEXEC), 0);
    JournalOptions options = TestOptions();
    options.first_segment = 8192;
    options.segment = 8192;
    JournalWriter writer = Get(JournalWriter::Create(path, TestIdentity(id), options));
    const pid_t child = fork();
    if (child == 0) {
      for (int i = 0;; ++i) {
        const bool appended = writer.Append("E", Numbered(i), Durability::kOrdered).has_value();
        if (!appended || write(acknowledged[1], &i, sizeof(i)) != sizeof(i)) {
          _exit(1);
        }
      }
    }
    close(acknowledged[1]);
    int last = -1;
    for (auto left = 1 + random() % 400; left > 0; --left) {
      ASSERT_EQ(read(acknowledged[0], &last, sizeof(last)), ssize_t{sizeof(last)});
    }
    kill(child, SIGKILL);
    while (read(acknowledged[0], &last, sizeof(last)) == ssize_t{sizeof(last)}) {
    }
    close(acknowledged[0]);
    ASSERT_EQ(waitpid(child, nullptr, 0), child);
    const Read read = ReadAll(path);
    EXPECT_EQ(read.error, "");
    EXPECT_GE(read.payloads.size(), static_cast<std::size_t>(last + 1));
    EXPECT_LE(read.payloads.size(), static_cast<std::size_t>(last + 2));
  }
}

TEST_F(JournalTest, AReaderOfALiveJournalSeesWholeRecordsOnly) {
  JournalWriter writer = NewWriter();
  const pid_t child = fork();
  if (child == 0) {
    for (int i = 0; i < 20000; ++i) {
      if (!writer.Append("E", Numbered(i), Durability::kOrdered)) {
        _exit(1);
      }
    }
    _exit(0);
  }
  JournalReader reader = Get(JournalReader::Open(path_));
  std::uint64_t seen = 0;
  for (int rounds = 0; seen < 20000 && rounds < 10000000; ++rounds) {
    Get(reader.Read(Get(reader.marks()).committed, [&](const EntryView& entry) {
      EXPECT_EQ(entry.seq, seen);
      ++seen;
      return base::Result<bool>(true);
    }));
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(seen, 20000U);
}

TEST_F(JournalTest, TheLauncherResumesADeadWritersChain) {
  JournalWriter writer = NewWriter();
  const pid_t child = fork();
  if (child == 0) {
    const bool ok = writer.Append("E", Numbered(0), Durability::kOrdered) &&
                    writer.Append("E", Numbered(1), Durability::kOrdered);
    _exit(ok ? 0 : 1);
  }
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  JournalReader reader = Get(JournalReader::Open(path_));
  Get(reader.Read(Get(reader.marks()).committed,
                  [](const EntryView&) { return base::Result<bool>(true); }));
  const auto early = writer.Append(kSessionEnded, "{}", Durability::kOrdered);
  ASSERT_FALSE(early);  // it would overwrite what the child has appended
  EXPECT_EQ(early.error().code(), base::Errc::kConflict);
  writer.ResumeAt(reader.position());
  Get(writer.Append(kSessionEnded, "{}", Durability::kOrdered));
  const Read read = ReadAll(path_);
  EXPECT_EQ(read.error, "");
  EXPECT_EQ(read.payloads, (std::vector<std::string>{Numbered(0), Numbered(1), "{}"}));
}

TEST_F(JournalTest, ResumingWalksWhatTheStoreDoesNotHaveYet) {
  JournalOptions options = TestOptions();
  options.first_segment = 8192;
  options.segment = 8192;
  JournalWriter writer = NewWriter(options);
  const ChainPosition start = Get(JournalReader::Open(path_)).position();
  const pid_t child = fork();
  if (child == 0) {
    bool ok = true;
    for (int i = 0; i < 200; ++i) {
      ok = ok && writer.Append("E", Numbered(i), Durability::kOrdered);
    }
    _exit(ok ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  writer.ResumeAt(start);
  EXPECT_EQ(writer.next_seq(), 200U);
  for (int i = 200; i < 400; ++i) {
    Get(writer.Append("E", Numbered(i), Durability::kOrdered));
  }
  const Read read = ReadAll(path_);
  EXPECT_EQ(read.error, "");
  EXPECT_EQ(read.payloads.size(), 400U);
}

TEST_F(JournalTest, ResumesBeyondItsOwnMapping) {
  JournalWriter writer = NewWriter();
  const ChainPosition start = Get(JournalReader::Open(path_)).position();
  const pid_t child = fork();
  if (child == 0) {
    const std::string large = R"({"x":")" + std::string(3U << 20U, 'x') + "\"}";
    bool ok = true;
    for (int i = 0; i < 30; ++i) {
      ok = ok && writer.Append("E", large, Durability::kOrdered);
    }
    _exit(ok ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  writer.ResumeAt(start);
  Get(writer.Append("E", Numbered(30), Durability::kOrdered));
  EXPECT_EQ(ReadAll(path_).payloads.size(), 31U);
}

TEST_F(JournalTest, ADamagedJournalIsNotResumed) {
  JournalWriter writer = NewWriter();
  const ChainPosition start = Get(JournalReader::Open(path_)).position();
  Get(writer.Append("E", Numbered(1), Durability::kOrdered));
  ASSERT_EQ(pwrite(writer.fd(), "X", 1, 4096 + 30), 1);
  writer.ResumeAt(start);
  EXPECT_FALSE(writer.Append("E", "{}", Durability::kOrdered));
}

}  // namespace
}  // namespace aegis::ledger
