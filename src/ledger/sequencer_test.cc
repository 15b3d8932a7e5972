#include "ledger/sequencer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

// A store in memory that can be told to fail.
class FakeStore final : public Store {
 public:
  base::Result<> Append(std::span<const EntryView> group) override {
    if (failures_left > 0) {
      --failures_left;
      return base::Fail(failure, "told to fail");
    }
    ++groups;
    for (const EntryView& entry : group) {
      payloads.emplace_back(entry.payload);
      if (session) {
        Advance(*session, entry);
      } else {
        session = BeginSession(entry);
      }
    }
    return {};
  }
  base::Result<std::optional<Session>> FindSession(std::string_view) override { return session; }
  base::Result<std::unique_ptr<Snapshot>> OpenSnapshot() override {
    return base::Fail(base::Errc::kUnsupported, "no snapshots");
  }
  base::Result<> PutCheckpoint(const StoredCheckpoint&) override { return {}; }
  base::Result<> AddKey(const StoredKey&) override { return {}; }
  base::Result<> Erase(std::span<const IdRange>, const EntryView&) override { return {}; }

  int failures_left = 0;
  base::Errc failure = base::Errc::kExhausted;
  int groups = 0;
  std::vector<std::string> payloads;
  std::optional<Session> session;
};

class SequencerTest : public testing::Test {
 protected:
  void Append(int from, int to) {
    for (int i = from; i < to; ++i) {
      Get(writer_.Append("E", R"({"n":)" + std::to_string(i) + "}", Durability::kOrdered));
    }
  }

  TempDirectory directory_;
  std::string path_ = directory_.File("s1.journal");
  JournalWriter writer_ = Get(JournalWriter::Create(path_, TestIdentity("s1"), TestOptions()));
  FakeStore store_;
};

TEST_F(SequencerTest, CarriesEntriesInOrderWhileTheWriterGoesOn) {
  std::vector<std::uint64_t> observed;
  Sequencer sequencer = Get(Sequencer::Attach(
      writer_, store_, [&](const EntryView& entry) { observed.push_back(entry.seq); }));
  Get(sequencer.Drain());
  EXPECT_EQ(store_.groups, 0);
  Append(0, 10);
  Get(sequencer.Drain());
  Append(10, 2000);
  Get(sequencer.Drain());
  EXPECT_EQ(store_.payloads.size(), 2000U);
  EXPECT_EQ(store_.payloads[1999], R"({"n":1999})");
  EXPECT_EQ(observed.size(), 2000U);
  EXPECT_EQ(sequencer.entries(), 2000U);
  Get(sequencer.Finish());
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(SequencerTest, AnEmptyJournalIsRemoved) {
  Sequencer sequencer = Get(Sequencer::Attach(writer_, store_));
  Get(sequencer.Finish());
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_EQ(store_.session, std::nullopt);
}

TEST_F(SequencerTest, ABrokenStoreStopsTheWriterAndLosesNothing) {
  Sequencer sequencer = Get(Sequencer::Attach(writer_, store_));
  Append(0, 3);
  Get(sequencer.Drain());
  Append(3, 6);
  store_.failures_left = 1;
  const auto drained = sequencer.Drain();
  ASSERT_FALSE(drained);
  EXPECT_EQ(drained.error().code(), base::Errc::kExhausted);
  const auto appended = writer_.Append("E", "{}", Durability::kOrdered);
  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().code(), base::Errc::kUnavailable);
  EXPECT_FALSE(sequencer.Drain());  // it stays broken
  EXPECT_FALSE(sequencer.Finish());
  EXPECT_TRUE(std::filesystem::exists(path_));
  // Whoever opens the ledger next has it all.
  Sequencer next =
      Get(Sequencer::Over(Get(JournalReader::FromFd(DuplicateFd(writer_.fd()), path_)), store_));
  Get(next.Finish());
  EXPECT_EQ(store_.payloads.size(), 6U);
  EXPECT_EQ(next.entries(), 3U);
}

TEST_F(SequencerTest, ABusyStoreIsTriedAgainButNotForEver) {
  Sequencer sequencer = Get(Sequencer::Attach(writer_, store_));
  Append(0, 3);
  store_.failure = base::Errc::kUnavailable;
  store_.failures_left = Sequencer::kMaxBusy - 1;
  for (int i = 0; i < Sequencer::kMaxBusy; ++i) {
    Get(sequencer.Drain());
  }
  EXPECT_EQ(store_.payloads.size(), 3U);
  Get(writer_.Append("E", "{}", Durability::kOrdered));
  store_.failures_left = Sequencer::kMaxBusy;
  for (int i = 0; i < Sequencer::kMaxBusy - 1; ++i) {
    Get(sequencer.Drain());
  }
  EXPECT_FALSE(sequencer.Drain());
  EXPECT_FALSE(writer_.Append("E", "{}", Durability::kOrdered));
}

TEST_F(SequencerTest, FinishWaitsForABusyStore) {
  Sequencer sequencer = Get(Sequencer::Attach(writer_, store_));
  Append(0, 3);
  store_.failure = base::Errc::kUnavailable;
  store_.failures_left = 1;
  Get(sequencer.Finish());
  EXPECT_EQ(store_.payloads.size(), 3U);
}

TEST_F(SequencerTest, ADamagedJournalStopsTheWriter) {
  Append(0, 3);
  const std::uint64_t good = Get(Get(JournalReader::Open(path_)).marks()).committed;
  Append(3, 6);
  const base::UniqueFd fd = DuplicateFd(writer_.fd());
  ASSERT_EQ(pwrite(fd.get(), "X", 1, static_cast<off_t>(good) + 20), 1);
  Sequencer sequencer = Get(Sequencer::Attach(writer_, store_));
  const auto drained = sequencer.Drain();
  ASSERT_FALSE(drained);
  EXPECT_EQ(drained.error().code(), base::Errc::kCorrupt);
  EXPECT_EQ(store_.payloads.size(), 3U);  // what is good before the damage is kept
  EXPECT_FALSE(writer_.Append("E", "{}", Durability::kOrdered));
}

TEST_F(SequencerTest, AChainThatTheStoreDoesNotKnowIsRefused) {
  Append(0, 3);
  const std::string other = directory_.File("other.journal");
  JournalWriter fork = Get(JournalWriter::Create(other, TestIdentity("s1"), TestOptions()));
  Get(fork.Append("E", R"({"n":"forged"})", Durability::kOrdered));
  Get(Get(Sequencer::Attach(writer_, store_)).Drain());
  Sequencer sequencer = Get(Sequencer::Attach(fork, store_));
  const auto drained = sequencer.Drain();
  ASSERT_FALSE(drained);
  EXPECT_EQ(drained.error().code(), base::Errc::kConflict);
  EXPECT_EQ(store_.payloads.size(), 3U);
}

TEST_F(SequencerTest, KnowsWhereTheChainEnds) {
  Append(0, 3);
  Sequencer sequencer = Get(Sequencer::Attach(writer_, store_));
  Get(sequencer.Drain());
  EXPECT_EQ(sequencer.position().next_seq, 3U);
  EXPECT_EQ(sequencer.position().prev_hash, store_.session->head_hash);
  writer_.ResumeAt(sequencer.position());
  Append(3, 4);
  Get(sequencer.Finish());
  EXPECT_EQ(store_.payloads.size(), 4U);
}

}  // namespace
}  // namespace aegis::ledger
