#include "config/home.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/test_directory.h"

namespace aegis::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class HomeTest : public testing::Test {
 protected:
  base::Result<Home> Locate(const std::string& path) {
    return Home::Locate(std::vector<std::string>{"AEGIS_HOME=" + path});
  }
  std::string Refusal(const std::string& path) {
    const auto home = Locate(path);
    return home ? "accepted" : home.error().message();
  }

  TestDirectory directory_;
};

TEST_F(HomeTest, DefaultsBelowTheUsersHome) {
  const std::vector<std::string> environment = {"HOME=" + directory_.path()};
  EXPECT_EQ(Home::Locate(environment)->path(), directory_ / ".aegis");
  EXPECT_FALSE(std::filesystem::exists(directory_ / ".aegis")) << "Locate creates nothing";
}

TEST_F(HomeTest, VariablesWinInOrder) {
  const std::string home = "HOME=" + directory_.path();
  const std::string older = "AEGIS_DIR=" + (directory_ / "older");
  const std::string newer = "AEGIS_HOME=" + (directory_ / "newer");
  EXPECT_EQ(Home::Locate(std::vector{home, older, newer})->path(), directory_ / "newer");
  EXPECT_EQ(Home::Locate(std::vector{home, older})->path(), directory_ / "older");
  EXPECT_EQ(Home::Locate(std::vector<std::string>{home, "AEGIS_HOME="})->path(),
            directory_ / ".aegis");
}

TEST_F(HomeTest, WithoutHomeThePasswordDatabaseDecides) {
  EXPECT_TRUE(UserHome({}).has_value());
  EXPECT_TRUE(UserHome(std::vector<std::string>{"HOME=relative"}).value().starts_with('/'));
}

TEST_F(HomeTest, IsCanonicalAsFarAsItExists) {
  std::filesystem::create_directory(directory_ / "real");
  std::filesystem::create_symlink(directory_ / "real", directory_ / "link");
  EXPECT_EQ(Locate(directory_ / "link/a/./b/")->path(), directory_ / "real/a/b");
  EXPECT_EQ(Locate(directory_ / "link")->path(), directory_ / "real");
  EXPECT_THAT(Refusal(directory_ / "none/../real"), HasSubstr(".."));
}

TEST_F(HomeTest, RefusesWhatIsNoDirectory) {
  EXPECT_THAT(Refusal(directory_.Write("file", "x")), HasSubstr("not a directory"));
  EXPECT_NE(Refusal(directory_ / "file/below"), "accepted");
  std::filesystem::create_symlink("nowhere", directory_ / "dangling");
  EXPECT_NE(Refusal(directory_ / "dangling"), "accepted");
  std::filesystem::create_symlink("loop", directory_ / "loop");
  EXPECT_NE(Refusal(directory_ / "loop"), "accepted");
}

TEST_F(HomeTest, RefusesWhatOthersMayWrite) {
  const std::string path = directory_ / "home";
  std::filesystem::create_directory(path);
  for (const mode_t mode : {0777U, 01777U, 0775U, 0722U}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    EXPECT_THAT(Refusal(path), HasSubstr("others may write")) << mode;
  }
  for (const mode_t mode : {0700U, 0755U}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    EXPECT_EQ(Refusal(path), "accepted") << mode;
  }
}

TEST_F(HomeTest, RefusesAPlaceInADirectoryThatOthersMayWrite) {
  ASSERT_EQ(::chmod(directory_.path().c_str(), 0777), 0);
  EXPECT_THAT(Refusal(directory_ / "home"), HasSubstr("everybody may write"));
  EXPECT_THAT(Refusal(directory_ / "a/b/home"), HasSubstr("everybody may write"));
  ASSERT_EQ(::chmod(directory_.path().c_str(), 01777), 0);
  EXPECT_EQ(Refusal(directory_ / "home"), "accepted") << "the sticky bit guards it";
}

