#include "ledger/token_prefixes.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/mask.h"

namespace aegis::ledger {
namespace {

std::string Repeated(std::string_view piece, std::size_t size) {
  std::string text;
  while (text.size() < size) {
    text += piece;
  }
  return text.substr(0, size);
}

// Made up in the forms that their issuers document.
TEST(TokenPrefixesTest, FindsTokensOfKnownForms) {
  const std::string hex = Repeated("0123456789abcdef", 64);
  const std::string word = Repeated("aB3dE6gH9", 96);
  const std::string upper = Repeated("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58);
  for (const std::string& token : std::vector<std::string>{
           "ghp_" + word.substr(0, 36),
           "glpat-" + word.substr(0, 20),
           "gldt-" + word.substr(0, 20),
           "glrt-t1_" + word.substr(0, 20),
           "ATATT3xFfGF0" + Repeated("aB3-_", 170),
           "npm_" + word.substr(0, 36),
           "pypi-AgEIcHlwaS5vcmc" + Repeated("aB3-_", 150),
           "rubygems_" + hex.substr(0, 48),
           "dckr_pat_" + word.substr(0, 27),
           "sk-proj-" + word.substr(0, 48),
           "sk-ant-api03-" + Repeated("aB3-_", 93) + "AA",
           "gsk_" + word.substr(0, 52),
           "xai-" + word.substr(0, 80),
           "nvapi-" + Repeated("aB3-_", 64),
           "r8_" + word.substr(0, 37),
           "AKIAIOSFODNN7EXAMPLE",
           "AIza" + word.substr(0, 35),
           "ya29.a0" + Repeated("aB3-_", 160),
           "GOCSPX-" + word.substr(0, 28),
           "dapi" + hex.substr(0, 32),
           "dapi" + hex.substr(0, 32) + "-2",
           "dop_v1_" + hex,
           "doo_v1_" + hex,
           "dor_v1_" + hex,
           "hvs." + word.substr(0, 95),
           "hvb." + word,
           "hvr." + word,
           "tskey-auth-" + word.substr(0, 12) + "-" + word.substr(0, 32),
           "sk_live_" + word.substr(0, 24),
           "sk_test_" + word.substr(0, 24),
           "whsec_" + word.substr(0, 32),
           "shpat_" + hex.substr(0, 32),
           "shpss_" + hex.substr(0, 32),
           "SG." + word.substr(0, 22) + "." + word.substr(0, 43),
           "xapp-1-A0123456789-" + hex,
           "AGE-SECRET-KEY-1" + upper,
       }) {
    for (const std::string_view before : {"", " ", "=", "/", "\"", "\xff", "\\n"}) {
      const std::string text = std::string(before) + token + " end";
      EXPECT_EQ(FindPrefixed(text, 0), (TextRange{before.size(), before.size() + token.size()}))
          << text;
    }
    EXPECT_FALSE(FindPrefixed("x" + token, 0).found()) << "amid a word: " << token;
    EXPECT_FALSE(FindPrefixed(token, 1).found()) << token;
  }
}

TEST(TokenPrefixesTest, LeavesWhatOnlyLooksLikeThem) {
  for (const std::string_view text : {
           "ghp_short",
           "sk-learn",
           "task-0123456789abcdefghij",
           "dapi_server_of_a_rather_long_name_indeed",
           "dapi-0123456789abcdef0123456789abcdef",
           "dapi0123456789abcdef",
           "dop_v1_protocol_description_of_the_whole_thing_in_words",
           "shpat_formatting_is_a_function_of_this_library_too",
           "SG.framework.internals.Logger",
           "MSG.aB3dE6gH9aB3dE6gH9aB3dE.aB3dE6gH9aB3dE6gH9aB3dE6gH9aB3dE6gH9aB3dE6gH9",
           "pypi-mirror-of-the-whole-index-of-packages",
           "pypi-AgEI",
           "ya29.txt",
           "AGE-SECRET-KEY-1.txt",
           "AGE-SECRET-KEY-FILE-WHERE-IT-LIES-ON-THE-DISK-OF-THIS-MACHINE",
           "hvs.md",
           "hvs.config.of.vault.server.example",
           "r8_quantized_model_weights_of_the_second_layer",
           "gsk_test_of_the_whole_thing_which_is_quite_long_as_names_go",
           "xai-explainability-of-models",
           "whsec_name",
           "GOCSPX-",
           "npm_config_cache",
           "rubygems_mirror_of_the_whole_index_of_packages_here",
       }) {
    EXPECT_FALSE(FindPrefixed(text, 0).found()) << text;
  }
}

TEST(TokenPrefixesTest, FindsTheFirstFromWhereItIsAsked) {
  const std::string one = "AKIAIOSFODNN7EXAMPLE";
  const std::string two = "ghp_" + std::string(36, 'x');
  const std::string text = one + "," + two;
  EXPECT_EQ(FindPrefixed(text, 0), (TextRange{0, one.size()}));
  EXPECT_EQ(FindPrefixed(text, one.size()), (TextRange{one.size() + 1, text.size()}));
  EXPECT_FALSE(FindPrefixed(text, text.size()).found());
  EXPECT_FALSE(FindPrefixed("", 0).found());
}

}  // namespace
}  // namespace aegis::ledger
