#include "ledger/journal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <ios>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "canon/canon.h"
#include "ledger/journal_format.h"
#include "ledger/recovery.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

constexpr std::string_view kPayload = R"({"action":"FileRead","decision":"allow"})";

struct Read {
  std::vector<std::string> payloads;
  std::string error;  // empty if all could be read
};

Read ReadAll(const std::string& path) {
  Read read;
  auto reader = JournalReader::Open(path);
  if (!reader) {
    read.error = reader.error().message();
    return read;
  }
  const auto marks = reader->marks();
  if (!marks) {
    read.error = marks.error().message();
    return read;
  }
  const auto result = reader->Read(marks->committed, [&](const EntryView& entry) {
    read.payloads.emplace_back(entry.payload);
    return base::Result<bool>(true);
  });
  read.error = result ? "" : result.error().message();
  return read;
}

std::string Numbered(int number) { return R"({"n":)" + std::to_string(number) + "}"; }

// In place: rewriting whole files makes some file systems write to the disk each time.
void PutByte(const std::string& path, std::size_t at, char byte) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(at));
  file.put(byte);
}

class JournalTest : public testing::Test {
 protected:
  JournalWriter NewWriter(JournalOptions options = TestOptions()) {
    return Get(JournalWriter::Create(path_, TestIdentity("s1"), std::move(options)));
  }
  TempDirectory directory_;
  std::string path_ = directory_.File("s1.journal");
};

TEST_F(JournalTest, WhatIsAppendedIsRead) {
  JournalWriter writer = NewWriter();
  for (int i = 0; i < 100; ++i) {
    Get(writer.Append("E", Numbered(i), Durability::kOrdered));
  }
  EXPECT_EQ(writer.next_seq(), 100U);
  const Read read = ReadAll(path_);
  EXPECT_EQ(read.error, "");
  ASSERT_EQ(read.payloads.size(), 100U);
  EXPECT_EQ(read.payloads[99], Numbered(99));
}

TEST_F(JournalTest, TheHashIsTheEntrysOwn) {
  JournalWriter writer = NewWriter();
  Get(writer.Append("A", kPayload, Durability::kOrdered));
  Get(writer.Append("B\n\"", kPayload, Durability::kDurable));
  JournalReader reader = Get(JournalReader::Open(path_));
  canon::Sha256Hasher hasher;
  std::string scratch;
  std::optional<canon::Sha256> last;
  Get(reader.Read(Get(reader.marks()).committed, [&](const EntryView& entry) -> base::Result<bool> {
    EXPECT_EQ(entry.prev_hash, last);
    EXPECT_EQ(HashEntry(hasher, entry, scratch), entry.hash);
    EXPECT_EQ(entry.user_id, "tester");
    EXPECT_EQ(entry.ts_unix_ms, 1700000000001 + static_cast<std::int64_t>(entry.seq));
    last = entry.hash;
    return true;
  }));
  EXPECT_EQ(reader.position().next_seq, 2U);
}

TEST_F(JournalTest, GrowsBeyondItsSegments) {
  JournalOptions options = TestOptions();
  options.first_segment = 8192;
  options.segment = 4096;
  JournalWriter writer = NewWriter(options);
  const std::string large = R"({"x":")" + std::string(100000, 'x') + "\"}";
  for (int i = 0; i < 300; ++i) {
    Get(writer.Append("E", i % 100 == 0 ? large : Numbered(i), Durability::kOrdered));
  }
  const Read read = ReadAll(path_);
  EXPECT_EQ(read.error, "");
  EXPECT_EQ(read.payloads.size(), 300U);
}

TEST_F(JournalTest, OutgrowsItsFirstMapping) {
  JournalWriter writer = NewWriter();
  const std::string large = R"({"x":")" + std::string(3U << 20U, 'x') + "\"}";
  for (int i = 0; i < 30; ++i) {
    Get(writer.Append("E", large, Durability::kOrdered));
  }
  EXPECT_EQ(ReadAll(path_).payloads.size(), 30U);
}

