#include "ledger/tile.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "ledger/lines.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using Kind = TileId::Kind;

std::vector<TileId> NewTiles(std::uint64_t old_size, std::uint64_t size) {
  std::vector<TileId> tiles;
  Get(VisitNewTiles(old_size, size, [&tiles](const TileId& tile) {
    tiles.push_back(tile);
    return base::Result<bool>(true);
  }));
  return tiles;
}

TEST(TileIdTest, PathsAreAsSpecified) {
  const std::vector<std::pair<TileId, std::string_view>> paths = {
      {{}, "tile/0/000"},
      {{.level = 2, .index = 1234067}, "tile/2/x001/x234/067"},
      {{.index = 999}, "tile/0/999"},
      {{.index = 1000}, "tile/0/x001/000"},
      {{.index = 1, .width = 1}, "tile/0/001.p/1"},
      {{.level = 7, .width = 127}, "tile/7/000.p/127"},
      {{.kind = Kind::kEntries, .index = 123456, .width = 255}, "tile/entries/x123/456.p/255"},
      {{.kind = Kind::kEntries}, "tile/entries/000"},
      {{.index = (std::uint64_t{1} << 55U) - 1, .width = 255},
       "tile/0/x036/x028/x797/x018/x963/967.p/255"},
  };
  for (const auto& [tile, path] : paths) {
    EXPECT_EQ(tile.Path(), path);
    EXPECT_EQ(Get(TileId::Parse(path)), tile);
  }
}

TEST(TileIdTest, EveryPathHasOneForm) {
  for (const std::string_view path : {"",
                                      "tile",
                                      "tile/",
                                      "tile/0",
                                      "tile/0/",
                                      "tile//000",
                                      "/tile/0/000",
                                      "tile/0/000/",
                                      "tile/00/000",
                                      "tile/-1/000",
                                      "tile/0/0",
                                      "tile/0/0000",
                                      "tile/0/00a",
                                      "tile/0/x000/000",
                                      "tile/0/x000/001",
                                      "tile/0/x001/00",
                                      "tile/0/x1/000",
                                      "tile/0/x001000",
                                      "tile/0/001/000",
                                      "tile/0/x001/x000",
                                      "tile/0/x001/",
                                      "tile/0/000.p",
                                      "tile/0/000.p/",
                                      "tile/0/000.p/0",
                                      "tile/0/000.p/01",
                                      "tile/0/000.p/256",
                                      "tile/0/000.p/-1",
                                      "tile/0/000.p/1/",
                                      "tile/0/000.p/1.p/1",
                                      "tile/entries",
                                      "tile/entries/",
                                      "tile/entries/0",
                                      "tile/entries/x000/001",
                                      "tile/data/000",
                                      "tile/0/+01",
                                      "tile/0/../000",
                                      "tile/0/000\n"}) {
    EXPECT_FALSE(TileId::Parse(path)) << path;
  }
}

