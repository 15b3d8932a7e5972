#include "config/configuration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/home.h"
#include "config/settings.h"
#include "config/test_directory.h"

namespace aegis::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ConfigurationTest : public testing::Test {
 protected:
  base::Result<Configuration> LoadWith(std::string_view toml) {
    directory_.Write("a/aegis.toml", toml);
    return LoadConfiguration(home_, "a", "/home/u");
  }
  std::string ErrorWith(std::string_view toml) {
    const auto configuration = LoadWith(toml);
    return configuration ? "no error" : configuration.error().message();
  }

  TestDirectory directory_;
  Home home_ = Home::Locate(std::vector<std::string>{"AEGIS_HOME=" + directory_.path()}).value();
};

TEST_F(ConfigurationTest, FillsInDefaults) {
  const Configuration configuration = LoadWith("").value();
  EXPECT_EQ(configuration.name, "a");
  EXPECT_EQ(configuration.state_dir, directory_ / "a");
  EXPECT_EQ(configuration.ledger_path, directory_ / "a/audit.db");
  EXPECT_EQ(configuration.sandbox_dir, directory_ / "a/sandbox");
  EXPECT_EQ(configuration.journal_dir, directory_ / "a/journal");
  EXPECT_THAT(configuration.policy_paths, ElementsAre(directory_ / "a/policies"));
  EXPECT_THAT(configuration.private_dirs, ElementsAre("/tmp", "/var/tmp", "/dev/shm"));
  EXPECT_EQ(configuration.dir, std::nullopt);
}

TEST_F(ConfigurationTest, ReadsWhatInitWrites) {
  const Configuration configuration =
      LoadWith(RenderSettings({.name = "a", .dir = "/srv/x\xff"})).value();
  EXPECT_EQ(configuration.dir, "/srv/x\xff") << "bytes come back through the escaped form";
  EXPECT_EQ(configuration.ledger_path, directory_ / "a/audit.db");
}

TEST_F(ConfigurationTest, ResolvesPaths) {
  const Configuration configuration =
      LoadWith("dir = \"~/src\"\npolicy_paths = [\"p.cedar\", \"/etc/p\", \"~/p\"]").value();
  EXPECT_EQ(configuration.dir, "/home/u/src");
  EXPECT_THAT(configuration.policy_paths,
              ElementsAre(directory_ / "a/p.cedar", "/etc/p", "/home/u/p"));
}

TEST_F(ConfigurationTest, KeepsWitnessesAsTheyStand) {
  EXPECT_EQ(LoadWith("").value().witness, WitnessSettings{});
  const auto configuration =
      LoadWith("[ledger.witness]\ntargets = [\"~/w\", \"syslog\"]\nca = \"ca.pem\"").value();
  EXPECT_THAT(configuration.witness.targets, ElementsAre("~/w", "syslog"));
  EXPECT_EQ(configuration.witness.ca, directory_ / "a/ca.pem");
}

TEST_F(ConfigurationTest, KeepsMasksAsTheyStand) {
  EXPECT_TRUE(LoadWith("").value().masks.empty());
  EXPECT_THAT(LoadWith("[ledger]\nmask = [\"~/a\", \"[\"]").value().masks, ElementsAre("~/a", "["));
}

TEST_F(ConfigurationTest, AProjectNamedAsSandboxDirIsTheDirectory) {
  EXPECT_EQ(LoadWith("sandbox_dir = \"/srv/app\"")->dir, "/srv/app");
  EXPECT_EQ(LoadWith("sandbox_dir = \"/srv/app\"\ndir = \"/srv/b\"")->dir, "/srv/b");
  EXPECT_EQ(LoadWith("sandbox_dir = \"" + (directory_ / "a/sandbox") + "\"")->dir, std::nullopt);
}

TEST_F(ConfigurationTest, TheLedgerStaysWhereNoAgentReaches) {
  EXPECT_TRUE(LoadWith("ledger_path = \"" + (directory_ / "a/audit.db") + "\"").has_value());
  EXPECT_TRUE(LoadWith("ledger_path = \"./x/../audit.db\"").has_value());
  for (const char* path :
       {"/tmp/audit.db", "../audit.db", "../b/audit.db", "~/audit.db", "other.db"}) {
    EXPECT_THAT(ErrorWith("ledger_path = \"" + std::string(path) + "\""), HasSubstr("ledger_path"))
        << path;
  }
}