TEST_F(JournalTest, RefusesWhatIsNoPayload) {
  JournalWriter writer = NewWriter();
  for (const std::string_view bad :
       {"", "[]", "{", "{ }", R"({"b":1,"a":2})", "{\"a\":\"\xff\"}"}) {
    const auto appended = writer.Append("E", bad, Durability::kOrdered);
    ASSERT_FALSE(appended) << bad;
    EXPECT_EQ(appended.error().code(), base::Errc::kInvalid);
  }
  const std::string huge = R"({"x":")" + std::string(kMaxPayload, 'x') + "\"}";
  EXPECT_FALSE(writer.Append("E", huge, Durability::kOrdered));
  EXPECT_FALSE(writer.Append("", kPayload, Durability::kOrdered));
  Get(writer.Append("E", kPayload, Durability::kOrdered));
  EXPECT_EQ(writer.next_seq(), 1U);
}

TEST_F(JournalTest, RefusesBadIdentitiesAndTakenNames) {
  EXPECT_FALSE(JournalWriter::Create(path_, TestIdentity("../x")));
  EXPECT_FALSE(JournalWriter::Create(path_, TestIdentity("")));
  Identity identity = TestIdentity("s1");
  identity.user_id = "\xff";
  EXPECT_FALSE(JournalWriter::Create(path_, identity));
  identity.user_id = std::string(kMaxIdLength + 1, 'x');
  EXPECT_FALSE(JournalWriter::Create(path_, identity));
  const JournalWriter writer = NewWriter();
  EXPECT_FALSE(JournalWriter::Create(path_, TestIdentity("s1")));
  EXPECT_EQ(Get(ListJournals(directory_.path())).size(), 1U);
  EXPECT_FALSE(JournalWriter::Create(directory_.File("none/s1.journal"), TestIdentity("s1")));
}