TEST(TileIdTest, TilesThatNoTreeHasAreRefused) {
  // A tree of 2^63 - 1 entries has 127 nodes of tile level 7 and 2^55 - 1 full tiles of level 0.
  for (const std::string_view path :
       {"tile/7/000.p/128", "tile/7/000", "tile/7/001.p/1", "tile/8/000.p/1", "tile/63/000.p/1",
        "tile/64/000", "tile/0/x036/x028/x797/x018/x963/967",
        "tile/0/x036/x028/x797/x018/x963/968.p/1", "tile/0/x009/x223/x372/x036/x854/x775/807",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999"}) {
    EXPECT_FALSE(TileId::Parse(path)) << path;
  }
  EXPECT_TRUE(TileId::Parse("tile/0/x036/x028/x797/x018/x963/966"));
}

TEST(VisitNewTilesTest, TheSpecificationsExamples) {
  std::map<unsigned, std::vector<unsigned>> partial;
  std::map<unsigned, int> full;
  for (const TileId& tile : NewTiles(0, 70000)) {
    if (tile.width == kTileWidth) {
      ++full[tile.level];
    } else {
      partial[tile.level].push_back(tile.width);
    }
  }
  EXPECT_EQ(full, (std::map<unsigned, int>{{0, 273}, {1, 1}}));
  EXPECT_EQ(partial, (std::map<unsigned, std::vector<unsigned>>{{0, {112}}, {1, {17}}, {2, {1}}}));
  EXPECT_EQ(NewTiles(0, 256), (std::vector<TileId>{{}, {.level = 1, .width = 1}}));
  EXPECT_TRUE(NewTiles(0, 0).empty());
  EXPECT_EQ(NewTiles(0, 1), (std::vector<TileId>{{.width = 1}}));
}

TEST(VisitNewTilesTest, GrowthYieldsExactlyWhatTheSmallerTreeLacks) {
  std::mt19937_64 random(11);  // NOLINT(bugprone-random-generator-seed): the same on every run
  for (int round = 0; round < 300; ++round) {
    const std::uint64_t size = random() % 70000;
    const std::uint64_t old_size = round % 3 == 0 ? size - size % 256 : random() % (size + 1);
    const auto key = [](const TileId& tile) { return std::pair(tile.level, tile.index); };
    std::map<std::pair<unsigned, std::uint64_t>, unsigned> widths;
    for (const TileId& tile : NewTiles(0, old_size)) {
      widths[key(tile)] = tile.width;
    }
    for (const TileId& tile : NewTiles(old_size, size)) {
      EXPECT_LT(widths[key(tile)], tile.width);
      widths[key(tile)] = tile.width;
    }
    const auto all = NewTiles(0, size);
    ASSERT_EQ(widths.size(), all.size()) << old_size << " to " << size;
    for (const TileId& tile : all) {
      EXPECT_EQ(widths[key(tile)], tile.width);
      EXPECT_EQ(Get(TileId::Parse(tile.Path())), tile);
    }
  }
}

TEST(VisitNewTilesTest, VisitsOnlyWhatIsNewAndStopsWhenTold) {
  EXPECT_TRUE(NewTiles(70000, 70000).empty());
  EXPECT_TRUE(NewTiles(70001, 70000).empty());
  EXPECT_EQ(NewTiles(70000, 70001), (std::vector<TileId>{{.index = 273, .width = 113}}));
  int seen = 0;
  Get(VisitNewTiles(0, 70000, [&seen](const TileId&) { return base::Result<bool>(++seen < 3); }));
  EXPECT_EQ(seen, 3);
  const auto failed = VisitNewTiles(0, 9, [](const TileId&) -> base::Result<bool> {
    return base::Fail(Errc::kExhausted, "full");
  });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), Errc::kExhausted);
}

TEST(VisitNewTilesTest, TheGreatestTreeGrowsToItsEnd) {
  EXPECT_EQ(NewTiles(kMaxTreeSize - 1, kMaxTreeSize),
            (std::vector<TileId>{{.index = kMaxTreeSize / 256, .width = 255}}));
}

TEST(BundleTest, IsLengthsAndBytes) {
  std::string bundle;
  Get(AppendBundleEntry(bundle, "ab"));
  Get(AppendBundleEntry(bundle, ""));
  Get(AppendBundleEntry(bundle, std::string(258, 'c')));
  EXPECT_EQ(bundle.substr(0, 8), std::string("\0\2ab\0\0\1\2", 8));
  EXPECT_EQ(Get(ParseBundle(bundle, 3)),
            (std::vector<std::string_view>{"ab", "", std::string_view(bundle).substr(8)}));
}

TEST(BundleTest, LongEntriesDoNotFit) {
  std::string bundle = "kept";
  const auto refused = AppendBundleEntry(bundle, std::string(kMaxTileEntry + 1, 'x'));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::kExhausted);
  EXPECT_EQ(bundle, "kept");
  bundle.clear();
  Get(AppendBundleEntry(bundle, std::string(kMaxTileEntry, 'x')));
  EXPECT_EQ(Get(ParseBundle(bundle, 1)).front().size(), kMaxTileEntry);
}

TEST(BundleTest, EveryCutAndEveryOtherWidthIsFound) {
  std::string bundle;
  std::vector<std::size_t> ends;
  for (const std::string_view entry : {"one", "", "three"}) {
    ends.push_back(bundle.size());
    Get(AppendBundleEntry(bundle, entry));
  }
  for (std::size_t size = 0; size < bundle.size(); ++size) {
    const std::string_view cut = std::string_view(bundle).substr(0, size);
    EXPECT_FALSE(ParseBundle(cut, 3)) << size;
  }
  EXPECT_FALSE(ParseBundle(bundle, 2));
  EXPECT_FALSE(ParseBundle(bundle, 4));
  EXPECT_FALSE(ParseBundle(bundle + '\0', 3));
  EXPECT_FALSE(ParseBundle(bundle + std::string(2, '\0'), 3));
  EXPECT_TRUE(ParseBundle(std::string_view(bundle).substr(0, ends[2]), 2));
  EXPECT_TRUE(Get(ParseBundle("", 0)).empty());
}

}  // namespace
}  // namespace aegis::ledger
