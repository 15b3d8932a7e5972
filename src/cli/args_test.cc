#include "cli/args.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace aegis::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Kind = Option::Kind;

constexpr std::array<std::string_view, 3> kFormats = {"json", "JSONL", "csv"};

constexpr std::array<Option, 8> kOptions = {{
    {"NAME", Kind::kPositional, "", ""},
    {"--config", Kind::kText, "NAME", ""},
    {"-n,--last", Kind::kNumber, "N", ""},
    {"--json", Kind::kFlag, "", ""},
    {"-q,--quiet", Kind::kFlag, "", ""},
    {"--file", Kind::kTexts, "FILE", "What to read"},
    {"--index", Kind::kCount, "I", ""},
    {"-f,--format", Kind::kText, "FORMAT", "", kFormats},
}};

constexpr std::array<Option, 3> kRunOptions = {{
    {"--tag", Kind::kText, "TAG", ""},
    {"-q,--quiet", Kind::kFlag, "", ""},
    {"COMMAND", Kind::kCommand, "", ""},
}};

base::Result<Args> Parse(const std::vector<std::string>& words) {
  return ParseArgs(kOptions, words);
}
base::Result<Args> ParseRun(const std::vector<std::string>& words) {
  return ParseArgs(kRunOptions, words);
}

TEST(OptionKey, IsTheLongName) {
  EXPECT_EQ(OptionKey(kOptions[2]), "--last");
  EXPECT_EQ(OptionKey(kOptions[1]), "--config");
  EXPECT_EQ(OptionKey(kOptions[0]), "NAME");
}

TEST(ParseArgs, NothingGivenIsNothingSet) {
  const Args args = Parse({}).value();
  EXPECT_EQ(args.Text("NAME"), std::nullopt);
  EXPECT_EQ(args.Number("--last"), std::nullopt);
  EXPECT_FALSE(args.Has("--json"));
}

TEST(ParseArgs, ListsKeepAllInTheirOrder) {
  EXPECT_THAT(Parse({}).value().Texts("--file"), IsEmpty());
  const Args args = Parse({"--file", "b", "work", "--file=a", "--file", "b"}).value();
  EXPECT_THAT(args.Texts("--file"), ElementsAre("b", "a", "b"));
  EXPECT_EQ(args.Text("NAME"), "work");
}

TEST(ParseArgs, AValueThatIsMissingIsNamed) {
  for (const auto& words : std::vector<std::vector<std::string>>{{"--file"}, {"--file="}}) {
    const auto args = Parse(words);
    ASSERT_FALSE(args.has_value());
    EXPECT_EQ(args.error().message(), "--file needs FILE (What to read)");
  }
  EXPECT_THAT(Parse({"--config"}).error().message(), HasSubstr("--config needs NAME"));
  EXPECT_TRUE(Parse({"--file", "a"}));
  EXPECT_THAT(Parse({"--config", "a", "--config", "b"}).error().message(), Not(HasSubstr("needs")));
}

TEST(ParseArgs, CountsBeginAtZeroNumbersAtOne) {
  EXPECT_EQ(Parse({"--index", "0"}).value().Number("--index"), 0U);
  EXPECT_FALSE(Parse({"--last", "0"}));
  EXPECT_FALSE(Parse({"--index", "-1"}));
  EXPECT_FALSE(Parse({"--index", "x"}));
}

TEST(ParseArgs, TakesEverySpelling) {
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"work", "--last", "5", "--json", "-q"},
                                             {"--last=5", "work", "-q", "--json"},
                                             {"-n", "5", "--quiet", "--json", "work"},
                                             {"-n5", "-q", "--json", "--", "work"}}) {
    const auto args = Parse(words);
    ASSERT_TRUE(args.has_value()) << args.error().message();
    EXPECT_EQ(args->Text("NAME"), "work");
    EXPECT_EQ(args->Number("--last"), 5U);
    EXPECT_TRUE(args->Has("--json"));
    EXPECT_TRUE(args->Has("--quiet"));
    EXPECT_FALSE(args->Has("--config"));
  }
}

