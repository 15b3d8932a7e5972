#include "ledger/mask.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ledger/masker.h"

namespace aegis::ledger {
namespace {

std::string Masked(std::string_view text) {
  return Masker().Mask(text).value_or(std::string(text));
}

TEST(MaskTest, SecretsGoTheRestStays) {
  const std::string token(36, 'x');
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"https://user:pw@host/p?q", "https://[masked]@host/p?q"},
      {"postgres://u:p@ss@db:5432/x", "postgres://[masked]@db:5432/x"},
      {"https://ghtoken@github.com/a", "https://[masked]@github.com/a"},
      {"Authorization: Bearer abc.def-123", "Authorization: Bearer [masked]"},
      {"authorization: basic dXNlcjpwYXNz", "authorization: basic [masked]"},
      {"ghp_" + token, "[masked]"},
      {"key=sk-" + token + ".", "key=[masked]."},
      {"AKIAIOSFODNN7EXAMPLE", "[masked]"},
      {"xoxb-1234567890-abc", "[masked]"},
      {"github_pat_" + token, "[masked]"},
      {"x eyJhbGciOi.eyJzdWIiOiIx.c2ln y", "x [masked] y"},
      {"--token=abc", "--token=[masked]"},
      {"--password=a b", "--password=[masked] b"},
      {"API_KEY=abc make", "API_KEY=[masked] make"},
      {"MYSQL_PWD=x", "MYSQL_PWD=[masked]"},
      {"AWS_SECRET_ACCESS_KEY=x", "AWS_SECRET_ACCESS_KEY=[masked]"},
      {"MY_TOKEN_2=x", "MY_TOKEN_2=[masked]"},
      {"--client-secret=x", "--client-secret=[masked]"},
      {"{\"password\": \"abc\"}", "{\"password\": \"[masked]\"}"},
      {"-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\nrest",
       "[masked]\nrest"},
      {"-----BEGIN PRIVATE KEY-----\nabc", "[masked]"},
      {"AccountName=a;AccountKey=bC+/d==;EndpointSuffix=e",
       "AccountName=a;AccountKey=[masked];EndpointSuffix=e"},
      {"SharedAccessKeyName=n;SharedAccessKey=ab=",
       "SharedAccessKeyName=n;SharedAccessKey=[masked]"},
      {"TOKEN=a SECRET=b", "TOKEN=[masked] SECRET=[masked]"}};
  for (const auto& [text, masked] : cases) {
    EXPECT_EQ(Masked(text), masked) << text;
  }
}

TEST(MaskTest, OrdinaryTextStays) {
  for (const std::string_view text : {"",
                                      "make",
                                      "-j2",
                                      "--output=x",
                                      "https://host/path@2x.png",
                                      "git@github.com:a/b.git",
                                      "user@host",
                                      "sk-short",
                                      "task-list",
                                      "eyJust.a.name",
                                      "basic use",
                                      "a=b",
                                      "PATH=/bin",
                                      "/home/u/token/file",
                                      "--token",
                                      "s/a/b/",
                                      "://",
                                      "a://b",
                                      "--max-tokens=4096",
                                      "TOKENIZER=x",
                                      "PWD=/home/u",
                                      "OLDPWD=/",
                                      "SharedAccessKeyName=n",
                                      "AccountKeyVault=n",
                                      "tokens:/dir"}) {
    EXPECT_EQ(Masker().Mask(text), std::nullopt) << text;
  }
}

TEST(MaskTest, TheValueAfterASecretOptionGoes) {
  const std::vector<std::string> argv = {"curl",       "--token", "abc",         "--verbose", "x",
                                         "--password", "-v",      "--api-key=k", "y"};
  EXPECT_EQ(Masker().MaskArgument(argv, 2), kMasked);
  EXPECT_EQ(Masker().MaskArgument(argv, 4), std::nullopt);
  EXPECT_EQ(Masker().MaskArgument(argv, 6), std::nullopt);
  EXPECT_EQ(Masker().MaskArgument(argv, 7), "--api-key=[masked]");
  EXPECT_EQ(Masker().MaskArgument(argv, 8), std::nullopt);
  EXPECT_EQ(Masker().MaskArgument(argv, 0), std::nullopt);
}

TEST(MaskTest, TextsAfterSoManySecretsGoWhole) {
  std::string text;
  for (std::size_t i = 0; i <= kMaxSecrets; ++i) {
    text += "TOKEN=x ";
  }
  text += "tail";
  std::vector<TextRange> secrets;
  FindSecrets(text, secrets);
  ASSERT_EQ(secrets.size(), kMaxSecrets + 1);
  EXPECT_EQ(secrets[0], (TextRange{6, 7}));
  EXPECT_EQ(secrets.back(), (TextRange{(8 * kMaxSecrets) - 1, text.size()}));
}

TEST(MaskTest, HostileTextsTakeLittleTime) {
  const auto repeated = [](std::string_view piece) {
    std::string text;
    while (text.size() < 128U << 10U) {
      text += piece;
    }
    return text;
  };
  const auto start = std::chrono::steady_clock::now();
  for (const std::string_view piece :
       {"eyJ", "eyJ.", "xsk-", "sk-", "://", "TOKEN=x ", "a=", "=", "bearer ", "basic a ",
        "-----BEGIN ", "eyJabcdefgh.abcdefghi.", "ghp_012345678901234567890123456789 ", "dapi0123",
        "SG.", "SG.a-", "AGE-SECRET-KEY-1"}) {
    (void)Masker().Mask(repeated(piece));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST(MaskTest, MaskingIsStableAndEnds) {
  std::string text;
  for (int i = 0; i < 200; ++i) {
    text += "TOKEN=x://a:b@c;ghp_ Bearer eyJ.. -----BEGIN ";
  }
  const std::string once = Masked(text);
  EXPECT_EQ(Masked(once), once);
}

}  // namespace
}  // namespace aegis::ledger
