#include "ledger/sequencer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "ledger/faulty_store.h"
#include "ledger/test_ledger.h"
#include "ledger/test_store.h"

namespace aegis::ledger {
namespace {

using Call = FaultyStore::Call;
using Fault = FaultyStore::Fault;

class SequencerTest : public testing::Test {
 protected:
  void Append(int from, int to) {
    for (int i = from; i < to; ++i) {
      Get(writer_.Append("E", R"({"n":)" + std::to_string(i) + "}", Durability::kOrdered));
    }
  }

  // A run over a store that fails once as planned, and what whoever opens the ledger next makes of
  // it.
  void FailingRun(const FaultyStore::Plan& plan) {
    const std::string path = directory_.File("run.journal");
    MemoryStore memory;
    FaultyStore store(memory);
    store.Arrange(plan);
    std::size_t acknowledged = 0;
    {
      JournalWriter writer = Get(JournalWriter::Create(path, TestIdentity("run"), TestOptions()));
      Sequencer sequencer = Get(Sequencer::Attach(writer, store, {}, {.release_bytes = 32768}));
      base::Result<> drained;
      for (std::size_t i = 0; i < 400; ++i) {
        const auto appended =
            writer.Append("E", R"({"n":)" + std::to_string(i) + "}", Durability::kOrdered);
        EXPECT_EQ(appended.has_value(), drained.has_value());
        acknowledged += appended ? 1U : 0U;
        drained = i % 20 == 0 ? sequencer.Drain() : drained;
      }
      (void)sequencer.Finish();
    }
    if (std::filesystem::exists(path)) {
      Get(Get(Sequencer::Over(OpenDead(path), store)).Finish());
    }
    const std::vector<std::string> payloads = memory.payloads("run");
    ASSERT_EQ(payloads.size(), acknowledged);
    for (std::size_t i = 0; i < acknowledged; ++i) {
      ASSERT_EQ(payloads[i], R"({"n":)" + std::to_string(i) + "}");
    }
  }
  static JournalReader OpenDead(const std::string& path) {
    base::UniqueFd fd(open(path.c_str(), O_RDWR | O_CLOEXEC));
    return Get(JournalReader::FromFd(std::move(fd), path));
  }

