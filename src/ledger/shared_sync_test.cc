#include "ledger/shared_sync.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "ledger/test_journal.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

constexpr int kWaiters = 64;

// The first sync has begun when the others write, so it can't serve them; the second serves all.
TEST(SharedSyncTest, ThoseThatWaitShareTheNextSync) {
  SharedSync shared;
  std::atomic<std::uint64_t> written = 1;
  std::latch begun(1);
  std::latch all_wrote(kWaiters);
  std::atomic<int> syncs = 0;
  const SharedSync::Sync sync = [&]() -> Result<std::uint64_t> {
    const std::uint64_t reached = written;
    if (++syncs == 1) {
      begun.count_down();
      all_wrote.wait();
    }
    return reached;
  };
  std::vector<std::jthread> threads;
  threads.emplace_back([&] { EXPECT_TRUE(shared.Reach(1, sync)); });
  begun.wait();
  for (int i = 0; i < kWaiters; ++i) {
    threads.emplace_back([&] {
      const std::uint64_t end = ++written;
      all_wrote.count_down();
      EXPECT_TRUE(shared.Reach(end, sync));
    });
  }
  threads.clear();
  EXPECT_EQ(syncs, 2);
}

TEST(SharedSyncTest, WhatIsSyncedNeedsNoSync) {
  SharedSync shared;
  int syncs = 0;
  const SharedSync::Sync sync = [&]() -> Result<std::uint64_t> {
    ++syncs;
    return 10;
  };
  EXPECT_TRUE(shared.Reach(10, sync));
  EXPECT_TRUE(shared.Reach(7, sync));
  EXPECT_EQ(syncs, 1);
}

TEST(SharedSyncTest, AFailureIsEveryonesAndStays) {
  SharedSync shared;
  std::latch begun(1);
  std::latch go(1);
  const SharedSync::Sync fail = [&]() -> Result<std::uint64_t> {
    begun.count_down();
    go.wait();
    return Fail(Errc::kUnavailable, "sync: the disk is gone");
  };
  const auto expect_failure = [&](std::uint64_t end) {
    const auto reached = shared.Reach(end, fail);
    ASSERT_FALSE(reached);
    EXPECT_EQ(reached.error().message(), "sync: the disk is gone");
  };
  {
    const std::jthread first([&] { expect_failure(1); });
    begun.wait();
    const std::jthread second([&] { expect_failure(2); });
    go.count_down();
  }
  expect_failure(1);
  EXPECT_FALSE(shared.Reach(3, []() -> Result<std::uint64_t> { return 3; }));
}

TEST_F(JournalTest, ThreadsAppendDurablyToOneChain) {
  constexpr int kThreads = 8;
  constexpr int kEach = 100;
  JournalWriter writer = NewWriter();
  {
    std::vector<std::jthread> threads;
    threads.reserve(kThreads);
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&writer, i] {
        for (int n = 0; n < kEach; ++n) {
          const auto durability = n % 4 == 3 ? Durability::kOrdered : Durability::kDurable;
          EXPECT_TRUE(writer.Append("E", Numbered(i * kEach + n), durability));
        }
      });
    }
  }
  Get(writer.Append("E", kPayload, Durability::kDurable));
  const Read read = ReadAll(path_);
  EXPECT_EQ(read.error, "");
  EXPECT_EQ(read.payloads.size(), kThreads * kEach + 1U);
  const JournalReader::Marks marks = Get(Get(JournalReader::Open(path_)).marks());
  EXPECT_EQ(marks.synced, marks.committed);
}

}  // namespace
}  // namespace aegis::ledger
