// Journals whose stored records were given back.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "ledger/journal_format.h"
#include "ledger/test_journal.h"
#include "ledger/test_ledger.h"
#include "ledger/test_store.h"

namespace aegis::ledger {
namespace {

constexpr std::uint64_t kPage = 4096;
constexpr SequencerOptions kSmall{.release_bytes = kPage};

std::uint64_t SpaceOf(int fd) {
  struct stat status{};
  EXPECT_EQ(fstat(fd, &status), 0);
  return static_cast<std::uint64_t>(status.st_blocks) * 512;
}

class ReleaseTest : public testing::Test {
 protected:
  ReleaseTest() { std::filesystem::create_directory(journals_); }

  JournalWriter NewWriter() const {
    JournalOptions options = TestOptions();
    options.segment = 16384;
    return Get(JournalWriter::Create(path_, TestIdentity("s1"), options));
  }
  static void Append(JournalWriter& writer, int from, int to) {
    for (int i = from; i < to; ++i) {
      Get(writer.Append("E", Numbered(i), Durability::kOrdered));
    }
  }
  // A dead journal of 400 entries of which `drained` are in the store, and most of these released,
  // but not the last five.
  void LeaveDead(int drained) {
    JournalWriter writer = NewWriter();
    Sequencer sequencer = Get(Sequencer::Attach(writer, store_, {}, kSmall));
    for (int i = 0; i < drained - 5; i += 20) {
      Append(writer, i, std::min(i + 20, drained - 5));
      Get(sequencer.Drain());
    }
    Append(writer, drained - 5, drained);
    Get(sequencer.Drain());
    Append(writer, drained, 400);
  }
  JournalReader Open() const {
    const base::UniqueFd fd(open(path_.c_str(), O_RDWR | O_CLOEXEC));
    return Get(JournalReader::FromFd(DuplicateFd(fd.get()), path_));
  }
  JournalReader::Marks Marks() const { return Get(Open().marks()); }
  void Put(std::size_t at, std::uint64_t value) const { PutBytes(at, Bytes(value)); }
  void PutBytes(std::size_t at, std::string_view bytes) const {
    const base::UniqueFd fd(open(path_.c_str(), O_WRONLY | O_CLOEXEC));
    ASSERT_EQ(pwrite(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(at)),
              static_cast<ssize_t>(bytes.size()));
  }
  static std::string Bytes(std::uint64_t value) {
    return {reinterpret_cast<const char*>(&value), sizeof(value)};
  }
  void BecomeOfAnotherBoot() const {
    std::string bytes = Slurp(path_).substr(0, journal::kHeaderSize);
    journal::Header header = Get(journal::DecodeHeader(bytes));
    header.boot[0] = static_cast<char>(header.boot[0] ^ 1);
    PutBytes(0, EncodeHeader(header, 0));
  }
  JournalFinding Recover() {
    auto findings = Get(DrainDeadJournals(journals_, store_));
    EXPECT_EQ(findings.size(), 1U);
    return findings.empty() ? JournalFinding{} : findings.front();
  }
  void ExpectAll(std::size_t count) const {
    const std::vector<std::string> payloads = store_.payloads("s1");
    ASSERT_EQ(payloads.size(), count);
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(payloads[i], Numbered(static_cast<int>(i)));
    }
  }

