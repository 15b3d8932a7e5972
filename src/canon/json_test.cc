#include "canon/json.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "canon/number.h"

namespace aegis::canon {
namespace {

std::string Number(double value) {
  std::string out;
  return AppendJsonNumber(out, value) ? out : "none";
}

std::string Text(std::string_view text) {
  std::string out;
  AppendJsonString(out, text);
  return out;
}

// RFC 8785, appendix B.
TEST(JsonNumberTest, GivesThePublishedVectors) {
  const std::vector<std::pair<std::uint64_t, std::string>> vectors = {
      {0x0000000000000000, "0"},
      {0x8000000000000000, "0"},
      {0x0000000000000001, "5e-324"},
      {0x8000000000000001, "-5e-324"},
      {0x7fefffffffffffff, "1.7976931348623157e+308"},
      {0xffefffffffffffff, "-1.7976931348623157e+308"},
      {0x4340000000000000, "9007199254740992"},
      {0xc340000000000000, "-9007199254740992"},
      {0x4430000000000000, "295147905179352830000"},
      {0x7fffffffffffffff, "none"},
      {0x7ff0000000000000, "none"},
      {0x44b52d02c7e14af5, "9.999999999999997e+22"},
      {0x44b52d02c7e14af6, "1e+23"},
      {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
      {0x444b1ae4d6e2ef4e, "999999999999999700000"},
      {0x444b1ae4d6e2ef4f, "999999999999999900000"},
      {0x444b1ae4d6e2ef50, "1e+21"},
      {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
      {0x3eb0c6f7a0b5ed8d, "0.000001"},
      {0x41b3de4355555553, "333333333.3333332"},
      {0x41b3de4355555554, "333333333.33333325"},
      {0x41b3de4355555555, "333333333.3333333"},
      {0x41b3de4355555556, "333333333.3333334"},
      {0x41b3de4355555557, "333333333.33333343"},
      {0xbecbf647612f3696, "-0.0000033333333333333333"},
      {0x43143ff3c1cb0959, "1424953923781206.2"}};
  for (const auto& [bits, text] : vectors) {
    EXPECT_EQ(Number(std::bit_cast<double>(bits)), text);
  }
}

TEST(JsonNumberTest, WritesTheEdgesOfItsForms) {
  EXPECT_EQ(Number(-0.0), "0");
  EXPECT_EQ(Number(1e20), "100000000000000000000");
  EXPECT_EQ(Number(1e21), "1e+21");
  EXPECT_EQ(Number(1e-6), "0.000001");
  EXPECT_EQ(Number(1e-7), "1e-7");
  EXPECT_EQ(Number(1.5e-7), "1.5e-7");
  EXPECT_EQ(Number(9007199254740993.0), "9007199254740992");
  EXPECT_EQ(Number(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(Number(100), "100");
  EXPECT_EQ(Number(-1.25), "-1.25");
}

TEST(JsonNumberTest, EveryDoubleReadsBackAndIsCanonical) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 200000; ++round) {
    const auto value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) {
      continue;
    }
    const std::string text = Number(value);
    ASSERT_EQ(ParseJsonNumber(text), value) << text;
    ASSERT_EQ(std::strtod(text.c_str(), nullptr), value) << text;
    ASSERT_TRUE(IsCanonicalNumber(text)) << text;
  }
}

TEST(JsonNumberTest, IntegersAreExactWithinTwoToThe53) {
  std::string out;
  AppendJsonInteger(out, std::int64_t{1} << 53U);
  out += ' ';
  AppendJsonInteger(out, -42);
  out += ' ';
  AppendJsonInteger(out, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(out, "9007199254740992 -42 9223372036854776000");
}

TEST(JsonNumberTest, RefusesWhatIsNoNumber) {
  for (const std::string_view bad :
       {"", "-", "01", "-01", "1.", ".5", "1e", "1e+", "+1", "0x10", "1e5x", "NaN", "Infinity",
        "1 ", " 1", "1e400", "-1e999999", "1e99999999999999999999"}) {
    EXPECT_EQ(ParseJsonNumber(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(ParseJsonNumber("1e-400"), 0.0);
  EXPECT_EQ(ParseJsonNumber("1e-99999999999999999999"), 0.0);
  EXPECT_EQ(ParseJsonNumber("0e99999"), 0.0);
  EXPECT_EQ(ParseJsonNumber("0.00001e5"), 1.0);
}

TEST(JsonNumberTest, OnlyOneTextOfANumberIsCanonical) {
  for (const std::string_view good : {"0", "1", "-1", "10", "1.5", "1e+21", "1e-7", "5e-324"}) {
    EXPECT_TRUE(IsCanonicalNumber(good)) << good;
  }
  for (const std::string_view bad : {"-0", "1.0", "1e0", "1E+21", "1e21", "0.0000001", "10e-1",
                                     "9007199254740993", "1e-400", "007"}) {
    EXPECT_FALSE(IsCanonicalNumber(bad)) << bad;
  }
}

TEST(JsonStringTest, EscapesWhatMustBeAndNothingElse) {
  EXPECT_EQ(Text("plain / text"), "\"plain / text\"");
  EXPECT_EQ(Text("\b\t\n\f\r\"\\"), R"("\b\t\n\f\r\"\\")");
  EXPECT_EQ(Text(std::string_view("\0\x1f\x7f", 3)), "\"\\u0000\\u001f\x7f\"");
  EXPECT_EQ(Text("<&>\u2028\u20ac\U0001f600"), "\"<&>\u2028\u20ac\U0001f600\"");
}

TEST(JsonStringTest, NeverWritesInvalidUtf8) {
  EXPECT_EQ(Text("a\xff"
                 "b"),
            R"("a\\xffb")");
  EXPECT_EQ(Text("\xed\xa0\x80"), R"("\\xed\\xa0\\x80")");
  EXPECT_EQ(Text("\xc0\xaf"), R"("\\xc0\\xaf")");
  EXPECT_EQ(Text("\xf4\x90\x80\x80"), R"("\\xf4\\x90\\x80\\x80")");
  EXPECT_EQ(Text("\xe2\x82"), R"("\\xe2\\x82")");
}

}  // namespace
}  // namespace aegis::canon
