#include "canon/cursor.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aegis::canon {
namespace {

TEST(CursorTest, ReadsPieceByPiece) {
  Cursor cursor(R"({"a":12,"b":"x","c":[1,{}]})");
  std::int64_t number = 0;
  std::string_view raw;
  EXPECT_TRUE(cursor.Literal(R"({"a":)"));
  EXPECT_TRUE(cursor.Integer(&number));
  EXPECT_EQ(number, 12);
  EXPECT_TRUE(cursor.Literal(R"(,"b":)"));
  EXPECT_TRUE(cursor.String(&raw));
  EXPECT_EQ(raw, R"("x")");
  EXPECT_TRUE(cursor.Literal(R"(,"c":)"));
  EXPECT_TRUE(cursor.Value(&raw));
  EXPECT_EQ(raw, "[1,{}]");
  EXPECT_FALSE(cursor.AtEnd());
  EXPECT_TRUE(cursor.Literal("}"));
  EXPECT_TRUE(cursor.AtEnd());
}

TEST(CursorTest, StaysWhereItWasWhenItRefuses) {
  for (const std::string_view text : {"\"a", "[1,", "{\"a\":", "1.0", "tru", "1e5", "-", ""}) {
    Cursor cursor(text);
    std::int64_t number = 0;
    EXPECT_FALSE(cursor.Value()) << text;
    EXPECT_FALSE(cursor.String()) << text;
    EXPECT_FALSE(cursor.Integer(&number)) << text;
    EXPECT_FALSE(cursor.Literal("x")) << text;
    EXPECT_EQ(cursor.offset(), 0U);
  }
}

TEST(CursorTest, IntegersAreThoseJsonCanExpress) {
  const auto integer = [](std::string_view text) {
    Cursor cursor(text);
    std::int64_t value = 0;
    return cursor.Integer(&value) && cursor.AtEnd();
  };
  EXPECT_TRUE(integer("9007199254740992"));
  EXPECT_TRUE(integer("-9007199254740992"));
  EXPECT_FALSE(integer("9007199254740994"));
  EXPECT_FALSE(integer("1.5"));
  EXPECT_FALSE(integer("1e+21"));
  EXPECT_FALSE(integer("-0"));
  EXPECT_FALSE(integer("00"));
}

TEST(CursorTest, DecodesStrings) {
  EXPECT_EQ(DecodeString(R"("a\n\"\\\u001f")"), "a\n\"\\\x1f");
  EXPECT_EQ(DecodeString("\"\u20ac\""), "\u20ac");
  for (const std::string_view bad : {"", "a", "\"", "\"a", "\"a\"b", R"("\u0041")", R"("\x")"}) {
    EXPECT_EQ(DecodeString(bad), std::nullopt) << bad;
  }
}

TEST(CursorTest, FindsMembers) {
  constexpr std::string_view kObject =
      R"({"action":"FileRead","context":{"decision":"no","pid":7},)"
      R"("decision":"deny","n":5})";
  EXPECT_EQ(Member(kObject, "decision"), R"("deny")");
  EXPECT_EQ(StringMember(kObject, "action"), "FileRead");
  EXPECT_EQ(StringMember(kObject, "n"), std::nullopt);
  EXPECT_EQ(IntegerMember(kObject, "n"), 5);
  EXPECT_EQ(IntegerMember(kObject, "action"), std::nullopt);
  EXPECT_EQ(Member(kObject, "pid"), std::nullopt);
  EXPECT_EQ(Member("{}", "a"), std::nullopt);
  EXPECT_EQ(Member("[1]", "a"), std::nullopt);
  EXPECT_EQ(Member("garbage", "a"), std::nullopt);
}

TEST(CursorTest, VisitsMembersInOrder) {
  std::vector<std::string> seen;
  EXPECT_TRUE(
      ForEachMember(R"({"a":1,"b":[2],"c":3})", [&](std::string_view key, std::string_view raw) {
        seen.push_back(std::string(key) + "=" + std::string(raw));
        return seen.size() < 2;
      }));
  EXPECT_EQ(seen, (std::vector<std::string>{"a=1", "b=[2]"}));
  EXPECT_FALSE(ForEachMember(R"({"b":1,"a":2})", [](auto, auto) { return true; }));
  EXPECT_TRUE(ForEachMember("{}", [](auto, auto) { return false; }));
}

TEST(CursorTest, IsTotalOverTruncatedText) {
  const std::string text = R"({"a":[1,2.5,"x\u001f\n€😀"],"b":{"c":null,"d":true}})";
  for (std::size_t size = 0; size < text.size(); ++size) {
    Cursor cursor(std::string_view(text).substr(0, size));
    EXPECT_FALSE(cursor.Value()) << size;
  }
}

}  // namespace
}  // namespace aegis::canon
