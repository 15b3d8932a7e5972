#include "config/checked.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstddef>
#include <string>

#include "base/file.h"
#include "config/test_directory.h"

namespace aegis::config {
namespace {

std::string Key(char digit) { return std::string(64, digit); }

TEST(Checked, WhatWasRememberedIsKnownAndNothingElse) {
  const TestDirectory directory;
  EXPECT_FALSE(IsRemembered(directory.path(), Key('a')));
  Remember(directory.path(), Key('a'));
  Remember(directory.path(), Key('b'));
  Remember(directory.path(), Key('a'));
  EXPECT_TRUE(IsRemembered(directory.path(), Key('a')));
  EXPECT_TRUE(IsRemembered(directory.path(), Key('b')));
  EXPECT_FALSE(IsRemembered(directory.path(), Key('c')));
  EXPECT_FALSE(IsRemembered(directory.path(), ""));
  struct stat info{};
  ASSERT_EQ(::stat((directory.path() + "/checked").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode, static_cast<mode_t>(S_IFREG | 0600));
  EXPECT_EQ(base::ReadFile(directory.path() + "/checked").value(),
            Key('b') + "\n" + Key('a') + "\n");
}

TEST(Checked, TheOldestAreForgotten) {
  const TestDirectory directory;
  const auto key = [](std::size_t n) {
    std::string text = std::to_string(n);
    return std::string(64 - text.size(), '0') + text;
  };
  for (std::size_t n = 0; n < 70; ++n) {
    Remember(directory.path(), key(n));
  }
  EXPECT_FALSE(IsRemembered(directory.path(), key(5)));
  EXPECT_TRUE(IsRemembered(directory.path(), key(6)));
  EXPECT_TRUE(IsRemembered(directory.path(), key(69)));
}

TEST(Checked, ADamagedFileRemembersNothing) {
  const TestDirectory directory;
  const std::string file = directory.path() + "/checked";
  const std::string good = Key('a') + "\n";
  for (const std::string& text :
       {Key('a'), good + "x", good + "\n", good + Key('g') + "\n", Key('A') + "\n" + good,
        " " + good, good + std::string(100'000, 'a')}) {
    ASSERT_TRUE(base::WriteFileAtomic(file, text, 0600));
    EXPECT_FALSE(IsRemembered(directory.path(), Key('a'))) << text.substr(0, 200);
  }
  ASSERT_TRUE(base::WriteFileAtomic(file, good, 0600));
  EXPECT_TRUE(IsRemembered(directory.path(), Key('a')));
  ASSERT_TRUE(base::WriteFileAtomic(file, "broken", 0600));
  Remember(directory.path(), Key('c'));  // makes it whole again
  EXPECT_TRUE(IsRemembered(directory.path(), Key('c')));
}

TEST(Checked, APlaceThatCannotBeWrittenIsNoError) {
  Remember("/nonexistent", Key('a'));
  EXPECT_FALSE(IsRemembered("/nonexistent", Key('a')));
}

}  // namespace
}  // namespace aegis::config
