#include "policy/path_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aegis::policy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::vector<std::uint32_t> AncestorsOf(const PathIndex& index, std::string_view path) {
  std::vector<std::uint32_t> found;
  EXPECT_TRUE(index.Ancestors(path, found)) << path;
  return found;
}

TEST(GlobTest, StarsStandForAnyBytes) {
  for (const auto& [pattern, name] :
       std::vector<std::pair<std::string_view, std::string_view>>{{".env", ".env"},
                                                                  {".env.*", ".env."},
                                                                  {".env.*", ".env.local"},
                                                                  {"*", ""},
                                                                  {"*", "x"},
                                                                  {"*_key", "ssh_host_key"},
                                                                  {"a*b*c", "axxbyyc"},
                                                                  {"a*b*c", "abcbc"},
                                                                  {"**", "x"},
                                                                  {"*.*", "a.b"},
                                                                  {"", ""}}) {
    EXPECT_TRUE(MatchesGlob(pattern, name)) << pattern << ' ' << name;
  }
  for (const auto& [pattern, name] :
       std::vector<std::pair<std::string_view, std::string_view>>{{".env", ".envrc"},
                                                                  {".env.*", ".env"},
                                                                  {"*_key", "key"},
                                                                  {"a*b*c", "axxc"},
                                                                  {"a*", "ba"},
                                                                  {"*a", "ab"},
                                                                  {"", "x"},
                                                                  {"?", "x"}}) {
    EXPECT_FALSE(MatchesGlob(pattern, name)) << pattern << ' ' << name;
  }
}

TEST(GlobTest, ManyStarsCostNoExplosion) {
  std::string pattern;
  for (int i = 0; i < 60; ++i) {
    pattern += "a*";
  }
  EXPECT_FALSE(MatchesGlob(pattern + "b", std::string(5'000, 'a')));
}

TEST(PathIndexTest, FindsSelfAncestorsAndGroups) {
  const PathIndex index({"/a", "/a/b/c", "*/.env", "host:1", "*/x*", "/"}, 1);
  EXPECT_THAT(AncestorsOf(index, "/"), ElementsAre(5));
  EXPECT_THAT(AncestorsOf(index, "/a"), UnorderedElementsAre(5, 0));
  EXPECT_THAT(AncestorsOf(index, "/a/b"), UnorderedElementsAre(5, 0));
  EXPECT_THAT(AncestorsOf(index, "/a/b/c/d"), UnorderedElementsAre(5, 0, 1));
  EXPECT_THAT(AncestorsOf(index, "/aa"), ElementsAre(5));
  EXPECT_THAT(AncestorsOf(index, "/q/.env/x1/x2"), UnorderedElementsAre(5, 2, 4));
}

TEST(PathIndexTest, PathsThatAreNotCanonicalHaveNoClass) {
  const PathIndex index({"/a"}, 1);
  std::vector<std::uint32_t> found;
  for (const std::string_view path : {"", "a", "//", "/a/", "/a/.", "/a/..", "/../a"}) {
    EXPECT_FALSE(index.Ancestors(path, found)) << path;
    EXPECT_EQ(index.Class(path), PathIndex::kNotCanonical) << path;
  }
  for (const std::string_view path : {"/", "/a", "/...", "/.a", "/a/..b"}) {
    EXPECT_TRUE(index.Ancestors(path, found)) << path;
    EXPECT_NE(index.Class(path), PathIndex::kNotCanonical) << path;
  }
}

TEST(PathIndexTest, ClassesAreSharedWhereNothingDiffers) {
  const PathIndex index({"/a", "*/.env"}, 1);
  EXPECT_EQ(index.Class("/a/x"), index.Class("/a/y/z"));
  EXPECT_NE(index.Class("/a/x"), index.Class("/a"));  // `== "/a"` tells them apart
  EXPECT_NE(index.Class("/a/x"), index.Class("/b/x"));
  EXPECT_EQ(index.Class("/b/x"), index.Class("/c"));
  EXPECT_NE(index.Class("/b/.env"), index.Class("/b/x"));
  EXPECT_EQ(index.Class("/b/.env"), index.Class("/c/.env/x"));
}

TEST(PathIndexTest, NothingMentionedIsOneClass) {
  const PathIndex index({}, 1);
  EXPECT_EQ(index.Class("/"), index.Class("/a/b"));
  EXPECT_THAT(AncestorsOf(index, "/a/b"), IsEmpty());
  EXPECT_FALSE(index.HasBelow("/"));
}

TEST(PathIndexTest, MoreGroupsThanBitsFoldWithoutMeeting) {
  std::vector<std::string> mentions = {"/a"};
  for (int i = 0; i < 200; ++i) {
    mentions.push_back("*/g" + std::to_string(i));
  }
  const PathIndex index(mentions, 42);
  std::set<std::uint64_t> classes = {index.Class("/"), index.Class("/a"), index.Class("/a/b")};
  std::size_t paths = 3;
  for (int i = 0; i < 200; ++i) {
    for (int j = i; j < 200; j += 7) {
      const std::string path = "/g" + std::to_string(i) + "/g" + std::to_string(j);
      classes.insert(index.Class(path));
      EXPECT_EQ(index.Class(path), index.Class(path + "/tail"));
      ++paths;
    }
  }
  EXPECT_EQ(classes.size(), paths);
  EXPECT_NE(PathIndex(mentions, 43).Class("/g1"), index.Class("/g1"));
}

TEST(PathIndexTest, KnowsWhatLiesBelow) {
  const PathIndex index({"/a/b", "/a/b/c/d", "*/x"}, 1);
  EXPECT_TRUE(index.HasBelow("/"));
  EXPECT_TRUE(index.HasBelow("/a"));
  EXPECT_TRUE(index.HasBelow("/a/b"));
  EXPECT_TRUE(index.HasBelow("/a/b/c"));
  EXPECT_FALSE(index.HasBelow("/a/b/c/d"));
  EXPECT_FALSE(index.HasBelow("/b"));
}

TEST(PathIndexTest, MovesKeepWorking) {
  PathIndex first({"/a/b", "*/.env", "*/k*"}, 1);
  const std::uint64_t before = first.Class("/a/b/.env");
  const PathIndex second = std::move(first);
  EXPECT_EQ(second.Class("/a/b/.env"), before);
  EXPECT_THAT(AncestorsOf(second, "/a/b/.env/key"), UnorderedElementsAre(0, 1, 2));
}

}  // namespace
}  // namespace aegis::policy
