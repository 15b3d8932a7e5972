#include "cli/editor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>  // mkdtemp

#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace aegis::cli {
namespace {

using testing::HasSubstr;

TEST(ChooseEditor, TakesTheFirstThatIsSet) {
  EXPECT_EQ(ChooseEditor({"EDITOR=ed", "VISUAL=code --wait"}), "code --wait");
  EXPECT_EQ(ChooseEditor({"EDITOR=ed", "VISUAL="}), "ed");
  EXPECT_EQ(ChooseEditor({"PATH=/nonexistent"}), "vi");
}

TEST(RunEditor, HandsOverTheFileAsOneWord) {
  std::string directory = "/tmp/aegis-editor-XXXXXX";
  ASSERT_NE(::mkdtemp(directory.data()), nullptr);
  const std::string file = directory + "/a b'$x.toml";
  ASSERT_TRUE(base::WriteFileAtomic(file, "1\n", 0600).has_value());
  const std::vector<std::string> environment = {"PATH=/usr/bin:/bin", "WORD=three"};
  EXPECT_TRUE(RunEditor("printf '%s\\n' \"$WORD\" >>", file, environment).has_value());
  EXPECT_EQ(base::ReadFile(file).value(), "1\nthree\n");
  std::filesystem::remove_all(directory);
}

TEST(RunEditor, SaysHowItEnded) {
  const std::vector<std::string> environment = {"PATH=/usr/bin:/bin"};
  EXPECT_THAT(RunEditor("exit 3; :", "/dev/null", environment).error().message(),
              HasSubstr("ended with exit code 3"));
  EXPECT_THAT(RunEditor("kill -TERM $$; :", "/dev/null", environment).error().message(),
              HasSubstr("signal 15"));
  EXPECT_FALSE(RunEditor("/nonexistent/editor", "/dev/null", environment).has_value());
}

}  // namespace
}  // namespace aegis::cli
