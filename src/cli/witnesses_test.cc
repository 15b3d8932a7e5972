#include "cli/witnesses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "cli/args.h"
#include "cli/context.h"
#include "config/config.h"
#include "witness/witness.h"

namespace aegis::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;
using witness::FileTarget;
using witness::HttpTarget;
using witness::SyslogTarget;
using witness::Target;

class ChooseWitnessesTest : public testing::Test {
 protected:
  ChooseWitnessesTest() {
    configuration_.state_dir = "/h/.aegis/a";
    configuration_.file = "/h/.aegis/a/aegis.toml";
  }
  base::Result<witness::Settings> Choose(const WitnessFlags& flags = {}) const {
    return ChooseWitnesses(places_, configuration_, flags);
  }
  static std::string NewKey(const std::string& name, bool log = false) {
    const auto signer = canon::NoteSigner::Generate(name).value();
    return (log ? signer.verifier() : signer.cosigner()).Text();
  }

  Places places_{.home = config::Home::Locate(std::array<std::string, 1>{"AEGIS_HOME=/h"}).value(),
                 .user_home = "/h"};
  config::Configuration configuration_;
};

TEST_F(ChooseWitnessesTest, ThereMayBeNone) { EXPECT_EQ(Choose().value(), witness::Settings{}); }

TEST_F(ChooseWitnessesTest, PathsCountFromWhereTheyAreWritten) {
  configuration_.witness.targets = {"w", "~/w", "/w\\xff", "syslog", "https://w.example/x/"};
  configuration_.witness.ca = "/ca";
  configuration_.witness.required = true;
  const auto settings = Choose({.targets = {"w", "~/w", "/a\\b"}}).value();
  EXPECT_THAT(
      settings.targets,
      ElementsAre(Target(FileTarget{"/h/.aegis/a/w"}), Target(FileTarget{"/h/w"}),
                  Target(FileTarget{"/w\xff"}), Target(SyslogTarget{}),
                  Target(HttpTarget{.tls = true, .host = "w.example", .port = 443, .prefix = "/x"}),
                  Target(FileTarget{"w"}), Target(FileTarget{"~/w"}), Target(FileTarget{"/a\\b"})));
  EXPECT_EQ(settings.ca_file, "/ca");
  EXPECT_TRUE(settings.required);
}

TEST_F(ChooseWitnessesTest, FlagsAddToTheConfiguration) {
  const std::string one = NewKey("one");
  const std::string two = NewKey("two");
  configuration_.witness.targets = {"syslog"};
  configuration_.witness.keys = {one};
  const auto settings =
      Choose({.targets = {"http://h", "syslog", "http://h:80/"}, .keys = {two, one}}).value();
  EXPECT_EQ(settings.targets.size(), 2U);
  ASSERT_EQ(settings.keys.size(), 2U);
  EXPECT_EQ(settings.keys[0].Text(), one);
  EXPECT_EQ(settings.keys[1].Text(), two);
}

TEST_F(ChooseWitnessesTest, NamesWhatIsWrongAndWhere) {
  EXPECT_THAT(Choose({.targets = {"http://u@h"}}).error().message(),
              StartsWith("witness \"http://u@h\": it has user information"));
  EXPECT_THAT(Choose({.keys = {"x"}}).error().message(),
              StartsWith("--witness-key: \"x\" is no verifier key"));
  EXPECT_THAT(Choose({.keys = {NewKey("log", true)}}).error().message(), HasSubstr("of a log"));
  configuration_.witness.keys = {"x"};
  EXPECT_THAT(Choose().error().message(), StartsWith("/h/.aegis/a/aegis.toml: \"x\""));
  configuration_.witness.keys.clear();
  configuration_.witness.targets = {""};
  EXPECT_THAT(Choose().error().message(), HasSubstr("it is empty"));
}

TEST_F(ChooseWitnessesTest, TheFlagsMayBeRepeated) {
  constexpr std::array<Option, 2> kOptions = {kWitnessOption, kWitnessKeyOption};
  const std::vector<std::string> words = {"--witness", "a", "--witness-key", "k", "--witness=b"};
  const WitnessFlags flags = WitnessFlagsOf(ParseArgs(kOptions, words).value());
  EXPECT_THAT(flags.targets, ElementsAre("a", "b"));
  EXPECT_THAT(flags.keys, ElementsAre("k"));
  EXPECT_THAT(WitnessFlagsOf(ParseArgs(kOptions, {}).value()).targets, IsEmpty());
}

}  // namespace
}  // namespace aegis::cli
