#include "ledger/masker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/text.h"

namespace aegis::ledger {
namespace {

using testing::HasSubstr;

Masker With(const std::vector<std::string>& patterns) {
  auto masker = Masker::Make(patterns);
  EXPECT_TRUE(masker.has_value()) << masker.error().message();
  return masker.value_or(Masker());
}

std::string Masked(const std::string& pattern, std::string_view text) {
  return With({pattern}).Mask(text).value_or(std::string(text));
}

TEST(MaskerTest, OwnPatternsAddToTheBuiltInOnes) {
  const Masker masker = With({"ACME-[0-9]{8}", "(?i)internal-[a-z]+"});
  EXPECT_EQ(masker.Mask("x ACME-12345678 y TOKEN=z INTERNAL-abc"),
            "x [masked] y TOKEN=[masked] [masked]");
  EXPECT_EQ(masker.Mask("ACME-1234567"), std::nullopt);
  EXPECT_EQ(masker.Mask(""), std::nullopt);
  EXPECT_EQ(Masker().Mask("ACME-12345678"), std::nullopt);
  EXPECT_EQ(With({}).Mask("TOKEN=x"), "TOKEN=[masked]");
  std::optional<Masker> original = With({"ACME-[0-9]{8}"});
  const Masker copy = *original;
  original.reset();
  EXPECT_EQ(copy.Mask("ACME-12345678"), "[masked]");
}

TEST(MaskerTest, ArgumentsToo) {
  const Masker masker = With({"ACME-[0-9]{8}"});
  const std::vector<std::string> argv = {"x", "--id=ACME-12345678", "--token", "abc", "ACME-1"};
  EXPECT_EQ(masker.MaskArgument(argv, 1), "--id=[masked]");
  EXPECT_EQ(masker.MaskArgument(argv, 3), "[masked]");
  EXPECT_EQ(masker.MaskArgument(argv, 4), std::nullopt);
}

TEST(MaskerTest, OnlyTheFirstGroupGoesWhereThereIsOne) {
  EXPECT_EQ(Masked("pin ([0-9]+) of ([a-z]+)", "a pin 123 of me"), "a pin [masked] of me");
  EXPECT_EQ(Masked("pin (?:[0-9]+)", "a pin 123 b"), "a [masked] b");
  EXPECT_EQ(Masked("pin=([0-9]*);", "pin=;"), "pin=;") << "the group holds nothing";
  EXPECT_EQ(Masked("pin=([0-9]+)|PIN [0-9]+", "pin=1 PIN 2"), "pin=[masked] [masked]")
      << "where the group took no part, all of the match goes";
}

TEST(MaskerTest, AnchorsMeanTheWholeText) {
  EXPECT_EQ(Masked("^a", "aaa"), "[masked]aa");
  EXPECT_EQ(Masked("a$", "aaa"), "aa[masked]");
  EXPECT_EQ(Masked("\\Ba", "aab"), "a[masked]b");
  EXPECT_EQ(Masked("(?m)^k[0-9]", "k1\nk2k3"), "[masked]\n[masked]k3");
}

TEST(MaskerTest, OverlapsAreMaskedOnce) {
  const Masker masker = With({"abc", "bcd", "cdef", "zz"});
  EXPECT_EQ(masker.Mask("_abcdef_zz"), "_[masked]_[masked]");
  EXPECT_EQ(With({"TOKEN=x+y"}).Mask("TOKEN=xxy z"), "[masked] z") << "wider than the built-in one";
  EXPECT_EQ(With({"x"}).Mask("TOKEN=axb z"), "TOKEN=[masked] z") << "narrower";
}

TEST(MaskerTest, PatternsMeetTheBytesNotTheirEscapes) {
  const Masker masker = With({"\\bACME-[0-9]{8}", "key\\\\.{3}"});
  for (const std::string_view before : {"", " ", "\xff", "\xc3", "\\", "\xed\xa0\x80"}) {
    const std::string bytes = std::string(before) + "ACME-12345678";
    EXPECT_EQ(masker.Mask(base::EscapeName(bytes)), base::EscapeName(before) + "[masked]");
    if (!bytes.starts_with('\\')) {
      EXPECT_EQ(masker.Mask(bytes), base::EscapeName(before) + "[masked]") << "not escaped yet";
    }
  }
  EXPECT_EQ(masker.Mask(R"(key\\abcd)"), "[masked]d");
  EXPECT_EQ(masker.Mask(R"(key\\\xff\\cd)"), "[masked]d") << "a byte counts as one character";
  EXPECT_EQ(masker.Mask(R"(a\\b\xff)"), std::nullopt);
  EXPECT_EQ(Masker().Mask("\\xffghp_0123456789012345678901234567890123456"), "\\xff[masked]");
}

TEST(MaskerTest, CharactersStayWhole) {
  EXPECT_EQ(Masked("é.", "aéüb"), "a[masked]b");
  EXPECT_EQ(Masked("[é]x", "éx"), "[masked]");
  EXPECT_EQ(Masked("a\\C", "aéb"), "[masked]b") << "half a character is none";
  EXPECT_EQ(Masked("\\Cb", "aéb"), "a[masked]");
  EXPECT_EQ(Masked("(?i)É", "é"), "[masked]");
  EXPECT_EQ(Masked("k.*", "k\xff\xfe-\xc3"), "[masked]") << "no byte ends a match";
}

std::string WhyNot(const std::string& pattern) {
  const std::vector<std::string> patterns = {"fine", pattern};
  const auto masker = Masker::Make(patterns);
  EXPECT_FALSE(masker.has_value()) << pattern;
  return masker ? "" : masker.error().message();
}

TEST(MaskerTest, WrongPatternsAreNamedWithTheReason) {
  EXPECT_EQ(WhyNot(""), "mask \"\": it is empty");
  for (const std::string_view pattern :
       {"a*", "(a|)", "^", "$", "\\b", "\\B", "(?m)^", "(?m)$", "\\bx|\\b", "x?$", "()", "(?i)a?",
        "\\z", "(?m)^$", "\\b\\B|a|\\B"}) {
    EXPECT_EQ(WhyNot(std::string(pattern)),
              "mask \"" + std::string(pattern) + "\": it matches the empty text");
  }
  EXPECT_THAT(WhyNot("a["), HasSubstr("mask \"a[\": missing ]"));
  EXPECT_THAT(WhyNot("(a"), HasSubstr("missing )"));
  EXPECT_THAT(WhyNot("a(?=b)"), HasSubstr("invalid perl operator: (?="));
  EXPECT_THAT(WhyNot("(a)\\1"), HasSubstr("invalid escape sequence"));
  EXPECT_THAT(WhyNot("\xff"), HasSubstr("invalid UTF-8"));
  EXPECT_THAT(WhyNot("((((a{100}){100}){100}){100}){100}"), HasSubstr("invalid repetition size"));
  EXPECT_THAT(WhyNot("(\\pL{30}[^a]{30}){30}"), HasSubstr("pattern too large"));
  EXPECT_THAT(WhyNot(".{0,1000}k"), HasSubstr(".{0,1000}k\": it is too large;"));
  EXPECT_THAT(WhyNot(std::string(1025, 'a')), HasSubstr("longer than 1024 bytes"));
  const std::vector<std::string> many(33, "a");
  EXPECT_THAT(Masker::Make(many).error().message(), HasSubstr("more than 32"));
}

TEST(MaskerTest, PatternsThatMatchSomethingMayLookEmpty) {
  for (const std::string_view pattern : {"a+", "\\ba", "^a$", "(?:)a", ".", "(a*)b", "\\n", "a\\b",
                                         "[A-Za-z0-9_-]{200}", "[^ ]{100}"}) {
    const std::vector<std::string> patterns = {std::string(pattern)};
    EXPECT_TRUE(Masker::Make(patterns).has_value()) << pattern;
  }
}

TEST(MaskerTest, AfterManyMatchesTheRestGoesWhole) {
  std::string text;
  for (int i = 0; i < 1000; ++i) {
    text += "a b ";
  }
  const auto masked = With({"a"}).Mask(text + "tail");
  ASSERT_TRUE(masked.has_value());
  EXPECT_EQ(masked->find("tail"), std::string::npos);
  EXPECT_LT(masked->size(), 1000U);
}

TEST(MaskerTest, NoPatternAndNoTextTakesLong) {
  const Masker masker = With({"(a*)*b", "(a|aa)+$", "a(.*b)?", "([a-z]{1,20}[^x]{1,20}){1,5}q",
                              "(?i)(\\pL+ )*\\d", "(.{0,60}k){0,3}z"});
  const auto start = std::chrono::steady_clock::now();
  for (const std::string_view piece : {"a", "ab", "a ", "\xff", "é", "ak"}) {
    std::string text;
    while (text.size() < 128U << 10U) {
      text += piece;
    }
    (void)masker.Mask(text);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

}  // namespace
}  // namespace aegis::ledger
