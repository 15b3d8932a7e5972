#include "witness/state_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "canon/canon.h"
#include "witness/test_log.h"

namespace aegis::witness {
namespace {

using base::Errc;
using testing::HasSubstr;

class StateDirectoryTest : public testing::Test {
 protected:
  static mode_t ModeOf(const std::string& path) {
    struct stat info{};
    EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
    return info.st_mode & 07777U;
  }
  std::string CheckpointFile() const {
    return path_ + "/" + canon::HexEncode(canon::HashSha256("log.example").view()) + ".checkpoint";
  }

  TempDirectory directory_;
  std::string path_ = directory_.File("a/b");
  TestLog log_{"log.example"};
};

TEST_F(StateDirectoryTest, RemembersAcrossRestarts) {
  {
    const auto state = Get(StateDirectory::Open(path_));
    EXPECT_EQ(Get(state->Latest("log.example")), std::nullopt);
    Get(state->Put("log.example", log_.Note(1)));
    Get(state->Put("log.example", log_.Note(2)));
    Get(state->Put("other.example", log_.Note(7)));
    Get(state->KeepConflict("log.example", log_.Note(3)));
  }
  EXPECT_EQ(ModeOf(path_), 0700U);
  EXPECT_EQ(ModeOf(CheckpointFile()), 0600U);
  EXPECT_EQ(Slurp(CheckpointFile()), log_.Note(2).Text());
  const auto state = Get(StateDirectory::Open(path_));
  EXPECT_EQ(Get(state->Latest("log.example")), log_.Note(2));
  EXPECT_EQ(Get(state->Latest("other.example")), log_.Note(7));
  EXPECT_EQ(Get(state->Latest("../x")), std::nullopt);
}

TEST_F(StateDirectoryTest, IsForOneWitnessOnly) {
  auto state = Get(StateDirectory::Open(path_));
  const auto second = StateDirectory::Open(path_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Errc::kConflict);
  EXPECT_THAT(second.error().message(), HasSubstr("another witness works in "));
  state.reset();
  EXPECT_TRUE(StateDirectory::Open(path_));
}

TEST_F(StateDirectoryTest, RefusesPlacesThatOthersMayChange) {
  std::filesystem::create_directories(path_);
  for (const mode_t mode : {0770U, 0702U, 0777U}) {
    ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
    const auto state = StateDirectory::Open(path_);
    ASSERT_FALSE(state) << mode;
    EXPECT_EQ(state.error().code(), Errc::kDenied);
  }
  ASSERT_EQ(::chmod(path_.c_str(), 0755), 0);
  EXPECT_TRUE(StateDirectory::Open(path_));
  Spill(directory_.File("file"), "");
  EXPECT_FALSE(StateDirectory::Open(directory_.File("file")));
}

TEST_F(StateDirectoryTest, DamageIsNotTakenForNothing) {
  const auto state = Get(StateDirectory::Open(path_));
  Get(state->Put("log.example", log_.Note(1)));
  Spill(CheckpointFile(), "");
  EXPECT_EQ(state->Latest("log.example").error().code(), Errc::kCorrupt);
  Spill(CheckpointFile(), "rubbish");
  EXPECT_EQ(state->Latest("log.example").error().code(), Errc::kCorrupt);
  std::filesystem::remove(CheckpointFile());
  std::filesystem::create_directory(CheckpointFile());
  EXPECT_FALSE(state->Latest("log.example"));
  EXPECT_FALSE(state->Put("log.example", log_.Note(1)));
}

TEST_F(StateDirectoryTest, MakesItsKeyOnce) {
  const auto state = Get(StateDirectory::Open(path_));
  EXPECT_THAT(state->Key(std::nullopt).error().message(), HasSubstr("--name"));
  EXPECT_FALSE(std::filesystem::exists(path_ + "/witness.key"));
  EXPECT_FALSE(state->Key("a name"));
  EXPECT_FALSE(std::filesystem::exists(path_ + "/witness.key"));
  const std::string key = Get(state->Key("w.example")).cosigner().Text();
  EXPECT_EQ(ModeOf(path_ + "/witness.key"), 0600U);
  EXPECT_EQ(Get(state->Key(std::nullopt)).cosigner().Text(), key);
  EXPECT_EQ(Get(state->Key("w.example")).cosigner().Text(), key);
  const auto other = state->Key("other.example");
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message(), HasSubstr("\"w.example\""));
}

TEST_F(StateDirectoryTest, RefusesAKeyThatOthersCouldKnow) {
  const auto state = Get(StateDirectory::Open(path_));
  const std::string file = path_ + "/witness.key";
  Get(state->Key("w.example"));
  const std::string secret = Slurp(file).substr(0, 40);
  for (const mode_t mode : {0640U, 0604U, 0620U}) {
    ASSERT_EQ(::chmod(file.c_str(), mode), 0);
    EXPECT_EQ(state->Key(std::nullopt).error().code(), Errc::kDenied) << mode;
  }
  ASSERT_EQ(::chmod(file.c_str(), 0600), 0);
  Spill(file, secret);
  const auto broken = state->Key("w.example");
  ASSERT_FALSE(broken);
  EXPECT_THAT(broken.error().message(), testing::Not(HasSubstr(secret)));
  std::filesystem::remove(file);
  std::filesystem::create_symlink("elsewhere", file);
  EXPECT_FALSE(state->Key("w.example"));
  EXPECT_FALSE(std::filesystem::exists(path_ + "/elsewhere"));
}

}  // namespace
}  // namespace aegis::witness
