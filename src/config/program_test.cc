#include "config/program.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"
#include "config/test_directory.h"

namespace aegis::config {
namespace {

class ResolveProgramTest : public testing::Test {
 protected:
  std::string Executable(const std::string& name) {
    const std::string file = directory_.Write(name, "#!/bin/sh\n");
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
    return file;
  }

  TestDirectory directory_;
};

TEST_F(ResolveProgramTest, FindsTheFirstOnPath) {
  Executable("b/tool");
  const std::string first = Executable("a/tool");
  const auto found = ResolveProgram("tool", directory_ / "a:" + (directory_ / "b"));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(*found, first);
}

TEST_F(ResolveProgramTest, PassesOverFilesThatAreNotExecutable) {
  directory_.Write("a/tool", "text");
  const std::string second = Executable("b/tool");
  const auto found = ResolveProgram("tool", directory_ / "a:" + (directory_ / "b"));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(*found, second);
}

TEST_F(ResolveProgramTest, SaysWhetherItIsMissingOrNotExecutable) {
  directory_.Write("a/tool", "text");
  EXPECT_EQ(ResolveProgram("tool", directory_ / "a").error().code(), base::Errc::kDenied);
  EXPECT_EQ(ResolveProgram("other", directory_ / "a").error().code(), base::Errc::kNotFound);
  EXPECT_EQ(ResolveProgram("", directory_ / "a").error().code(), base::Errc::kNotFound);
}

TEST_F(ResolveProgramTest, TakesPathsAsTheyStand) {
  const std::string file = Executable("tool");
  EXPECT_EQ(ResolveProgram(file, std::nullopt).value(), file);
  EXPECT_EQ(ResolveProgram(directory_ / "none", std::nullopt).error().code(),
            base::Errc::kNotFound);
  EXPECT_EQ(ResolveProgram(directory_.path(), std::nullopt).error().code(), base::Errc::kDenied);
  EXPECT_EQ(ResolveProgram(file + "/x", std::nullopt).error().code(), base::Errc::kNotFound);
}

TEST_F(ResolveProgramTest, HasADefaultPath) {
  EXPECT_TRUE(ResolveProgram("sh", std::nullopt).has_value());
}

TEST_F(ResolveProgramTest, NamesHostileNamesHarmlessly) {
  const auto missing = ResolveProgram("x\xff", "/nonexistent");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().message(), "x\\xff: command not found");
}

}  // namespace
}  // namespace aegis::config
