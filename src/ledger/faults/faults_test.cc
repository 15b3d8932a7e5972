// A run in which each storage call in turn goes wrong, in each way that it can.

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>  // WEXITSTATUS
#include <sys/wait.h>

#include <array>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/faults/fault_run.h"
#include "ledger/faults/shim_log.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger::faults {
namespace {

#ifdef AEGIS_SOAK
constexpr std::size_t kSample = 1;
#else
constexpr std::size_t kSample = 6;  // every so-manieth pair of call and fault
#endif

constexpr std::array<std::string_view, 8> kFaults = {
    "kill_before", "kill_after", "eio", "enospc", "full", "eintr", "short", "short_full"};

bool Applies(std::string_view fault, std::string_view call) {
  const bool writes = call.starts_with("write ") || call.starts_with("pwrite ");
  return !fault.starts_with("short") || writes;
}

class FaultsTest : public testing::Test {
 protected:
  DriverRun RunIn(const std::string& name, std::size_t at, std::string_view fault) {
    const std::string directory = scratch_.File(name);
    std::filesystem::create_directory(directory);
    return RunDriver(directory, {{kShimAt, std::to_string(at)}, {kShimFault, std::string(fault)}});
  }
  TempDirectory scratch_{Scratch()};
};

TEST_F(FaultsTest, WithoutFaultsNothingIsRefused) {
  const DriverRun run = RunIn("right", 0, "");
  EXPECT_EQ(run.status, 0);
  EXPECT_TRUE(run.told.refusals.empty());
  EXPECT_GT(run.calls.size(), 100U);  // else the shim does not see them
  ASSERT_EQ(run.told.sessions.size(), 5U);
  EXPECT_EQ(run.told.sessions.at("s1").stored, 77U);
  EXPECT_EQ(run.told.sessions.at("s4").appended, 5U);
  EXPECT_EQ(run.told.sessions.at("s4").stored, 2U);
  EXPECT_EQ(run.told.sessions.at("s5").stored, 3U);
  EXPECT_EQ(run.told.policies.size(), 1U);
  EXPECT_EQ(run.told.checkpoints, 3U);
  EXPECT_TRUE(run.told.sessions.at("s1").erased);
  for (const std::string_view needed :
       {"open ", "write ", "pwrite ", "fdatasync ", "fsync ", "fallocate ", "rename ", "unlink ",
        "mmap ", "flock ", "fcntl ", "ftruncate "}) {
    bool seen = false;
    for (const std::string& call : run.calls) {
      seen = seen || call.starts_with(needed);
    }
    EXPECT_TRUE(seen) << needed;
  }
  ExpectKept(scratch_.File("right"), run.told, false);
}

TEST_F(FaultsTest, WhicheverCallGoesWrongNothingAcknowledgedIsLost) {
  const std::vector<std::string> calls = RunIn("right", 0, "").calls;
  std::size_t pair = 0;
  for (std::size_t at = 1; at <= calls.size(); ++at) {
    for (const std::string_view fault : kFaults) {
      if (!Applies(fault, calls[at - 1]) || ++pair % kSample != 0) {
        continue;
      }
      const std::string name = std::to_string(at) + "-" + std::string(fault);
      SCOPED_TRACE(name + ": " + calls[at - 1]);
      const DriverRun run = RunIn(name, at, fault);
      if (fault.starts_with("kill")) {
        EXPECT_TRUE(WIFSIGNALED(run.status) && WTERMSIG(run.status) == SIGKILL);
      } else {
        EXPECT_TRUE(WIFEXITED(run.status));
        EXPECT_EQ(static_cast<std::size_t>(WEXITSTATUS(run.status)), run.told.refusals.size());
      }
      ExpectKept(scratch_.File(name), run.told, false);
      if (HasFailure()) {
        for (const std::string& refusal : run.told.refusals) {
          ADD_FAILURE() << refusal;
        }
        return;
      }
      std::filesystem::remove_all(scratch_.File(name));
    }
  }
}

}  // namespace
}  // namespace aegis::ledger::faults