  TempDirectory directory_;
  std::string journals_ = directory_.File("journal");
  std::string path_ = journals_ + "/s1.journal";
  MemoryStore store_;
};

TEST_F(ReleaseTest, TheSpaceOfALongSessionStaysBounded) {
  JournalWriter writer = NewWriter();
  Sequencer sequencer = Get(Sequencer::Attach(writer, store_, {}, {.release_bytes = 65536}));
  std::uint64_t most = 0;
  for (int i = 0; i < 20000; i += 50) {
    Append(writer, i, i + 50);
    Get(sequencer.Drain());
    most = std::max(most, SpaceOf(writer.fd()));
  }
  EXPECT_GT(Marks().committed, 4U << 20U);
  EXPECT_LT(most, (2U * 65536) + 32768 + (4 * kPage));
  Get(sequencer.Finish());
  ExpectAll(20000);
}

TEST_F(ReleaseTest, TheMarksSayWhatIsKept) {
  LeaveDead(200);
  const JournalReader::Marks marks = Marks();
  EXPECT_TRUE(marks.any_released());
  EXPECT_GT(marks.drained, marks.released);
  EXPECT_LT(marks.drained - marks.released, 3 * kPage);
  const Read read = ReadAll(path_);
  EXPECT_EQ(read.error, "");
  EXPECT_GT(read.payloads.size(), 200U);
  EXPECT_LT(read.payloads.size(), 300U);
  EXPECT_EQ(read.payloads.back(), Numbered(399));
  const JournalFinding finding = Recover();
  EXPECT_EQ(finding.kind, JournalFinding::Kind::kDrained);
  EXPECT_EQ(finding.entries, 200U);
  ExpectAll(400);
}

TEST_F(ReleaseTest, WhatWasMarkedButNotPunchedIsPunchedByTheNext) {
  JournalWriter writer = NewWriter();
  Append(writer, 0, 100);
  Get(Get(Sequencer::Attach(writer, store_)).Drain());
  // As if its process had died between the mark and the hole.
  std::uint64_t begins = 0;
  JournalReader reader = Open();
  Get(reader.Read(Marks().committed, [&](const EntryView& entry) -> base::Result<bool> {
    begins = entry.seq == 80 ? reader.position().offset : begins;
    return true;
  }));
  Put(journal::kReleasedAt, begins);
  Sequencer next = Get(Sequencer::Attach(writer, store_, {}, kSmall));
  Get(next.Drain());
  EXPECT_NE(Slurp(path_).substr(kPage, kPage), std::string(kPage, '\0'));
  Append(writer, 100, 140);
  Get(next.Drain());
  EXPECT_EQ(Slurp(path_).substr(kPage, kPage), std::string(kPage, '\0'));
  EXPECT_EQ(ReadAll(path_).error, "");
  Get(next.Finish());
  ExpectAll(140);
}

TEST_F(ReleaseTest, AStoreAheadOfTheMarkIsReadOn) {
  LeaveDead(200);
  const MemoryStore::Chains before = store_.Save();
  for (const int ahead : {1, 50, 200}) {
    store_.Restore(before);
    JournalReader reader = Open();
    std::vector<Entry> more;
    Get(reader.Read(Marks().committed, [&](const EntryView& entry) -> base::Result<bool> {
      if (entry.seq >= 200) {
        std::string text;
        AppendEnvelope(text, entry);
        more.push_back(Get(ParseEnvelope(text)));
      }
      return entry.seq + 1 < 200U + static_cast<unsigned>(ahead);
    }));
    std::vector<EntryView> views;
    views.reserve(more.size());
    for (const Entry& entry : more) {
      views.push_back(entry.view());
    }
    Get(store_.Append(views));
    Sequencer sequencer = Get(Sequencer::Over(Open(), store_));
    Get(sequencer.Drain());
    EXPECT_EQ(sequencer.entries(), 200U - static_cast<unsigned>(ahead));
    ExpectAll(400);
  }
}

TEST_F(ReleaseTest, AStoreThatWasPutBackIsNoticedAndTheJournalKept) {
  MemoryStore::Chains early;
  {
    JournalWriter writer = NewWriter();
    Sequencer sequencer = Get(Sequencer::Attach(writer, store_, {}, kSmall));
    Append(writer, 0, 20);
    Get(sequencer.Drain());
    early = store_.Save();
    for (int i = 20; i < 200; i += 20) {
      Append(writer, i, i + 20);
      Get(sequencer.Drain());
    }
    Append(writer, 200, 400);
  }
  for (const bool empty : {false, true}) {
    store_.Restore(empty ? MemoryStore::Chains{} : early);
    const JournalFinding finding = Recover();
    EXPECT_EQ(finding.kind, JournalFinding::Kind::kUndrained);
    EXPECT_NE(finding.detail.find("rolled back"), std::string::npos) << finding.detail;
    EXPECT_TRUE(std::filesystem::exists(path_));
    EXPECT_EQ(store_.payloads("s1").size(), empty ? 0U : 20U);
  }
  // Where the records still are, the store gets them again.
  std::filesystem::remove(path_);
  store_.Restore({});
  {
    JournalWriter writer = NewWriter();
    Append(writer, 0, 100);
    Get(Get(Sequencer::Attach(writer, store_)).Drain());
  }
  store_.Restore({});
  EXPECT_EQ(Recover().kind, JournalFinding::Kind::kDrained);
  ExpectAll(100);
}

TEST_F(ReleaseTest, AnotherChainInTheStoreIsNoticed) {
  LeaveDead(200);
  const std::string other = directory_.File("other.journal");
  MemoryStore forged;
  JournalWriter writer = Get(JournalWriter::Create(other, TestIdentity("s1"), TestOptions()));
  for (int i = 0; i < 210; ++i) {
    Get(writer.Append("E", R"({"forged":1})", Durability::kOrdered));
  }
  Get(Get(Sequencer::Attach(writer, forged)).Drain());
  store_.Restore(forged.Save());
  EXPECT_EQ(Recover().kind, JournalFinding::Kind::kUndrained);
  EXPECT_EQ(store_.payloads("s1").size(), 210U);
}

TEST_F(ReleaseTest, MarksThatPointAnywhereElseAreDamageOrHarmless) {
  LeaveDead(200);
  const JournalReader::Marks right = Marks();
  const MemoryStore::Chains before = store_.Save();
  std::vector<std::uint64_t> offsets = {0, 1, 4095, UINT64_MAX, UINT64_MAX - 35};
  for (std::uint64_t at = right.released - 300; at < right.released + 600; ++at) {
    offsets.push_back(at);
  }
  for (std::uint64_t at = right.committed - 300; at < right.committed + 100; ++at) {
    offsets.push_back(at);
  }
  int good = 0;
  for (const bool other_boot : {false, true}) {
    if (other_boot) {
      BecomeOfAnotherBoot();
    }
    const std::string whole = Slurp(path_);
    for (const std::uint64_t at : offsets) {
      store_.Restore(before);
      Put(journal::kReleasedAt, at);
      const JournalFinding finding = Recover();
      if (finding.kind == JournalFinding::Kind::kDrained) {
        ExpectAll(400);
        ++good;
        Spill(path_, whole);
      } else {
        ASSERT_EQ(finding.kind, JournalFinding::Kind::kUndrained) << at;
        ASSERT_EQ(store_.payloads("s1").size(), 200U);
      }
    }
    Spill(path_, whole);
  }
  EXPECT_GE(good, 2);   // the right one
  EXPECT_LE(good, 12);  // and the other records behind it that are in the store
}

TEST_F(ReleaseTest, ADrainedMarkAnywhereIsAHint) {
  LeaveDead(200);
  const std::string whole = Slurp(path_);
  const MemoryStore::Chains before = store_.Save();
  const std::uint64_t drained = Marks().drained;
  for (const std::uint64_t at :
       {std::uint64_t{0}, std::uint64_t{4096}, drained - 1, drained + 1, UINT64_MAX}) {
    store_.Restore(before);
    Put(journal::kDrainedAt, at);
    EXPECT_EQ(Recover().kind, JournalFinding::Kind::kDrained);
    ExpectAll(400);
    Spill(path_, whole);
  }
}

TEST_F(ReleaseTest, AfterAPowerCutTheTailMayBeGoneButNotTheFirstKeptRecord) {
  LeaveDead(205);
  const std::string whole = Slurp(path_);
  const MemoryStore::Chains before = store_.Save();
  const JournalReader::Marks marks = Marks();
  const auto zero = [&](std::uint64_t from) {
    Spill(path_, whole.substr(0, from) + std::string(whole.size() - from, '\0'));
    BecomeOfAnotherBoot();
    store_.Restore(before);
    return Recover().kind;
  };
  EXPECT_EQ(zero(marks.drained + 1000), JournalFinding::Kind::kLostTail);
  EXPECT_GT(store_.payloads("s1").size(), 205U);
  EXPECT_EQ(zero(marks.drained), JournalFinding::Kind::kLostTail);
  EXPECT_EQ(zero(marks.drained - 10), JournalFinding::Kind::kDrained);  // the store knows more
  EXPECT_EQ(zero(marks.released + 10), JournalFinding::Kind::kUndrained);
  EXPECT_EQ(store_.payloads("s1").size(), 205U);
}

TEST_F(ReleaseTest, AfterAPowerCutWhatWasSyncedIsNotGivenUpBecauseTheStoreKnowsMore) {
  {
    JournalWriter writer = NewWriter();
    Append(writer, 0, 10);
    Get(Get(Sequencer::Attach(writer, store_)).Drain());
    Get(writer.Append("E", Numbered(10), Durability::kDurable));
  }
  BecomeOfAnotherBoot();
  PutBytes(kPage + 50, "X");  // in front of the head that the store has
  EXPECT_EQ(Recover().kind, JournalFinding::Kind::kUndrained);
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(ReleaseTest, AReaderKeepsWhatItHasSeenTheMarksOf) {
  JournalWriter writer = NewWriter();
  Sequencer sequencer = Get(Sequencer::Attach(writer, store_, {}, kSmall));
  Append(writer, 0, 100);
  std::optional<JournalReader> reader = Get(JournalReader::Open(path_));
  Get(reader->HoldRecords());
  const JournalReader::Marks marks = Get(reader->marks());
  for (int i = 100; i < 1000; i += 50) {
    Append(writer, i, i + 50);
    Get(sequencer.Drain());
  }
  std::uint64_t seen = 0;
  Get(reader->Read(marks.committed, [&seen](const EntryView&) {
    ++seen;
    return base::Result<bool>(true);
  }));
  EXPECT_EQ(seen, 100U);
  const std::uint64_t held = SpaceOf(writer.fd());
  EXPECT_GT(held, 200000U);
  reader.reset();
  Append(writer, 1000, 1100);
  Get(sequencer.Drain());
  EXPECT_LT(SpaceOf(writer.fd()), held / 4);
}

TEST_F(ReleaseTest, AReaderDoesNotWaitForEverForALockedJournal) {
  const JournalWriter writer = NewWriter();
  const base::UniqueFd other(open(path_.c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_TRUE(journal::LockRecords(other.get(), F_WRLCK));
  const JournalReader reader = Get(JournalReader::Open(path_));
  const auto held = reader.HoldRecords();
  ASSERT_FALSE(held);
  EXPECT_EQ(held.error().code(), base::Errc::kUnavailable);
  ASSERT_TRUE(journal::LockRecords(other.get(), F_UNLCK));
  Get(reader.HoldRecords());
}

TEST_F(ReleaseTest, TheLimitIsForWhatIsKept) {
  JournalOptions options = TestOptions();
  options.segment = 8192;
  options.max_bytes = 65536;
  JournalWriter writer = Get(JournalWriter::Create(path_, TestIdentity("s1"), options));
  Sequencer sequencer = Get(Sequencer::Attach(writer, store_, {}, kSmall));
  for (int i = 0; i < 2000; i += 20) {
    Append(writer, i, i + 20);
    Get(sequencer.Drain());
  }
  base::Result<> appended;
  while ((appended = writer.Append("E", kPayload, Durability::kOrdered))) {
  }
  EXPECT_EQ(appended.error().code(), base::Errc::kExhausted);
  Get(sequencer.Drain());
  Get(writer.Append("E", kPayload, Durability::kOrdered));
}

TEST_F(ReleaseTest, TheLauncherResumesAJournalWhoseBeginningIsGone) {
  JournalWriter writer = NewWriter();
  Sequencer sequencer = Get(Sequencer::Attach(writer, store_, {}, kSmall));
  for (int part = 0; part < 10; ++part) {
    const pid_t child = fork();
    if (child == 0) {
      bool ok = true;
      for (int i = part * 50; i < (part + 1) * 50; ++i) {
        ok = ok && writer.Append("E", Numbered(i), Durability::kOrdered);
      }
      _exit(ok ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
    Get(sequencer.Drain());
    writer.ResumeAt(sequencer.position());
  }
  EXPECT_TRUE(Marks().any_released());
  Get(sequencer.Finish());
  ExpectAll(500);
}

// RAM file systems of the oldest kind can neither preallocate nor punch.
TEST_F(ReleaseTest, WithoutHolesTheFileKeepsEverything) {
  const std::string mountpoint = directory_.File("ramfs");
  ASSERT_EQ(mkdir(mountpoint.c_str(), 0700), 0);
  if (geteuid() != 0 || mount("ramfs", mountpoint.c_str(), "ramfs", 0, "") != 0) {
    GTEST_SKIP() << "mounting needs root";
  }
  {
    JournalWriter writer =
        Get(JournalWriter::Create(mountpoint + "/s1.journal", TestIdentity("s1"), TestOptions()));
    Sequencer sequencer = Get(Sequencer::Attach(writer, store_, {}, kSmall));
    for (int i = 0; i < 1000; i += 50) {
      Append(writer, i, i + 50);
      Get(sequencer.Drain());
    }
    const Read read = ReadAll(mountpoint + "/s1.journal");
    EXPECT_EQ(read.error, "");
    EXPECT_GT(read.payloads.size(), 900U);
    Get(sequencer.Finish());
    ExpectAll(1000);
  }
  EXPECT_EQ(umount(mountpoint.c_str()), 0);
}

TEST_F(ReleaseTest, AKilledRunOfAnyLengthIsRecovered) {
  Get(OpenSqliteStore(directory_.File("audit.db"), OpenMode::kCreate));
  std::mt19937 random(23);
  for (int round = 0; round < 20; ++round) {
    const std::string id = "k" + std::to_string(round);
    int acknowledged[2];
    ASSERT_EQ(pipe2(acknowledged, O_CLOEXEC), 0);
    const pid_t child = fork();
    if (child == 0) {
      Ledger ledger = Get(Ledger::Open(directory_.path(), Ledger::Mode::kCreate));
      JournalWriter writer =
          Get(JournalWriter::Create(ledger.JournalPath(id), TestIdentity(id), TestOptions()));
      Sequencer sequencer = Get(Sequencer::Attach(writer, ledger.store(), {}, kSmall));
      for (int i = 0;; ++i) {
        const bool ok = writer.Append("E", Numbered(i), Durability::kOrdered) &&
                        write(acknowledged[1], &i, sizeof(i)) == sizeof(i) &&
                        (i % 16 != 0 || sequencer.Drain());
        if (!ok) {
          _exit(1);
        }
      }
    }
    close(acknowledged[1]);
    int last = -1;
    for (auto left = 50 + random() % 300; left > 0; --left) {
      ASSERT_EQ(read(acknowledged[0], &last, sizeof(last)), ssize_t{sizeof(last)});
    }
    kill(child, SIGKILL);
    while (read(acknowledged[0], &last, sizeof(last)) == ssize_t{sizeof(last)}) {
    }
    close(acknowledged[0]);
    ASSERT_EQ(waitpid(child, nullptr, 0), child);
    Ledger ledger = Get(Ledger::Open(directory_.path(), Ledger::Mode::kRead));
    ASSERT_TRUE(Get(ledger.Verify()).ok());
    ASSERT_GE(Get(ledger.FindSession(id)).session.head_seq, static_cast<std::uint64_t>(last));
    ASSERT_TRUE(Get(ListJournals(journals_)).empty());
  }
}

// What `log` and `audit` see of a living session: a gapless chain, though its journal has lost its
// beginning; and a finding, if the store has lost it too.
TEST_F(ReleaseTest, ReadersOfALivingSessionSeeItWhole) {
  Ledger ledger = Get(Ledger::Open(directory_.path(), Ledger::Mode::kCreate));
  JournalWriter writer = NewWriter();
  Sequencer sequencer = Get(Sequencer::Attach(writer, ledger.store(), {}, kSmall));
  int entries = 0;
  for (int part = 0; part < 20; ++part) {
    Append(writer, entries, entries + 30);
    entries += 30;
    Get(sequencer.Drain());
    Append(writer, entries, entries + 5);
    entries += 5;
    std::uint64_t next = 0;
    Get(ledger.Query({}, [&](const EntryView& entry) -> base::Result<bool> {
      EXPECT_EQ(entry.seq, next);
      ++next;
      return true;
    }));
    EXPECT_EQ(next, static_cast<std::uint64_t>(entries));
    const VerifyReport report = Get(ledger.Verify());
    EXPECT_TRUE(report.ok());
    EXPECT_EQ(report.entries, static_cast<std::uint64_t>(entries));
  }
  EXPECT_TRUE(Marks().any_released());

  const std::string other = directory_.File("other");
  std::filesystem::create_directory(other);
  Get(Ledger::Open(other, Ledger::Mode::kCreate));
  std::filesystem::create_hard_link(path_, other + "/journal/s1.journal");
  Ledger empty = Get(Ledger::Open(other, Ledger::Mode::kRead));
  const VerifyReport report = Get(empty.Verify());
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.findings.first()[0].what.find("rolled back"), std::string::npos);
}

TEST_F(ReleaseTest, TailsOfHostileMarksAreDamageNotCrashes) {
  Get(Ledger::Open(directory_.path(), Ledger::Mode::kCreate));
  Ledger ledger = Get(Ledger::Open(directory_.path(), Ledger::Mode::kRead));
  JournalWriter writer = NewWriter();
  Sequencer sequencer = Get(Sequencer::Attach(writer, ledger.store(), {}, kSmall));
  for (int i = 0; i < 200; i += 20) {
    Append(writer, i, i + 20);
    Get(sequencer.Drain());
  }
  Append(writer, 200, 220);
  const JournalReader::Marks right = Marks();
  std::mt19937_64 random(5);
  for (int round = 0; round < 300; ++round) {
    const std::size_t field = round % 2 == 0 ? journal::kReleasedAt : journal::kDrainedAt;
    const std::uint64_t was = field == journal::kReleasedAt ? right.released : right.drained;
    const std::uint64_t at = round % 3 == 0 ? random() : right.released - 100 + (random() % 8000);
    Put(field, at);
    const VerifyReport report = Get(ledger.Verify());
    const bool whole = report.ok() && report.entries == 220;
    const bool harmless =
        field == journal::kDrainedAt && (at < right.released || at == was || at > right.committed);
    EXPECT_TRUE(harmless ? whole : !report.ok() || report.entries <= 220) << at;
    EXPECT_TRUE(whole || !report.ok() || field == journal::kDrainedAt) << at;
    Put(field, was);
  }
  EXPECT_TRUE(Get(ledger.Verify()).ok());
}

}  // namespace
}  // namespace aegis::ledger
