#include "cli/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstddef>
#include <fstream>
#include <ios>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "cli/args.h"
#include "cli/choices.h"
#include "cli/cli.h"
#include "cli/context.h"
#include "policy/policy.h"

namespace aegis::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// Runs a command line that needs no state, and keeps what it said.
class CommandLine {
 public:
  explicit CommandLine(const std::vector<std::string>& words)
      : out_(::memfd_create("out", MFD_CLOEXEC)), err_(::memfd_create("err", MFD_CLOEXEC)) {
    Context context({"AEGIS_HOME=/nonexistent/aegis"}, out_.get(), err_.get());
    code = Main(words, context);
    out = Content(out_.get());
    err = Content(err_.get());
  }

  int code = 0;
  std::string out;
  std::string err;

 private:
  static std::string Content(int fd) {
    std::ifstream stream("/proc/self/fd/" + std::to_string(fd), std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  }

  base::UniqueFd out_;
  base::UniqueFd err_;
};

TEST(Commands, TheTableHoldsTogether) {
  std::set<std::string_view> names;
  for (const Command* command : Commands()) {
    EXPECT_TRUE(names.insert(command->name).second) << command->name << " is there twice";
    EXPECT_NE(command->run, nullptr) << command->name;
    EXPECT_FALSE(command->summary.empty()) << command->name;
    EXPECT_FALSE(command->examples.empty()) << command->name;
    std::vector<Option> options(command->options.begin(), command->options.end());
    options.insert(options.end(), GlobalOptions().begin(), GlobalOptions().end());
    EXPECT_TRUE(ParseArgs(options, {}).has_value()) << command->name;
    std::set<std::string_view> keys;
    for (const Option& option : options) {
      EXPECT_TRUE(keys.insert(OptionKey(option)).second) << command->name << OptionKey(option);
      EXPECT_FALSE(option.help.empty()) << command->name << OptionKey(option);
    }
  }
}

TEST(Commands, EachHasHelpWithExamples) {
  for (const Command* command : Commands()) {
    std::vector<std::string> words;
    const std::string name(command->name);
    const auto blank = name.find(' ');
    words.push_back(name.substr(0, blank));
    if (blank != std::string::npos) {
      words.push_back(name.substr(blank + 1));
    }
    words.emplace_back("--help");
    const CommandLine line(words);
    EXPECT_EQ(line.code, 0) << name;
    EXPECT_THAT(line.out, HasSubstr("Usage: aegis " + name));
    EXPECT_THAT(line.out, HasSubstr("Examples:"));
    EXPECT_EQ(line.err, "");
  }
}

TEST(Main, ShowsTheOverview) {
  const CommandLine asked({"--help"});
  EXPECT_EQ(asked.code, 0);
  EXPECT_THAT(asked.out, HasSubstr("audit verify"));
  const CommandLine bare({});
  EXPECT_EQ(bare.code, kUsageExit);
  EXPECT_EQ(bare.out, "");
  EXPECT_THAT(bare.err, HasSubstr("Usage"));
  EXPECT_THAT(CommandLine({"audit", "--help"}).out, HasSubstr("audit query"));
  EXPECT_EQ(CommandLine({"audit"}).code, kUsageExit);
}

TEST(Main, ShowsTheVersion) { EXPECT_THAT(CommandLine({"--version"}).out, StartsWith("aegis 0.")); }

TEST(Main, SuggestsWhatWasMeant) {
  const CommandLine line({"statsu"});
  EXPECT_EQ(line.code, kUsageExit);
  EXPECT_THAT(line.err, HasSubstr("did you mean \"aegis status\"?"));
  EXPECT_THAT(CommandLine({"audit", "verfy"}).err, HasSubstr("aegis audit verify"));
  EXPECT_THAT(CommandLine({"zzzzz"}).err, HasSubstr("unknown command"));
}

TEST(Main, ASecondWordAloneIsFound) {
  EXPECT_THAT(CommandLine({"verify"}).err, HasSubstr("did you mean \"aegis audit verify\"?"));
  EXPECT_THAT(CommandLine({"verify", "x"}).err, HasSubstr("aegis audit verify"));
  EXPECT_THAT(CommandLine({"adit", "verify"}).err, HasSubstr("did you mean \"aegis audit\"?"));
}

TEST(Choices, AreAllTheActionsThereAre) {
  for (std::size_t i = 0; i < policy::kActionCount; ++i) {
    EXPECT_EQ(kActionChoices.at(i), policy::ActionName(static_cast<policy::Action>(i)));
  }
  EXPECT_EQ(kActionChoices.size(), policy::kActionCount);
}

TEST(Main, SaysWhatThisBuildLacks) {
  EXPECT_THAT(CommandLine({"pilot", "--", "x"}).err, HasSubstr("not in this build"));
  EXPECT_THAT(CommandLine({"telegram"}).err, HasSubstr("not in this build"));
}

TEST(Main, WrongUseOfRunIsAFailureOfAegis) {
  EXPECT_EQ(CommandLine({"run"}).code, 125);
  EXPECT_EQ(CommandLine({"run", "ls"}).code, 125);
  EXPECT_EQ(CommandLine({"wrap", "--nope", "--", "ls"}).code, 125);
  EXPECT_EQ(CommandLine({"log", "--nope"}).code, kUsageExit);
}

TEST(Main, TheCommandsOfRunAreFoundFirst) {
  EXPECT_EQ(CommandLine({"run", "--", "no-such-program-anywhere"}).code, 127);
  EXPECT_EQ(CommandLine({"run", "--", "/dev/null"}).code, 126);
}

TEST(Main, HostileWordsAreShownHarmlessly) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"x\n\x1b[31m"},
                                                {"log", "--x\n\x1b[31m"},
                                                {"-x\n\x1b"},
                                                {"log", "a\n\x1b[0m"},
                                                {"run", "--", "\x1b[31mx\n\xff"},
                                                {"init", "\u202e"}}) {
    const CommandLine line(words);
    EXPECT_NE(line.code, 0);
    EXPECT_THAT(line.err, StartsWith("aegis: "));
    EXPECT_EQ(line.err.find('\x1b'), std::string::npos) << line.err;
    EXPECT_EQ(line.err.find("\u202e"), std::string::npos) << line.err;
    EXPECT_EQ(line.err.find('\n'), line.err.size() - 1) << line.err;
  }
}

