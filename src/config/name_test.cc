#include "config/name.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/result.h"

namespace aegis::config {
namespace {

TEST(CheckName, AcceptsWhatUsersKnow) {
  for (const std::string_view name :
       {"a", "my-agent", "claude-1", "A_b.c", "v1.2.3", "0", "x..y"}) {
    EXPECT_TRUE(CheckName(name).has_value()) << name;
  }
  EXPECT_TRUE(CheckName(std::string(64, 'a')).has_value());
}

TEST(CheckName, RefusesWhatCouldBeAnotherPlace) {
  for (const std::string_view name :
       {"", ".", "..", ".hidden", "-x", "a/b", "../x", "/", "a b", "a\nb", "a\x1b[31m", "ä",
        "a\xff", "a:b", "~", "$HOME", "a\\b"}) {
    const auto result = CheckName(name);
    ASSERT_FALSE(result.has_value()) << name;
    EXPECT_EQ(result.error().code(), base::Errc::kInvalid);
  }
  EXPECT_FALSE(CheckName(std::string_view("a\0b", 3)).has_value());
  EXPECT_FALSE(CheckName(std::string(65, 'a')).has_value());
}

TEST(CheckName, RefusesNamesOfAegisItself) {
  for (const std::string_view name : {"current", "daemon", "pilot", "wraps"}) {
    EXPECT_FALSE(CheckName(name).has_value()) << name;
  }
  EXPECT_TRUE(CheckName("current2").has_value());
}

TEST(NameForProgram, TakesTheBaseName) {
  EXPECT_EQ(NameForProgram("claude"), "claude");
  EXPECT_EQ(NameForProgram("/usr/bin/python3.11"), "python3.11");
  EXPECT_EQ(NameForProgram("./agent.sh"), "agent.sh");
  EXPECT_EQ(NameForProgram("dir/"), "dir");
}

TEST(NameForProgram, AlwaysGivesAUsableName) {
  EXPECT_EQ(NameForProgram("[ "), "agent");
  EXPECT_EQ(NameForProgram("my agent"), "my-agent");
  EXPECT_EQ(NameForProgram(".profile"), "profile");
  EXPECT_EQ(NameForProgram("daemon"), "daemon-agent");
  for (const std::string_view program :
       {"", "/", "...", "-", "\xff\xfe", "a\nb", "current", "\x1b]0;x\a", "ä"}) {
    EXPECT_TRUE(CheckName(NameForProgram(program)).has_value()) << program;
  }
  EXPECT_TRUE(CheckName(NameForProgram(std::string(500, 'x'))).has_value());
}

}  // namespace
}  // namespace aegis::config