TEST_F(JournalTest, OnlyItsOwnerMayReadIt) {
  const JournalWriter writer = NewWriter();
  struct stat status{};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  EXPECT_NE(fcntl(writer.fd(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(JournalTest, ATailCutAtAnyByteLosesOnlyWhatWasNotCommitted) {
  JournalWriter writer = NewWriter();
  Get(writer.Append("E", Numbered(1), Durability::kOrdered));
  const std::string before = Slurp(path_);
  const std::uint64_t committed_before = Get(Get(JournalReader::Open(path_)).marks()).committed;
  Get(writer.Append("E", Numbered(2), Durability::kOrdered));
  const std::string after = Slurp(path_);
  const std::uint64_t committed_after = Get(Get(JournalReader::Open(path_)).marks()).committed;
  ASSERT_GT(committed_after, committed_before);
  // Killed after any number of the second record's bytes: the end still is the first one's.
  Spill(directory_.File("torn.journal"), before);
  for (std::uint64_t at = committed_before; at < committed_after; ++at) {
    PutByte(directory_.File("torn.journal"), at, after[at]);
    const Read read = ReadAll(directory_.File("torn.journal"));
    ASSERT_EQ(read.error, "");
    ASSERT_EQ(read.payloads, (std::vector<std::string>{Numbered(1)}));
  }
}

TEST_F(JournalTest, AFileCutAtAnyByteIsNoticed) {
  JournalWriter writer = NewWriter();
  Get(writer.Append("E", Numbered(1), Durability::kOrdered));
  Get(writer.Append("E", Numbered(2), Durability::kOrdered));
  const std::string whole = Slurp(path_);
  const std::uint64_t committed = Get(Get(JournalReader::Open(path_)).marks()).committed;
  Spill(directory_.File("cut.journal"), whole);
  for (std::size_t size = committed - 1; size > 0; --size) {
    ASSERT_EQ(truncate(directory_.File("cut.journal").c_str(), static_cast<off_t>(size)), 0);
    const Read read = ReadAll(directory_.File("cut.journal"));
    ASSERT_NE(read.error, "") << size;
  }
}

TEST_F(JournalTest, AnyFlippedBitIsNoticed) {
  JournalWriter writer = NewWriter();
  Get(writer.Append("E", Numbered(1), Durability::kOrdered));
  Get(writer.Append("E", Numbered(2), Durability::kOrdered));
  const std::string whole = Slurp(path_);
  const std::uint64_t committed = Get(Get(JournalReader::Open(path_)).marks()).committed;
  Spill(directory_.File("flip.journal"), whole);
  std::size_t flips = 0;
  for (std::size_t at = 0; at < committed; ++at) {
    const bool changes_meanwhile = at >= journal::kDrainedAt && at < 48;
    if (changes_meanwhile) {
      continue;  // hints, which say nothing about the records
    }
    for (unsigned bit = 0; bit < 8; bit += at < 200 ? 1 : 3) {
      const auto flipped = static_cast<char>(static_cast<unsigned char>(whole[at]) ^ (1U << bit));
      PutByte(directory_.File("flip.journal"), at, flipped);
      const Read read = ReadAll(directory_.File("flip.journal"));
      PutByte(directory_.File("flip.journal"), at, whole[at]);
      ASSERT_TRUE(!read.error.empty() || read.payloads.size() < 2) << at << " bit " << bit;
      ++flips;
    }
  }
  EXPECT_GT(flips, 10000U);
}

TEST_F(JournalTest, RecordsOfAnotherSessionOrOutOfOrderAreRefused) {
  JournalWriter writer = NewWriter();
  Get(writer.Append("E", Numbered(1), Durability::kOrdered));
  const std::uint64_t first_end = Get(Get(JournalReader::Open(path_)).marks()).committed;
  Get(writer.Append("E", Numbered(2), Durability::kOrdered));
  const std::string whole = Slurp(path_);
  const std::size_t first_size = first_end - journal::kHeaderSize;
  // The first record once more in place of the second.
  std::string repeated = whole;
  repeated.replace(first_end, first_size, whole, journal::kHeaderSize, first_size);
  Spill(directory_.File("repeated.journal"), repeated);
  EXPECT_NE(ReadAll(directory_.File("repeated.journal")).error, "");

  JournalWriter other =
      Get(JournalWriter::Create(directory_.File("s2.journal"), TestIdentity("s2"), TestOptions()));
  Get(other.Append("E", Numbered(1), Durability::kOrdered));
  std::string mixed = Slurp(directory_.File("s2.journal"));
  mixed.replace(journal::kHeaderSize, first_size, whole, journal::kHeaderSize, first_size);
  Spill(directory_.File("mixed.journal"), mixed);
  EXPECT_NE(ReadAll(directory_.File("mixed.journal")).error.find("another session"),
            std::string::npos);
}

TEST_F(JournalTest, OtherFilesAreRefused) {
  for (const std::string_view content : {"x", "AEGISJNL", "SQLite format 3"}) {
    Spill(directory_.File("x"), content);
    EXPECT_FALSE(JournalReader::Open(directory_.File("x")));
  }
  EXPECT_FALSE(JournalReader::Open(directory_.path()));
  ASSERT_EQ(mkfifo(directory_.File("fifo").c_str(), 0600), 0);
  EXPECT_FALSE(JournalReader::Open(directory_.File("fifo")));
  ASSERT_EQ(symlink("/etc/passwd", directory_.File("link").c_str()), 0);
  EXPECT_FALSE(JournalReader::Open(directory_.File("link")));
  Spill(directory_.File("zero"), std::string(8192, '\0'));
  const JournalReader zero = Get(JournalReader::Open(directory_.File("zero")));
  EXPECT_TRUE(zero.empty_file());
  std::string newer = [&] {
    const JournalWriter writer = NewWriter();
    return Slurp(path_);
  }();
  newer[8] = 2;
  Spill(directory_.File("newer"), newer);
  const auto opened = JournalReader::Open(directory_.File("newer"));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), base::Errc::kUnsupported);
}

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