TEST(Main, MissingStateIsOneClearLine) {
  const CommandLine line({"status", "work"});
  EXPECT_EQ(line.code, 1);
  EXPECT_EQ(line.err, "aegis: no configuration \"work\" (make it with: aegis init work)\n");
}

TEST(Either, IsOneValueInTwoSpellings) {
  const auto parse = [](const std::vector<std::string>& words) {
    return Either(ParseArgs(kInitCommand.options, words).value(), "NAME", "--name");
  };
  EXPECT_EQ(parse({}).value(), std::nullopt);
  EXPECT_EQ(parse({"a"}).value(), "a");
  EXPECT_EQ(parse({"--name", "a"}).value(), "a");
  EXPECT_EQ(parse({"--name", "a", "a"}).value(), "a");
  EXPECT_EQ(parse({"--name", "a", "b"}).error().message(),
            "NAME and --name differ: \"b\" and \"a\"");
}

TEST(ConfigArgument, BothSpellingsMeanTheSame) {
  const auto parse = [](const std::vector<std::string>& words) {
    return ConfigArgument(ParseArgs(kLogCommand.options, words).value());
  };
  EXPECT_EQ(parse({}).value(), std::nullopt);
  EXPECT_EQ(parse({"a"}).value(), "a");
  EXPECT_EQ(parse({"--config", "a"}).value(), "a");
  EXPECT_EQ(parse({"a", "--config", "a"}).value(), "a");
  EXPECT_FALSE(parse({"a", "--config", "b"}).has_value());
}

}  // namespace
}  // namespace aegis::cli
