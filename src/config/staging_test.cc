#include "config/staging.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>  // WIFEXITED
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "config/home.h"
#include "config/test_directory.h"

namespace aegis::config {
namespace {

class StagingTest : public testing::Test {
 protected:
  std::size_t EntriesInHome() const {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator(directory_.path())) {
      ++count;
    }
    return count;
  }

  TestDirectory directory_;
  Home home_ = Home::Locate(std::vector<std::string>{"AEGIS_HOME=" + directory_.path()}).value();
};

TEST_F(StagingTest, PublishesWhole) {
  Staging staging = Staging::Begin(home_).value();
  std::ofstream(staging.path() + "/aegis.toml") << "x";
  EXPECT_FALSE(home_.Has("a"));
  ASSERT_TRUE(staging.Publish("a").has_value());
  EXPECT_EQ(base::ReadFile(directory_ / "a/aegis.toml").value(), "x");
  struct stat info{};
  ASSERT_EQ(::stat((directory_ / "a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
}

TEST_F(StagingTest, LeavesNothingWhenAbandoned) {
  {
    Staging staging = Staging::Begin(home_).value();
    std::ofstream(staging.path() + "/aegis.toml") << "x";
    const Staging moved = std::move(staging);
    EXPECT_EQ(EntriesInHome(), 1U);
  }
  EXPECT_EQ(EntriesInHome(), 0U);
}

TEST_F(StagingTest, NeverReplaces) {
  directory_.Write("a/aegis.toml", "old");
  directory_.Write("file", "old");
  std::filesystem::create_directory(directory_ / "empty");
  std::filesystem::create_symlink("nowhere", directory_ / "link");
  for (const char* name : {"a", "file", "empty", "link"}) {
    Staging staging = Staging::Begin(home_).value();
    EXPECT_EQ(staging.Publish(name).error().code(), base::Errc::kExists) << name;
  }
  EXPECT_EQ(base::ReadFile(directory_ / "a/aegis.toml").value(), "old");
  EXPECT_EQ(base::ReadFile(directory_ / "file").value(), "old");
  EXPECT_EQ(EntriesInHome(), 4U);
}

TEST_F(StagingTest, RefusesBadNames) {
  Staging staging = Staging::Begin(home_).value();
  EXPECT_EQ(staging.Publish("../a").error().code(), base::Errc::kInvalid);
  EXPECT_EQ(staging.Publish("current").error().code(), base::Errc::kInvalid);
}

// What ten processes that start at once do; the status says who won.
[[noreturn]] void Contend(const Home& home, int gate) {
  char byte = 0;
  if (::read(gate, &byte, 1) < 0) {
    ::_exit(2);
  }
  auto staging = Staging::Begin(home);
  if (!staging || !base::WriteFileAtomic(staging->path() + "/aegis.toml", "x", 0600)) {
    ::_exit(2);
  }
  const auto published = staging->Publish("a");
  ::_exit(published ? 0 : published.error().code() == base::Errc::kExists ? 1 : 2);
}

TEST_F(StagingTest, OfTenAtOnceOneWins) {
  std::array<int, 2> gate{};
  ASSERT_EQ(::pipe2(gate.data(), O_CLOEXEC), 0);
  std::vector<pid_t> children;
  for (int i = 0; i < 10; ++i) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(gate[1]);
      Contend(home_, gate[0]);
    }
    children.push_back(child);
  }
  ::close(gate[1]);  // all start
  ::close(gate[0]);
  int won = 0;
  int lost = 0;
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    won += WEXITSTATUS(status) == 0 ? 1 : 0;
    lost += WEXITSTATUS(status) == 1 ? 1 : 0;
  }
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, 9);
}

}  // namespace
}  // namespace aegis::config
