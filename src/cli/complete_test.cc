#include "cli/complete.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"

namespace aegis::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;
using testing::UnorderedElementsAre;

class FakeNames final : public NameSource {
 public:
  std::vector<Candidate> Configurations() const override { return {{"work", ""}, {"write", ""}}; }
  std::vector<Candidate> Sessions(std::string_view config) const override {
    return {{"0193-" + std::string(config), ""}};
  }
  std::vector<Candidate> Templates() const override { return {{"project", ""}}; }
};

Completion Of(const std::vector<std::string>& words) {
  return Complete(Commands(), words, FakeNames());
}

std::vector<std::string> Words(const std::vector<std::string>& words) {
  std::vector<std::string> all;
  for (const Candidate& one : Of(words).candidates) {
    all.push_back(one.word);
  }
  return all;
}

TEST(Complete, FirstWordsAreCommandsAndGroups) {
  EXPECT_THAT(Words({""}), IsSupersetOf({"run", "wrap", "audit", "policy", "config"}));
  EXPECT_THAT(Words({"pol"}), ElementsAre("policy"));
  EXPECT_THAT(Words({"-q", "pol"}), ElementsAre("policy"));
  EXPECT_THAT(Words({"--ver"}), UnorderedElementsAre("--verbose", "--version"));
  const auto all = Words({""});
  EXPECT_EQ(std::ranges::count(all, "audit"), 1);
  EXPECT_THAT(Words({}), IsEmpty());
}

TEST(Complete, SecondWordsAreThoseOfTheGroup) {
  EXPECT_THAT(Words({"audit", "ver"}), ElementsAre("verify"));
  EXPECT_THAT(Words({"audit", ""}), Contains("query"));
  EXPECT_THAT(Words({"config", ""}), IsSupersetOf({"show", "path", "edit"}));
  EXPECT_THAT(Words({"audti", ""}), IsEmpty());
  EXPECT_THAT(Words({"audit", "nope", ""}), IsEmpty());
}

TEST(Complete, OptionsThatWereNotGiven) {
  EXPECT_THAT(Words({"log", "--"}), IsSupersetOf({"--config", "--last", "--json", "--help"}));
  EXPECT_THAT(Words({"log", "--json", "--"}), Not(Contains("--json")));
  EXPECT_THAT(Words({"log", "-n", "3", "--la"}), IsEmpty());
  EXPECT_THAT(Words({"run", "--witness", "x", "--witness-"}), ElementsAre("--witness-key"));
  EXPECT_THAT(Words({"run", "--witness", "x", "--witness"}), Contains("--witness"));
}

TEST(Complete, ValuesOfOptions) {
  EXPECT_THAT(Words({"log", "--config", "w"}), ElementsAre("work", "write"));
  EXPECT_THAT(Words({"log", "--config=wo"}), ElementsAre("--config=work"));
  EXPECT_THAT(Words({"audit", "query", "--decision", ""}), ElementsAre("allow", "deny"));
  EXPECT_THAT(Words({"audit", "query", "--action=File"}),
              ElementsAre("--action=FileRead", "--action=FileWrite", "--action=FileDelete"));
  EXPECT_THAT(Words({"log", "--last", ""}), IsEmpty());
  EXPECT_THAT(Words({"log", "--nope=", ""}), Contains("work"));
}

TEST(Complete, Positionals) {
  EXPECT_THAT(Words({"log", ""}), ElementsAre("work", "write"));
  EXPECT_THAT(Words({"log", "work", ""}), IsEmpty());
  EXPECT_THAT(Words({"init", ""}), IsEmpty()) << "a new name is nobody's to guess";
  EXPECT_THAT(Words({"completions", ""}), ElementsAre("bash", "zsh", "fish"));
  EXPECT_THAT(Words({"audit", "session", ""}), ElementsAre("0193-"));
  EXPECT_THAT(Words({"audit", "session", "--config", "work", "01"}), ElementsAre("0193-work"));
  EXPECT_THAT(Words({"log", "--", ""}), ElementsAre("work", "write"));
}

TEST(Complete, LeavesFilesToTheShell) {
  EXPECT_EQ(Of({"policy", "validate", ""}).shell, ShellWords::kFiles);
  EXPECT_EQ(Of({"init", "--dir", ""}).shell, ShellWords::kDirectories);
  EXPECT_EQ(Of({"init", "--dir=x"}).shell, ShellWords::kDirectories);
  const Completion policy = Of({"run", "--policy", ""});
  EXPECT_EQ(policy.shell, ShellWords::kFiles);
  EXPECT_THAT(policy.candidates, ElementsAre(Candidate{"project", ""}));
  EXPECT_EQ(Of({"log", ""}).shell, ShellWords::kNone);
}

TEST(Complete, BehindTheSeparatorStandsAnotherCommand) {
  EXPECT_THAT(Words({"run", ""}), IsSupersetOf({"--", "--config"}));
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"run", "--tag", "x", "--", ""},
        {"run", "--tag", "x", "--", "git", "--wo"}}) {
    const Completion inner = Of(words);
    EXPECT_EQ(inner.shell, ShellWords::kCommand);
    EXPECT_EQ(inner.command_at, 4U);
    EXPECT_THAT(inner.candidates, IsEmpty());
  }
  EXPECT_EQ(Of({"run", "--tag", "--", ""}).shell, ShellWords::kNone) << "a tag named --";
}

}  // namespace
}  // namespace aegis::cli
