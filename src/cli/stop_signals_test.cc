#include "cli/stop_signals.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <chrono>

#include "base/unique_fd.h"

namespace aegis::cli {
namespace {

using std::chrono::milliseconds;

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    read = base::UniqueFd(ends[0]);
    write = base::UniqueFd(ends[1]);
  }
  base::UniqueFd read;
  base::UniqueFd write;
};

TEST(StopSignals, WaitsAsLongAsItMay) {
  const Pipe pipe;
  StopSignals signals;
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(signals.Wait(milliseconds(30), pipe.write.get()));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(30));
}

TEST(StopSignals, ASignalStopsForGood) {
  const Pipe pipe;
  for (const int signal : {SIGINT, SIGTERM}) {
    StopSignals signals;
    ASSERT_EQ(raise(signal), 0);
    EXPECT_TRUE(signals.Wait(std::chrono::minutes(1), pipe.write.get()));
    EXPECT_TRUE(signals.Wait(milliseconds(0), pipe.write.get()));
  }
}

TEST(StopSignals, AReaderThatWentAwayStops) {
  Pipe pipe;
  StopSignals signals;
  pipe.read.Reset();
  EXPECT_TRUE(signals.Wait(milliseconds(0), pipe.write.get()));
}

TEST(StopSignals, FilesHaveNoReaderToWaitFor) {
  const base::UniqueFd file(open("/dev/null", O_WRONLY | O_CLOEXEC));
  StopSignals signals;
  EXPECT_FALSE(signals.Wait(milliseconds(0), file.get()));
}

TEST(StopSignals, WhatCameAndWasNotTakenTakesEffect) {
  EXPECT_EXIT(
      {
        {
          const StopSignals signals;
          raise(SIGTERM);
        }
        _exit(0);
      },
      testing::KilledBySignal(SIGTERM), "");
}

}  // namespace
}  // namespace aegis::cli
