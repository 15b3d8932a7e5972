#include "cli/wizard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>  // mkdtemp

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cli/context.h"
#include "cli/create.h"
#include "config/config.h"

namespace aegis::cli {
namespace {

using testing::HasSubstr;

class WizardTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(::mkdtemp(home_.data()), nullptr); }
  void TearDown() override { std::filesystem::remove_all(home_); }

  std::string home_ = "/tmp/aegis-wizard-XXXXXX";

  // Answers the questions with these lines; what was shown is in `shown_`.
  std::optional<NewConfiguration> Answer(const std::vector<std::string>& lines,
                                         const WizardGiven& given = {}) {
    const std::vector<std::string> environment = {"HOME=" + home_};
    const Places places{.home = config::Home::Locate(environment).value(), .user_home = home_};
    std::size_t at = 0;
    const Ask ask = [&](const std::string& text) -> std::optional<std::string> {
      shown_ += text;
      return at < lines.size() ? std::optional(lines[at++]) : std::nullopt;
    };
    auto wanted = AskForConfiguration(places, given, ask);
    EXPECT_FALSE(std::filesystem::exists(home_ + "/.aegis")) << "questions write nothing";
    return wanted ? std::move(*wanted) : std::nullopt;
  }

  std::string shown_;
};

TEST_F(WizardTest, EnterTakesTheDefaults) {
  const auto wanted = Answer({"", home_, "", ""});
  ASSERT_TRUE(wanted.has_value());
  EXPECT_EQ(wanted->name, "default");
  EXPECT_EQ(wanted->dir, std::filesystem::canonical(home_).string());
  EXPECT_EQ(wanted->policy.name, "project");
  EXPECT_TRUE(wanted->policy.is_template);
  EXPECT_THAT(shown_, HasSubstr("[default]"));
  EXPECT_THAT(shown_, HasSubstr("1) project"));
  EXPECT_THAT(shown_, HasSubstr(home_ + "/.aegis/default"));
}

TEST_F(WizardTest, WrongAnswersAreAskedForAgain) {
  const auto wanted =
      Answer({"a/b", "current", "work", "/nonexistent/x", "~", "9", "projetc", "2", "y"});
  ASSERT_TRUE(wanted.has_value());
  EXPECT_EQ(wanted->name, "work");
  EXPECT_EQ(wanted->dir, std::filesystem::canonical(home_).string());
  EXPECT_EQ(wanted->policy.name, "allow-read-only");
  EXPECT_THAT(shown_, HasSubstr("may hold letters"));
  EXPECT_THAT(shown_, HasSubstr("did you mean \"project\"?"));
}

TEST_F(WizardTest, EndsAnywhereWithNothing) {
  const std::vector<std::string> answers = {"", home_, "", ""};
  for (std::size_t given = 0; given < answers.size(); ++given) {
    const auto end = answers.begin() + static_cast<std::ptrdiff_t>(given);
    EXPECT_FALSE(Answer({answers.begin(), end}).has_value()) << given;
  }
  EXPECT_FALSE(Answer({"", home_, "", "n"}).has_value());
  EXPECT_FALSE(Answer({"", home_, "", "what"}).has_value()) << "no yes is a no";
}

TEST_F(WizardTest, DoesNotAskForWhatWasGiven) {
  const auto wanted = Answer({"work", "y"}, {.dir = home_, .policy = "permit-all"});
  ASSERT_TRUE(wanted.has_value());
  EXPECT_EQ(wanted->policy.name, "permit-all");
  EXPECT_EQ(shown_.find("What may it do"), std::string::npos);
}

}  // namespace
}  // namespace aegis::cli
