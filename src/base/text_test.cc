#include "base/text.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace aegis::base {
namespace {

using namespace std::string_view_literals;

TEST(EscapeNameTest, KeepsValidUtf8) {
  EXPECT_EQ(EscapeName("/srv/app/a.c"), "/srv/app/a.c");
  EXPECT_EQ(EscapeName("/häuser/日本/🦊"), "/häuser/日本/🦊");
  EXPECT_EQ(EscapeName("a\nb\x1b"), "a\nb\x1b");
  EXPECT_EQ(EscapeName("a\0b"sv), "a\0b"sv);
}

TEST(EscapeNameTest, EscapesBackslashAndBytesOutsideUtf8) {
  EXPECT_EQ(EscapeName("a\\b"), "a\\\\b");
  EXPECT_EQ(EscapeName("a\xff"), "a\\xff");
  EXPECT_EQ(EscapeName("\xc3("), "\\xc3(");
  EXPECT_EQ(EscapeName("\xe2\x82"), "\\xe2\\x82");  // cut short
}

TEST(EscapeNameTest, RefusesOverlongSurrogateAndTooLargeForms) {
  EXPECT_EQ(EscapeName("\xc0\xaf"), "\\xc0\\xaf");           // "/" in two bytes
  EXPECT_EQ(EscapeName("\xe0\x80\xaf"), "\\xe0\\x80\\xaf");  // "/" in three
  EXPECT_EQ(EscapeName("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // U+D800
  EXPECT_EQ(EscapeName("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
  EXPECT_EQ(EscapeName("\xf4\x8f\xbf\xbf"), "\xf4\x8f\xbf\xbf");  // U+10FFFF is the last one
}

TEST(EscapeNameTest, DistinguishesALiteralEscapeFromAByte) {
  EXPECT_NE(EscapeName("\\xff"), EscapeName("\xff"));
  EXPECT_EQ(EscapeName("\\xff"), "\\\\xff");
}

TEST(EscapeNameTest, AppendsToWhatIsThere) {
  std::string out = "open ";
  AppendEscapedName(out, "\xfe");
  EXPECT_EQ(out, "open \\xfe");
}

TEST(EscapeNameTest, RoundTripsAndIsInjectiveOverRandomBytes) {
  std::mt19937 random(7);  // NOLINT(bugprone-random-generator-seed): the same bytes on every run
  const std::string_view alphabet = "ax/\\f0\xff\xc3\xa9\xe2\x82\xac\xf0\n"sv;
  std::set<std::string> names;
  std::set<std::string> escaped;
  for (int round = 0; round < 20000; ++round) {
    std::string name(random() % 9, '\0');
    for (char& c : name) {
      c = alphabet[random() % alphabet.size()];
    }
    const std::string text = EscapeName(name);
    ASSERT_TRUE(IsValidUtf8(text));
    ASSERT_EQ(UnescapeName(text), name);
    names.insert(name);
    escaped.insert(text);
  }
  EXPECT_EQ(names.size(), escaped.size());
}

TEST(UnescapeNameTest, LeavesForeignEscapesAsTheyStand) {
  for (const std::string_view text : {"\\n", "\\x4", "\\xFF", "\\x41", "\\xg0", "a\\", "\\x"}) {
    EXPECT_EQ(UnescapeName(text), text);
  }
}

TEST(IsValidUtf8Test, TellsValidFromInvalid) {
  EXPECT_TRUE(IsValidUtf8(""));
  EXPECT_TRUE(IsValidUtf8("grüße \xef\xbf\xbf"));
  EXPECT_FALSE(IsValidUtf8("\x80"));
  EXPECT_FALSE(IsValidUtf8("ok\xf8"));
  EXPECT_FALSE(IsValidUtf8("\xc1\xbf"));
}

TEST(ForDisplayTest, KeepsOrdinaryText) {
  EXPECT_EQ(ForDisplay("git commit -m 'größer' 日本 🦊 \\xff"),
            "git commit -m 'größer' 日本 🦊 \\xff");
}

TEST(ForDisplayTest, NeutralisesWhatMovesHidesOrReorders) {
  const std::pair<std::string_view, std::string_view> expected[] = {
      {"\x1b[2J", "\\u{1b}[2J"},
      {"a\nb\tc\r", "a\\u{a}b\\u{9}c\\u{d}"},
      {"\x7f", "\\u{7f}"},
      {"\xc2\x9b", "\\u{9b}"},             // C1 CSI
      {"\xe2\x80\xae", "\\u{202e}"},       // right-to-left override
      {"\xe2\x81\xa6", "\\u{2066}"},       // isolate
      {"\xd8\x9c", "\\u{61c}"},            // Arabic letter mark
      {"\xe2\x80\x8b", "\\u{200b}"},       // zero width space
      {"\xe2\x80\xa8", "\\u{2028}"},       // line separator
      {"\xef\xbb\xbf", "\\u{feff}"},       // byte order mark
      {"\xf3\xa0\x81\x81", "\\u{e0041}"},  // tag
      {"\xff\x80", "\\xff\\x80"},          // no UTF-8
      {"\0"sv, "\\u{0}"},
  };
  for (const auto& [raw, shown] : expected) {
    EXPECT_EQ(ForDisplay(raw), shown);
  }
}

TEST(ForDisplayTest, OutputIsAFixedPoint) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) {
    all += static_cast<char>(byte);
  }
  const std::string once = ForDisplay(all);
  EXPECT_EQ(ForDisplay(once), once);
  EXPECT_EQ(once.find('\x1b'), std::string::npos);
  EXPECT_EQ(once.find('\n'), std::string::npos);
}

TEST(FormatTimeTest, IsIso8601) {
  EXPECT_EQ(FormatTime(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(FormatTime(951'782'400'007), "2000-02-29T00:00:00.007Z");
  EXPECT_EQ(FormatTime(253'402'300'799'999), "9999-12-31T23:59:59.999Z");
}

TEST(FormatTimeTest, SurvivesTamperedTimes) {
  EXPECT_EQ(FormatTime(-1), "-1");
  EXPECT_EQ(FormatTime(std::numeric_limits<std::int64_t>::max()), "9223372036854775807");
  EXPECT_EQ(FormatTime(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
}

}  // namespace
}  // namespace aegis::base
