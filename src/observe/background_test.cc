#include "observe/background.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"
#include "config/test_directory.h"

namespace aegis::observe {
namespace {

TEST(BackgroundTest, GivesWhatWasTold) {
  const config::TestDirectory directory;
  const auto told = RunInBackground(directory / "log", [](const TellReady& tell) {
    tell(std::to_string(::getsid(0) == ::getpid()) + " " +
         std::filesystem::current_path().string());
    return EXIT_SUCCESS;
  });
  ASSERT_TRUE(told) << told.error().message();
  EXPECT_EQ(*told, "1 /");
}

TEST(BackgroundTest, HoldsNothingOfTheCallers) {
  const config::TestDirectory directory;
  const auto told = RunInBackground(directory / "log", [](const TellReady& tell) {
    std::string open;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      const std::string target = std::filesystem::read_symlink(entry.path()).string();
      open += target.starts_with("/proc/") || target.starts_with("pipe:") ? "" : target + " ";
    }
    tell(open);
    return EXIT_SUCCESS;
  });
  ASSERT_TRUE(told) << told.error().message();
  std::string_view text = *told;
  const std::string log = directory / "log";
  EXPECT_THAT(text, testing::HasSubstr(log + " " + log));
  EXPECT_THAT(text, testing::HasSubstr("/dev/null "));
  EXPECT_EQ(text.size(), std::string_view("/dev/null ").size() + (2 * (log.size() + 1)));
}

TEST(BackgroundTest, ADeathWithoutAWordIsAnError) {
  const config::TestDirectory directory;
  const auto told = RunInBackground(directory / "log", [](const TellReady& /*tell*/) {
    (void)base::WriteAll(STDERR_FILENO, "last words\n");
    return EXIT_FAILURE;
  });
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().code(), base::Errc::kUnavailable);
  EXPECT_EQ(base::ReadFile(directory / "log").value(), "last words\n");
}

TEST(BackgroundTest, ALogThatCannotBeWrittenIsAnError) {
  const auto told =
      RunInBackground("/nonexistent/log", [](const TellReady& /*tell*/) { return EXIT_SUCCESS; });
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().code(), base::Errc::kNotFound);
}

}  // namespace
}  // namespace aegis::observe