TEST_F(ConfigurationTest, TheNameIsTheDirectorys) {
  EXPECT_TRUE(LoadWith("name = \"a\"").has_value());
  EXPECT_THAT(ErrorWith("name = \"b\""), HasSubstr("but the directory is \"a\""));
}

TEST_F(ConfigurationTest, RefusesWhatItCannotRead) {
  EXPECT_EQ(LoadConfiguration(home_, "none", "/").error().code(), base::Errc::kNotFound);
  EXPECT_THAT(LoadConfiguration(home_, "none", "/").error().message(),
              HasSubstr("aegis init none"));
  std::filesystem::create_directories(directory_ / "b/aegis.toml");
  EXPECT_FALSE(LoadConfiguration(home_, "b", "/").has_value());
  ASSERT_EQ(::mkdir((directory_ / "c").c_str(), 0700), 0);
  ASSERT_EQ(::mkfifo((directory_ / "c/aegis.toml").c_str(), 0600), 0);
  EXPECT_FALSE(LoadConfiguration(home_, "c", "/").has_value());
  EXPECT_FALSE(LoadWith("# " + std::string(2U << 20U, 'x')).has_value());
  EXPECT_THAT(ErrorWith("private_dirs = [\"tmp\"]"), HasSubstr("absolute"));
}

TEST_F(ConfigurationTest, ReadsPoliciesInOrderOfTheirNames) {
  directory_.Write("p/b.cedar", "B");
  directory_.Write("p/a.cedar", "A");
  directory_.Write("p/.hidden.cedar", "H");
  directory_.Write("p/readme.txt", "R");
  const std::string single = directory_.Write("x\xff.policy", "X");
  const auto files = ReadPolicyFiles({single, directory_ / "p"}).value();
  ASSERT_EQ(files.size(), 3U);
  EXPECT_EQ(files[0].text, "X");
  EXPECT_EQ(files[0].path, directory_ / "x\\xff.policy");
  EXPECT_EQ(files[1].text, "A");
  EXPECT_EQ(files[2].path, directory_ / "p/b.cedar");
}

TEST_F(ConfigurationTest, AMissingPolicyIsAnError) {
  std::filesystem::create_directory(directory_ / "empty");
  EXPECT_EQ(ReadPolicyFiles({directory_ / "none.cedar"}).error().code(), base::Errc::kNotFound);
  EXPECT_EQ(ReadPolicyFiles({directory_ / "empty"}).error().code(), base::Errc::kNotFound);
  EXPECT_FALSE(ReadPolicyFiles({}).has_value());
  std::filesystem::create_directories(directory_ / "odd/x.cedar");
  EXPECT_FALSE(ReadPolicyFiles({directory_ / "odd"}).has_value());
}

TEST_F(ConfigurationTest, TheProjectLiesOutsideAegisHome) {
  const TestDirectory project;
  std::filesystem::create_symlink(project.path(), project / "link");
  EXPECT_EQ(ProjectDirectory(home_, project / "link").value(), project.path());
  EXPECT_EQ(ProjectDirectory(home_, "/").value(), "/") << "AEGIS_HOME may lie in the project";
  std::filesystem::create_directories(directory_ / "a/sandbox");
  std::filesystem::create_symlink(directory_ / "a", project / "into");
  EXPECT_FALSE(ProjectDirectory(home_, directory_.path()).has_value());
  EXPECT_FALSE(ProjectDirectory(home_, directory_ / "a/sandbox").has_value());
  EXPECT_FALSE(ProjectDirectory(home_, project / "into/sandbox").has_value());
  EXPECT_FALSE(ProjectDirectory(home_, project / "none").has_value());
  EXPECT_FALSE(ProjectDirectory(home_, project.Write("file", "x")).has_value());
}

}  // namespace
}  // namespace aegis::config
