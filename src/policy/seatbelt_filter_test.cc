#include "policy/seatbelt_filter.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <optional>
#include <regex>
#include <string>
#include <string_view>

namespace aegis::policy::seatbelt {
namespace {

Area Path(std::string_view name) { return {.kind = Area::Kind::kPath, .name = std::string(name)}; }
Area Tree(std::string_view name) { return {.kind = Area::Kind::kTree, .name = std::string(name)}; }
Area Group(std::string_view pattern) {
  return {.kind = Area::Kind::kGroup, .name = std::string(pattern)};
}

TEST(SeatbeltFilterTest, PathsAndTreesAreLiterals) {
  EXPECT_EQ(ExactFilter(Path("/a b/c")), "(literal \"/a b/c\")");
  EXPECT_EQ(ExactFilter(Tree("/a")), "(subpath \"/a\")");
  EXPECT_EQ(ExactFilter(Tree("/J\xc3\xbcrgen")), "(subpath \"/J\xc3\xbcrgen\")");
  EXPECT_EQ(WideFilter(Tree("/a")), "(subpath \"/a\")");
}

TEST(SeatbeltFilterTest, NothingBreaksOutOfAString) {
  EXPECT_EQ(Quoted(R"(a"b\c)"), R"("a\"b\\c")");
  EXPECT_EQ(ExactFilter(Path(R"x(/a") (allow default) (x ")x")),
            R"x((literal "/a\") (allow default) (x \""))x");
  EXPECT_EQ(WideFilter(Group(R"x(a")))x")), R"x((regex #"/a.[)][)]($|/)"))x");
}

TEST(SeatbeltFilterTest, WhatNobodySeesIsLeftOutOfPermits) {
  for (const std::string_view name : {"/a\nb", "/a\x1b[2J", "/a\xff", "/a\xe2\x80\xae"}) {
    EXPECT_EQ(ExactFilter(Tree(name)), std::nullopt);
  }
  EXPECT_EQ(ExactFilter(Group("a[b")), std::nullopt) << "a class of its own in the expression";
  EXPECT_EQ(ExactFilter(Group("\xc3\xbc")), std::nullopt) << "could be spelt in two ways";
}

bool Matches(const std::string& filter, const std::string& path) {
  const std::size_t start = filter.find('"') + 1;
  return std::regex_search(path, std::regex(filter.substr(start, filter.rfind('"') - start)));
}

TEST(SeatbeltFilterTest, WideFiltersHoldEverySpelling) {
  const std::string tree = WideFilter(Tree("/h/f\xc3\xbcr"));
  EXPECT_TRUE(Matches(tree, "/h/f\xc3\xbcr"));
  EXPECT_TRUE(Matches(tree, "/h/fu\xcc\x88r/x")) << "the same letter in two characters";
  EXPECT_FALSE(Matches(tree, "/h/fox"));
  EXPECT_FALSE(Matches(tree, "/h/f/ur"));
  const std::string decomposed = WideFilter(Tree("/h/fu\xcc\x88r"));
  EXPECT_TRUE(Matches(decomposed, "/h/f\xc3\xbcr/x"));
  EXPECT_TRUE(Matches(WideFilter(Path("/a\nb")), "/a\nb"));
  EXPECT_FALSE(Matches(WideFilter(Path("/a\xff")), "/a\xff/x"));
}

TEST(SeatbeltFilterTest, GroupsMatchComponentsAndAllBelow) {
  const std::string group = *ExactFilter(Group(".env.*"));
  EXPECT_EQ(group, R"x((regex #"/[.]env[.][^/]*($|/)"))x");
  EXPECT_TRUE(Matches(group, "/a/.env.local"));
  EXPECT_TRUE(Matches(group, "/a/.env./x"));
  EXPECT_FALSE(Matches(group, "/a/.env"));
  EXPECT_FALSE(Matches(group, "/a/x.env.local"));
  EXPECT_FALSE(Matches(group, "/a/_env_b"));
}

TEST(SeatbeltFilterTest, LinksOfTheSystemAreFollowed) {
  EXPECT_EQ(OnMac("/tmp"), "/private/tmp");
  EXPECT_EQ(OnMac("/etc/hosts"), "/private/etc/hosts");
  EXPECT_EQ(OnMac("/tmpfile"), "/tmpfile");
  EXPECT_EQ(OnMac("/private/tmp"), "/private/tmp");
}

TEST(SeatbeltFilterTest, PlacesThatHoldNoFile) {
  EXPECT_EQ(AreaOf({.name = "example.com:443", .subtree = true}), std::nullopt);
  EXPECT_EQ(AreaOf({.name = "*/x", .subtree = false}), std::nullopt);
  EXPECT_EQ(AreaOf({.name = "*/x", .subtree = true}), Group("x"));
  EXPECT_EQ(AreaOf({.name = "/a\\xff", .subtree = false}), Path("/a\xff"));
}

TEST(SeatbeltFilterTest, AreasHoldAreas) {
  EXPECT_TRUE(Holds(Tree("/a"), Path("/a")));
  EXPECT_TRUE(Holds(Tree("/a"), Tree("/a/b")));
  EXPECT_FALSE(Holds(Tree("/a"), Tree("/ab")));
  EXPECT_FALSE(Holds(Path("/a"), Tree("/a")));
  EXPECT_TRUE(Holds(Tree("/"), Group("x")));
  EXPECT_FALSE(Holds(Tree("/a"), Group("x")));
}

}  // namespace
}  // namespace aegis::policy::seatbelt
