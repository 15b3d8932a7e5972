#include "ledger/journal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <ios>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/journal_format.h"
#include "ledger/recovery.h"
#include "ledger/test_journal.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

// In place: rewriting whole files makes some file systems write to the disk each time.
void PutByte(const std::string& path, std::size_t at, char byte) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(at));
  file.put(byte);
}

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
    const bool changes_meanwhile = at >= journal::kDrainedAt && at < journal::kFixedAt &&
                                   (at < journal::kReleasedAt || at >= journal::kFailedAt);
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
  for (const char version : {'\1', '\3'}) {
    newer[8] = version;
    Spill(directory_.File("newer"), newer);
    const auto opened = JournalReader::Open(directory_.File("newer"));
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code(), base::Errc::kUnsupported);
    EXPECT_NE(opened.error().message().find("version"), std::string::npos);
  }
}

}  // namespace
}  // namespace aegis::ledger