  TempDirectory directory_;
  std::string path_ = directory_.File("s1.journal");
  JournalWriter writer_ = Get(JournalWriter::Create(path_, TestIdentity("s1"), TestOptions()));
  MemoryStore memory_;
  FaultyStore store_{memory_};
};

TEST_F(SequencerTest, CarriesEntriesInOrderWhileTheWriterGoesOn) {
  std::vector<std::uint64_t> observed;
  Sequencer sequencer = Get(Sequencer::Attach(
      writer_, store_, [&](const EntryView& entry) { observed.push_back(entry.seq); }));
  Get(sequencer.Drain());
  EXPECT_EQ(memory_.groups(), 0);
  Append(0, 10);
  Get(sequencer.Drain());
  Append(10, 2000);
  Get(sequencer.Drain());
  EXPECT_EQ(memory_.payloads("s1").size(), 2000U);
  EXPECT_EQ(memory_.payloads("s1")[1999], R"({"n":1999})");
  EXPECT_EQ(observed.size(), 2000U);
  EXPECT_EQ(sequencer.entries(), 2000U);
  Get(sequencer.Finish());
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(SequencerTest, NobodyWaitsForSummaries) {
  Sequencer sequencer = Get(Sequencer::Attach(writer_, store_));
  Get(sequencer.Drain());
  Append(0, 100);
  Get(sequencer.Drain());
  EXPECT_EQ(memory_.summaries(), 0);
  Get(sequencer.Drain());  // nothing to store: now there is time
  Get(sequencer.Drain());
  EXPECT_EQ(memory_.summaries(), 1);
  Append(100, 200);
  Get(sequencer.Finish());
  EXPECT_EQ(memory_.summaries(), 1);
}

TEST_F(SequencerTest, ManyEntriesAreSummarizedWhileMoreCome) {
  Sequencer sequencer = Get(Sequencer::Attach(writer_, store_));
  for (int i = 0; i < 40; ++i) {
    Append(i * 1000, (i + 1) * 1000);
    Get(sequencer.Drain());
  }
  EXPECT_EQ(memory_.summaries(), 1);
}

TEST_F(SequencerTest, AnEmptyJournalIsRemoved) {
  Sequencer sequencer = Get(Sequencer::Attach(writer_, store_));
  Get(sequencer.Finish());
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_EQ(Get(memory_.FindSession("s1")), std::nullopt);
}

TEST_F(SequencerTest, ASmallJournalIsLeftAsDoneAndALargeOneIsNot) {
  Get(Get(Sequencer::Attach(writer_, store_)).Finish());
  EXPECT_TRUE(std::filesystem::exists(path_ + ".done"));

  const std::string large = directory_.File("s2.journal");
  const JournalWriter writer = Get(JournalWriter::Create(large, TestIdentity("s2"), TestOptions()));
  ASSERT_EQ(fallocate(writer.fd(), 0, 0, 9 << 20), 0);
  Get(Get(Sequencer::Attach(writer, store_)).Finish());
  EXPECT_FALSE(std::filesystem::exists(large));
  EXPECT_FALSE(std::filesystem::exists(large + ".done"));
}

TEST_F(SequencerTest, ABrokenStoreStopsTheWriterAndLosesNothing) {
  Sequencer sequencer = Get(Sequencer::Attach(writer_, store_));
  Append(0, 3);
  Get(sequencer.Drain());
  EXPECT_FALSE(sequencer.failed());
  Append(3, 6);
  store_.Arrange({.call = Call::kAppend});
  const auto drained = sequencer.Drain();
  ASSERT_FALSE(drained);
  EXPECT_TRUE(sequencer.failed());
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
  EXPECT_EQ(memory_.payloads("s1").size(), 6U);
  EXPECT_EQ(next.entries(), 3U);
}

TEST_F(SequencerTest, ABusyStoreIsTriedAgainButNotForEver) {
  Sequencer sequencer = Get(Sequencer::Attach(writer_, store_));
  Append(0, 3);
  store_.Arrange(
      {.call = Call::kAppend, .times = Sequencer::kMaxBusy - 1, .error = base::Errc::kUnavailable});
  for (int i = 0; i < Sequencer::kMaxBusy; ++i) {
    Get(sequencer.Drain());
  }
  EXPECT_EQ(memory_.payloads("s1").size(), 3U);
  Get(writer_.Append("E", "{}", Durability::kOrdered));
  store_.Arrange(
      {.call = Call::kAppend, .times = Sequencer::kMaxBusy, .error = base::Errc::kUnavailable});
  for (int i = 0; i < Sequencer::kMaxBusy - 1; ++i) {
    Get(sequencer.Drain());
  }
  EXPECT_FALSE(sequencer.Drain());
  EXPECT_FALSE(writer_.Append("E", "{}", Durability::kOrdered));
}

TEST_F(SequencerTest, FinishWaitsForABusyStore) {
  Sequencer sequencer = Get(Sequencer::Attach(writer_, store_));
  Append(0, 3);
  store_.Arrange({.call = Call::kAppend, .error = base::Errc::kUnavailable});
  Get(sequencer.Finish());
  EXPECT_EQ(memory_.payloads("s1").size(), 3U);
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
  EXPECT_EQ(memory_.payloads("s1").size(), 3U);  // what is good before the damage is kept
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
  EXPECT_EQ(memory_.payloads("s1").size(), 3U);
}

TEST_F(SequencerTest, KnowsWhereTheChainEnds) {
  Append(0, 3);
  Sequencer sequencer = Get(Sequencer::Attach(writer_, store_));
  Get(sequencer.Drain());
  EXPECT_EQ(sequencer.position().next_seq, 3U);
  EXPECT_EQ(sequencer.position().prev_hash, Get(memory_.FindSession("s1"))->head_hash);
  writer_.ResumeAt(sequencer.position());
  Append(3, 4);
  Get(sequencer.Finish());
  EXPECT_EQ(memory_.payloads("s1").size(), 4U);
}

// Where a store fails, and how, does not matter: what was acknowledged is stored once, in order.
TEST_F(SequencerTest, WhateverTheStoreDoesNothingIsLostOrForked) {
  for (const Fault fault : {Fault::kFail, Fault::kFailAfter}) {
    for (const base::Errc error : {base::Errc::kExhausted, base::Errc::kUnavailable}) {
      for (const Call call : {Call::kAppend, Call::kFindSession}) {
        for (int at = 1; at <= 6; ++at) {
          FailingRun({.call = call, .at = at, .fault = fault, .error = error});
        }
      }
    }
  }
}

TEST_F(SequencerTest, ACommitWhoseOutcomeWasNotLearntForksNothing) {
  Sequencer sequencer = Get(Sequencer::Attach(writer_, store_));
  Append(0, 3);
  store_.Arrange({.fault = Fault::kFailAfter, .error = base::Errc::kUnavailable});
  Get(sequencer.Drain());  // busy, it seems
  const auto again = sequencer.Drain();
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), base::Errc::kConflict);
  EXPECT_TRUE(std::filesystem::exists(path_));
  Sequencer next =
      Get(Sequencer::Over(Get(JournalReader::FromFd(DuplicateFd(writer_.fd()), path_)), store_));
  Get(next.Finish());
  EXPECT_EQ(next.entries(), 0U);
  EXPECT_EQ(memory_.payloads("s1").size(), 3U);
}

}  // namespace
}  // namespace aegis::ledger
