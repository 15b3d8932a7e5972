// What a power cut at any moment of a run may leave of its ledger.

#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/faults/disk_image.h"
#include "ledger/faults/fault_run.h"
#include "ledger/faults/shim_log.h"
#include "ledger/journal_format.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger::faults {
namespace {

#ifdef AEGIS_SOAK
constexpr int kRandomImages = 50;
#else
constexpr int kRandomImages = 2;
#endif

// As if the machine had been started anew: journals are of another boot.
void ChangeBoots(const std::string& directory) {
  if (!std::filesystem::is_directory(directory + "/journal")) {
    return;
  }
  for (const auto& file : std::filesystem::directory_iterator(directory + "/journal")) {
    std::string content = Slurp(file.path());
    auto header = journal::DecodeHeader(content);
    if (header) {
      header->boot[0] = static_cast<char>(header->boot[0] ^ 1);
      content.replace(0, journal::kHeaderSize, EncodeHeader(*header, 0));
      Spill(file.path(), content);
    }
  }
}

class PowerCutTest : public testing::Test {
 protected:
  PowerCutTest() {
    const std::string directory = scratch_.File("run");
    const std::string log = scratch_.File("log");
    std::filesystem::create_directory(directory);
    const DriverRun run = RunDriver(directory, {{kShimLog, log}});
    EXPECT_EQ(run.status, 0);
    ops_ = ReadShimLog(Slurp(log));
  }

  // The ledger after a power cut, which must be in order and have what was promised.
  void Cut(const Disk& disk, const Told& told, Unsynced unsynced) {
    const TempDirectory image(scratch_.File("image"));
    std::filesystem::create_directory(image.path());
    disk.Leave(image.path(), unsynced, random_);
    ChangeBoots(image.path());
    ExpectKept(image.path(), told, true);
  }

  TempDirectory scratch_{Scratch()};
  std::vector<LoggedOp> ops_;
  std::mt19937 random_{7};
};

TEST_F(PowerCutTest, AtAnyMomentLeavesALedgerInOrderWithAllThatWasPromised) {
  ASSERT_GT(ops_.size(), 400U);
  Disk disk;
  std::string told;
  for (std::size_t i = 0; i < ops_.size(); ++i) {
    disk.Apply(ops_[i]);
    told += ops_[i].record.op == ShimOp::kAcknowledge ? ops_[i].bytes : "";
    SCOPED_TRACE("after operation " + std::to_string(i + 1) + " of " + std::to_string(ops_.size()));
    Cut(disk, ReadTold(told), Unsynced::kNothing);
    Cut(disk, ReadTold(told), Unsynced::kEverything);
    for (int image = 0; image < kRandomImages && !HasFailure(); ++image) {
      Cut(disk, ReadTold(told), Unsynced::kSome);
    }
    if (HasFailure()) {
      return;
    }
  }
}

}  // namespace
}  // namespace aegis::ledger::faults
