#include "cli/text.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace aegis::cli {
namespace {

TEST(ParseTime, ReadsTheUsualForms) {
  EXPECT_EQ(ParseTime("1970-01-02"), 86'400'000);
  EXPECT_EQ(ParseTime("1970-01-01T00:01"), 60'000);
  EXPECT_EQ(ParseTime("1970-01-01 00:00:01"), 1'000);
  EXPECT_EQ(ParseTime("1970-01-01T00:00:01.5Z"), 1'500);
  EXPECT_EQ(ParseTime("1970-01-01T00:00:00.123456789Z"), 123);
  EXPECT_EQ(ParseTime("1970-01-01T01:00:00+01:00"), 0);
  EXPECT_EQ(ParseTime("1970-01-01T00:00:00-00:30"), 1'800'000);
}

TEST(ParseTime, IsTheInverseOfFormatTime) {
  for (const std::int64_t moment : {0LL, 1LL, 951'782'400'007LL, 1'795'269'787'042LL}) {
    EXPECT_EQ(ParseTime(FormatTime(moment)), moment);
  }
}

TEST(ParseTime, RefusesTheRest) {
  for (const std::string_view text :
       {"", "yesterday", "2026", "2026-13-01", "2026-02-30", "2026-1-1", "2026-01-01T",
        "2026-01-01T24:00", "2026-01-01T00:60", "2026-01-01T00:00:00.", "2026-01-01T00:00:00+1",
        "2026-01-01x", "2026-01-01T00:00Zx", "-026-01-01", "2026-01-01T00:00:00+25:00",
        "1234567890"}) {
    EXPECT_EQ(ParseTime(text), std::nullopt) << text;
  }
}

TEST(HarmlessJson, KeepsTheValue) {
  for (const std::string& text :
       {std::string("plain"), std::string("\u202e\u2066 \u200b \u2028"), std::string("\x7f\u0085"),
        std::string("é漢😀"), std::string("\U000e0041")}) {
    const std::string json = nlohmann::json(text).dump();
    const std::string harmless = HarmlessJson(json);
    EXPECT_EQ(nlohmann::json::parse(harmless).get<std::string>(), text);
  }
}

TEST(HarmlessJson, EscapesWhatSteersATerminal) {
  EXPECT_EQ(HarmlessJson("\"\u202e\""), "\"\\u202e\"");
  EXPECT_EQ(HarmlessJson("\"\x7f\u009b\""), "\"\\u007f\\u009b\"");
  EXPECT_EQ(HarmlessJson("\"\U000e0041\""), "\"\\udb40\\udc41\"");
  EXPECT_EQ(HarmlessJson("{\n\t\"a\": \"é😀\"\n}"), "{\n\t\"a\": \"é😀\"\n}");
  EXPECT_EQ(HarmlessJson(""), "");
}

TEST(HarmlessJson, StaysInBoundsOnBrokenText) {
  for (const std::string_view text : {"\xf0", "\xe2\x80", "\xc2", "\xff\xff", "\x80"}) {
    const std::string harmless = HarmlessJson(text);
    for (const char c : harmless) {
      EXPECT_TRUE(c >= ' ' && c <= '~') << text;
    }
  }
}

TEST(CedarString, QuotesAndEscapes) {
  EXPECT_EQ(CedarString("/etc/x"), "\"/etc/x\"");
  EXPECT_EQ(CedarString("a\"b\\xff"), "\"a\\\"b\\\\xff\"");
  EXPECT_EQ(CedarString("a\nb\u202e"), "\"a\\u{a}b\\u{202e}\"");
}

TEST(Count, KnowsOneFromMany) {
  EXPECT_EQ(Count(1, "action"), "1 action");
  EXPECT_EQ(Count(0, "action"), "0 actions");
}

TEST(Bytes, AreRoundedDown) {
  EXPECT_EQ(Bytes(0), "0 bytes");
  EXPECT_EQ(Bytes(1), "1 byte");
  EXPECT_EQ(Bytes(1023), "1023 bytes");
  EXPECT_EQ(Bytes(1024), "1.0 KiB");
  EXPECT_EQ(Bytes(1536), "1.5 KiB");
  EXPECT_EQ(Bytes((1U << 20U) - 1), "1023.9 KiB");
  EXPECT_EQ(Bytes(1U << 20U), "1.0 MiB");
  EXPECT_EQ(Bytes(std::uint64_t{5} << 30U), "5.0 GiB");
  EXPECT_EQ(Bytes(std::uint64_t{5000} << 30U), "5000.0 GiB");
  EXPECT_EQ(Bytes(UINT64_MAX), "17179869183.9 GiB");
}

TEST(Padded, CountsCharacters) {
  EXPECT_EQ(Padded("é", 3), "é  ");
  EXPECT_EQ(Padded("long", 2), "long");
}

TEST(ParseAge, ReadsAges) {
  EXPECT_EQ(ParseAge("45m"), 45 * 60'000);
  EXPECT_EQ(ParseAge("12h"), 12 * 3'600'000);
  EXPECT_EQ(ParseAge("30d"), 30 * 86'400'000LL);
  EXPECT_EQ(ParseAge("2w"), 14 * 86'400'000LL);
  for (const char* none : {"", "d", "30", "0d", "-3d", "30D", "30 d", "30dd", "3.5d", "100001d",
                           "99999999999999999999d", "x30d", "30y"}) {
    EXPECT_EQ(ParseAge(none), std::nullopt) << none;
  }
}

}  // namespace
}  // namespace aegis::cli
