#include "ledger/noted_checkpoint.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <iterator>
#include <string>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

using base::Errc;

class NotedCheckpointTest : public testing::Test {
 protected:
  static StoredCheckpoint Of(std::uint64_t size, const std::string& root = "r") {
    const Checkpoint checkpoint{.origin = "o", .size = size, .root = canon::HashSha256(root)};
    return {.size = size, .note = checkpoint.BodyText() + "\n— o AAAAAAAA\n"};
  }
  Errc Refusal() {
    const auto noted = ReadNotedCheckpoint(directory_.path());
    return noted ? Errc::kInternal : noted.error().code();
  }
  TempDirectory directory_;
  std::string path_ = directory_.File("checkpoint");
};

TEST_F(NotedCheckpointTest, IsReadAsItWasWritten) {
  EXPECT_EQ(Refusal(), Errc::kNotFound);
  Get(WriteNotedCheckpoint(directory_.path(), Of(7)));
  const StoredCheckpoint noted = Get(ReadNotedCheckpoint(directory_.path()));
  EXPECT_EQ(noted.size, 7U);
  EXPECT_EQ(noted.note, Of(7).note);
  EXPECT_EQ(Slurp(path_), Of(7).note);
  struct stat status{};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_.path()), {}), 1);
}

TEST_F(NotedCheckpointTest, NeverGoesBack) {
  Get(WriteNotedCheckpoint(directory_.path(), Of(7)));
  Get(WriteNotedCheckpoint(directory_.path(), Of(6)));
  EXPECT_EQ(Slurp(path_), Of(7).note);
  Get(WriteNotedCheckpoint(directory_.path(), Of(7, "with more signatures")));
  EXPECT_EQ(Slurp(path_), Of(7, "with more signatures").note);
  Get(WriteNotedCheckpoint(directory_.path(), Of(8)));
  EXPECT_EQ(Slurp(path_), Of(8).note);
}

TEST_F(NotedCheckpointTest, WhatAPowerCutLeavesIsNone) {
  for (const std::string& text : {std::string(), std::string(100, '\0')}) {
    Spill(path_, text);
    EXPECT_EQ(Refusal(), Errc::kNotFound);
  }
  Get(WriteNotedCheckpoint(directory_.path(), Of(1)));
  EXPECT_EQ(Get(ReadNotedCheckpoint(directory_.path())).size, 1U);
}

TEST_F(NotedCheckpointTest, GarbageIsNoCheckpointAndIsReplaced) {
  const std::string good = Of(7).note;
  for (const std::string& text :
       {std::string("x"), std::string(100, '\0') + "x", good.substr(0, 20), good + "x",
        "\xff" + good, std::string(2U << 20U, 'x')}) {
    Spill(path_, text);
    EXPECT_NE(Refusal(), Errc::kInternal);
    EXPECT_NE(Refusal(), Errc::kNotFound);
  }
  Get(WriteNotedCheckpoint(directory_.path(), Of(3)));
  EXPECT_EQ(Get(ReadNotedCheckpoint(directory_.path())).size, 3U);
}

TEST_F(NotedCheckpointTest, AFailureLeavesTheOldOneAndNoRubbish) {
  std::filesystem::create_directory(path_);
  EXPECT_FALSE(WriteNotedCheckpoint(directory_.path(), Of(3)));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_.path()), {}), 1);
  EXPECT_FALSE(WriteNotedCheckpoint(directory_.File("nowhere"), Of(3)));
}

}  // namespace
}  // namespace aegis::ledger
