#include "config/environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aegis::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(IsCredentialName, KnowsCredentials) {
  for (const std::string_view name : {"GITHUB_TOKEN",
                                      "GH_TOKEN",
                                      "NPM_TOKEN",
                                      "TOKEN",
                                      "HF_TOKEN",
                                      "CLAUDE_CODE_OAUTH_TOKEN",
                                      "AWS_ACCESS_KEY_ID",
                                      "AWS_SECRET_ACCESS_KEY",
                                      "AWS_SESSION_TOKEN",
                                      "ANTHROPIC_API_KEY",
                                      "OPENAI_API_KEY",
                                      "DB_PASSWORD",
                                      "PGPASSWORD",
                                      "MYSQL_PWD",
                                      "SMTP_PASS",
                                      "MY_SECRET",
                                      "CLIENT_SECRET",
                                      "SECRET_KEY_BASE",
                                      "SSH_AUTH_SOCK",
                                      "GPG_AGENT_INFO",
                                      "DATABASE_URL",
                                      "GOOGLE_APPLICATION_CREDENTIALS",
                                      "DEPLOY_PRIVATE_KEY",
                                      "SENTRY_DSN",
                                      "GPG_PASSPHRASE",
                                      "SLACK_WEBHOOK_URL",
                                      "AZURE_CLIENT_SECRET",
                                      "github_token",
                                      "Api_Key"}) {
    EXPECT_TRUE(IsCredentialName(name)) << name;
  }
}

TEST(IsCredentialName, LeavesTheRestAlone) {
  for (const std::string_view name : {"PATH",
                                      "HOME",
                                      "USER",
                                      "LANG",
                                      "LC_ALL",
                                      "TERM",
                                      "COLORTERM",
                                      "SHELL",
                                      "PWD",
                                      "EDITOR",
                                      "TMPDIR",
                                      "VIRTUAL_ENV",
                                      "PYTHONPATH",
                                      "NODE_ENV",
                                      "CARGO_HOME",
                                      "GOPATH",
                                      "DISPLAY",
                                      "XDG_RUNTIME_DIR",
                                      "AWS_REGION",
                                      "AWS_PROFILE",
                                      "GIT_AUTHOR_NAME",
                                      "KEYBOARD",
                                      "MONKEY",
                                      "TOKENIZERS_PARALLELISM",
                                      "CLAUDE_CODE_MAX_OUTPUT_TOKENS",
                                      "AUTHOR",
                                      "COMPASS",
                                      "PASSAGE",
                                      "http_proxy",
                                      "AEGIS_HOME",
                                      "MAKEFLAGS",
                                      "_",
                                      "SECRETARY",
                                      ""}) {
    EXPECT_FALSE(IsCredentialName(name)) << name;
  }
}

TEST(IsCredentialName, TakesNoLongerForHostileNames) {
  EXPECT_FALSE(IsCredentialName(std::string(200'000, 'A')));
  EXPECT_TRUE(IsCredentialName(std::string(200'000, '_') + "TOKEN"));
}

TEST(FindVariable, TakesTheFirstDefinition) {
  const std::vector<std::string> environment = {"HOMER=no", "HOME=/a", "HOME=/b", "EMPTY=", "bad"};
  EXPECT_EQ(FindVariable(environment, "HOME"), "/a");
  EXPECT_EQ(FindVariable(environment, "EMPTY"), "");
  EXPECT_EQ(FindVariable(environment, "bad"), std::nullopt);
  EXPECT_EQ(FindVariable(environment, "NONE"), std::nullopt);
}

TEST(FilterEnvironment, DropsCredentialsAndNamesThem) {
  const std::vector<std::string> environment = {"PATH=/bin", "GH_TOKEN=x", "A=b=c", "API_KEY=y",
                                                "GH_TOKEN=again"};
  const FilteredEnvironment result = FilterEnvironment(environment, {});
  EXPECT_THAT(result.kept, ElementsAre("PATH=/bin", "A=b=c"));
  EXPECT_THAT(result.dropped, ElementsAre("API_KEY", "GH_TOKEN"));
}

TEST(FilterEnvironment, HandsOverWhatIsExcepted) {
  const std::vector<std::string> environment = {"ANTHROPIC_API_KEY=x", "OTHER_API_KEY=y"};
  const std::vector<std::string> pass = {"ANTHROPIC_API_KEY", "UNSET_TOKEN"};
  const FilteredEnvironment result = FilterEnvironment(environment, pass);
  EXPECT_THAT(result.kept, ElementsAre("ANTHROPIC_API_KEY=x"));
  EXPECT_THAT(result.dropped, ElementsAre("OTHER_API_KEY"));
}

TEST(FilterEnvironment, ExceptionsAreExact) {
  const std::vector<std::string> pass = {"api_key", "*"};
  const FilteredEnvironment result = FilterEnvironment(std::vector<std::string>{"API_KEY=x"}, pass);
  EXPECT_THAT(result.kept, IsEmpty());
}

TEST(FilterEnvironment, DropsMalformedEntries) {
  const std::vector<std::string> environment = {"novalue", "=x", "OK="};
  const FilteredEnvironment result = FilterEnvironment(environment, {});
  EXPECT_THAT(result.kept, ElementsAre("OK="));
  EXPECT_THAT(result.dropped, IsEmpty());
}

}  // namespace
}  // namespace aegis::config