TEST(ParseArgs, RefusesWhatItDoesNotKnow) {
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"--nope"},
                                             {"a", "b"},
                                             {"--config"},
                                             {"--config", "a", "--config", "b"},
                                             {"--last", "x"},
                                             {"--last", "0"},
                                             {"--last", "-1"},
                                             {"--last", "1x"},
                                             {"--last", ""},
                                             {"--last", "99999999999999999999999"},
                                             {"--json=maybe"},
                                             {"-z"}}) {
    const auto args = Parse(words);
    ASSERT_FALSE(args.has_value()) << words.front();
    EXPECT_EQ(args.error().code(), base::Errc::kInvalid);
    EXPECT_FALSE(args.error().message().empty());
  }
}

TEST(ParseArgs, SaysWhatIsWrong) {
  EXPECT_EQ(Parse({"--last", "many"}).error().message(),
            "--last wants a whole number from 1, not \"many\"");
  EXPECT_THAT(Parse({"--nope"}).error().message(), HasSubstr("--nope"));
}

TEST(ParseArgs, ChoicesAreTakenInAnyCaseAndGivenInOne) {
  for (const char* word : {"--format=jsonl", "--format=JsonL", "-fJSONL"}) {
    EXPECT_EQ(Parse({word}).value().Text("--format"), "JSONL");
  }
  EXPECT_EQ(Parse({"--format", "jsno"}).error().message(),
            "--format is json, JSONL or csv, not \"jsno\"; did you mean \"json\"?");
  EXPECT_EQ(Parse({"--format", "yaml-or-so"}).error().message(),
            "--format is json, JSONL or csv, not \"yaml-or-so\"");
  EXPECT_FALSE(Parse({"--format", "js"}));
}

TEST(ParseArgs, AMistypedOptionIsCompared) {
  EXPECT_THAT(Parse({"--lsat", "3"}).error().message(), HasSubstr("; did you mean \"--last\"?"));
  EXPECT_THAT(Parse({"a", "--lsat=3"}).error().message(), HasSubstr("; did you mean \"--last\"?"));
  EXPECT_THAT(Parse({"--zzzzzzzz"}).error().message(), Not(HasSubstr("did you mean")));
  EXPECT_THAT(Parse({"a", "lsat"}).error().message(), Not(HasSubstr("did you mean")));
  EXPECT_THAT(ParseRun({"--tga", "--", "--qiet"}).error().message(), HasSubstr("\"--tag\""));
}

TEST(ParseArgs, KeepsHostileWordsAsTheyAre) {
  const std::string hostile("a\n\x1b[31m\xff", 8);
  EXPECT_EQ(Parse({hostile}).value().Text("NAME"), hostile);
  EXPECT_EQ(Parse({"--config=" + hostile}).value().Text("--config"), hostile);
  EXPECT_EQ(Parse({"--config", ""}).value().Text("--config"), "");
}

TEST(ParseArgs, TheCommandIsNotLookedInto) {
  const Args args =
      ParseRun({"--tag", "t", "--", "git", "-q", "--", "--tag", "--help", ""}).value();
  EXPECT_THAT(args.command(), ElementsAre("git", "-q", "--", "--tag", "--help", ""));
  EXPECT_EQ(args.Text("--tag"), "t");
  EXPECT_FALSE(args.Has("--quiet"));
}

TEST(ParseArgs, ACommandNeedsItsSeparator) {
  EXPECT_FALSE(ParseRun({"git", "status"}).has_value());
  EXPECT_THAT(ParseRun({}).value().command(), IsEmpty());
  EXPECT_THAT(ParseRun({"--"}).value().command(), IsEmpty());
}

TEST(ArgsDeathTest, AskingForWhatTheTableLacksIsADefect) {
  const Args args = Parse({}).value();
  EXPECT_DEATH(static_cast<void>(args.Has("--other")), "broken invariant");
}

}  // namespace
}  // namespace aegis::cli
