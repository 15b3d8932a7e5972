#include "config/policy_install.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "config/configuration.h"
#include "config/test_directory.h"

namespace aegis::config {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> NamesIn(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

Configuration Of(const TestDirectory& directory) {
  Configuration configuration;
  configuration.name = "a";
  configuration.state_dir = directory.path();
  configuration.file = directory / "aegis.toml";
  configuration.policy_paths = {directory / "policies"};
  return configuration;
}

TEST(PolicyInstall, NamesAreThoseThatARunReads) {
  for (const std::string_view good : {"a.cedar", "0001.cedar", "a b.cedar", "\xff.cedar"}) {
    EXPECT_TRUE(CheckPolicyFileName(good)) << good;
  }
  for (const std::string_view bad :
       {"", ".cedar", ".a.cedar", "a.txt", "a", "../a.cedar", "/a.cedar", "x/a.cedar"}) {
    EXPECT_FALSE(CheckPolicyFileName(bad)) << bad;
  }
  EXPECT_FALSE(CheckPolicyFileName(std::string_view("a\0.cedar", 8)));
}

TEST(PolicyInstall, FilesGoWhereARunLooksForThem) {
  const TestDirectory directory;
  Configuration configuration = Of(directory);
  EXPECT_FALSE(PolicyDirectory(configuration)) << "missing";
  directory.Write("policies/a.cedar", "// a");
  EXPECT_EQ(PolicyDirectory(configuration).value(), directory / "policies");
  configuration.policy_paths = {"/elsewhere"};
  EXPECT_FALSE(PolicyDirectory(configuration));
  const TestDirectory linking;
  std::filesystem::create_directory_symlink(directory / "policies", linking / "policies");
  EXPECT_FALSE(PolicyDirectory(Of(linking))) << "a link may lead anywhere";
}

TEST(PolicyInstall, OneFileReplacesALinkAndNeverWritesThroughIt) {
  const TestDirectory directory;
  const std::string policies = directory / "policies";
  directory.Write("policies/a.cedar", "// a");
  const std::string outside = directory.Write("outside", "mine");
  std::filesystem::create_symlink(outside, policies + "/b.cedar");
  const std::vector<NewPolicyFile> files = {{.name = "b.cedar", .text = "// b"}};
  EXPECT_THAT(TakenNames(policies, files), ElementsAre("b.cedar"));
  EXPECT_THAT(TakenNames(policies, {{.name = "c.cedar", .text = ""}}), ElementsAre());
  ASSERT_TRUE(InstallPolicyFiles(policies, files));
  EXPECT_EQ(base::ReadFile(policies + "/b.cedar").value(), "// b");
  EXPECT_EQ(base::ReadFile(outside).value(), "mine");
  struct stat info{};
  ASSERT_EQ(::lstat((policies + "/b.cedar").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode, static_cast<mode_t>(S_IFREG | 0600));
}

TEST(PolicyInstall, SeveralComeTogetherAndKeepWhatElseIsThere) {
  const TestDirectory directory;
  const std::string policies = directory / "policies";
  directory.Write("policies/a.cedar", "// a");
  directory.Write("policies/README", "mine");
  std::filesystem::create_symlink("/dev/null", policies + "/l.cedar");
  ASSERT_TRUE(InstallPolicyFiles(
      policies, {{.name = "a.cedar", .text = "// new"}, {.name = "b.cedar", .text = "// b"}}));
  EXPECT_THAT(NamesIn(policies), ElementsAre("README", "a.cedar", "b.cedar", "l.cedar"));
  EXPECT_EQ(base::ReadFile(policies + "/a.cedar").value(), "// new");
  EXPECT_TRUE(std::filesystem::is_symlink(policies + "/l.cedar"));
  EXPECT_THAT(NamesIn(directory.path()), ElementsAre("policies"));
}

TEST(PolicyInstall, NothingIsChangedOnError) {
  const TestDirectory directory;
  const std::string policies = directory / "policies";
  directory.Write("policies/a.cedar", "// a");
  std::filesystem::create_directory(policies + "/c.cedar");
  EXPECT_FALSE(InstallPolicyFiles(
      policies, {{.name = "b.cedar", .text = "// b"}, {.name = "c.cedar", .text = "a directory"}}));
  EXPECT_THAT(NamesIn(policies), ElementsAre("a.cedar", "c.cedar"));
  EXPECT_THAT(NamesIn(directory.path()), ElementsAre("policies"));
}

TEST(PolicyInstall, TheLockIsOfTheConfiguration) {
  const TestDirectory directory;
  EXPECT_TRUE(LockPolicies(Of(directory)));
  EXPECT_TRUE(LockPolicies(Of(directory))) << "released with its descriptor";
}

}  // namespace
}  // namespace aegis::config