TEST_F(HomeTest, RefusesALinkIntoAPublicPlaceEvenWithStickyBit) {
  std::filesystem::create_directories(directory_ / "public/home");
  std::filesystem::create_symlink(directory_ / "public/home", directory_ / "link");
  ASSERT_EQ(::chmod((directory_ / "public/home").c_str(), 0700), 0);
  ASSERT_EQ(::chmod((directory_ / "public").c_str(), 01777), 0);
  EXPECT_THAT(Refusal(directory_ / "link"), HasSubstr("everybody may write"));
  EXPECT_EQ(Refusal(directory_ / "public/home"), "accepted");
}

TEST_F(HomeTest, RefusesAnotherUsersDirectory) {
  if (::geteuid() != 0) {
    EXPECT_THAT(Refusal("/root"), testing::Not("accepted"));
    return;
  }
  const std::string path = directory_ / "theirs";
  std::filesystem::create_directory(path);
  ASSERT_EQ(::chown(path.c_str(), 12345, 12345), 0);
  EXPECT_THAT(Refusal(path), HasSubstr("belongs to another user"));
}

TEST_F(HomeTest, NamesHostilePathsInEscapedForm) {
  EXPECT_THAT(Refusal(directory_.Write("a\xff", "x")), HasSubstr("a\\xff: not a directory"));
}

TEST_F(HomeTest, MakesItselfPrivate) {
  const Home home = Locate(directory_ / "a/b").value();
  ASSERT_TRUE(home.Ensure().has_value());
  ASSERT_TRUE(home.Ensure().has_value());
  struct stat info{};
  ASSERT_EQ(::stat((directory_ / "a/b").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
}

TEST_F(HomeTest, ListsConfigurationsOnly) {
  const Home home = Locate(directory_.path()).value();
  EXPECT_THAT(home.Names().value(), IsEmpty());
  directory_.Write("b/aegis.toml", "");
  directory_.Write("a/aegis.toml", "");
  directory_.Write(".new-123456/aegis.toml", "");
  directory_.Write("daemon/aegis.toml", "");
  directory_.Write("empty/x", "");
  directory_.Write("bad name/aegis.toml", "");
  EXPECT_THAT(home.Names().value(), ElementsAre("a", "b"));
  EXPECT_THAT(Locate(directory_ / "missing")->Names().value(), IsEmpty());
}

TEST_F(HomeTest, RemembersTheActiveConfiguration) {
  const Home home = Locate(directory_.path()).value();
  EXPECT_EQ(home.Active().value(), std::nullopt);
  EXPECT_EQ(home.SetActive("a").error().code(), base::Errc::kNotFound);
  directory_.Write("a/aegis.toml", "");
  ASSERT_TRUE(home.SetActive("a").has_value());
  EXPECT_EQ(home.Active().value(), "a");
}

TEST_F(HomeTest, RefusesAHostileActiveName) {
  const Home home = Locate(directory_.path()).value();
  for (const char* content : {"../../etc", "", "a\nb\n", "\xff", "current"}) {
    directory_.Write("current", content);
    EXPECT_FALSE(home.Active().has_value()) << content;
  }
  directory_.Write("current", std::string(100'000, 'a'));
  EXPECT_FALSE(home.Active().has_value());
}

TEST_F(HomeTest, ChecksTheStateDirectory) {
  const Home home = Locate(directory_.path()).value();
  EXPECT_EQ(home.CheckState("none").error().code(), base::Errc::kNotFound);
  EXPECT_EQ(home.CheckState("../x").error().code(), base::Errc::kInvalid);
  directory_.Write("a/aegis.toml", "");
  EXPECT_TRUE(home.CheckState("a").has_value());
  ASSERT_EQ(::chmod((directory_ / "a").c_str(), 0777), 0);
  EXPECT_EQ(home.CheckState("a").error().code(), base::Errc::kDenied);
  std::filesystem::create_directory_symlink("/etc", directory_ / "link");
  EXPECT_EQ(home.CheckState("link").error().code(), base::Errc::kInvalid);
}

}  // namespace
}  // namespace aegis::config
