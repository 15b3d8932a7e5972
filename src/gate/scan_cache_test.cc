#include "gate/scan_cache.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "gate/memory_scan_store.h"
#include "policy/policy.h"
#include "sandbox/fake_host.h"
#include "sandbox/host_view.h"

namespace aegis::gate {
namespace {

using policy::PolicySet;
using sandbox::DirectoryEntry;
using sandbox::FakeHost;
using sandbox::FileKind;
using sandbox::Listing;

PolicySet Forbidding(const std::string& name) {
  return PolicySet::Load({{.file = "test.cedar",
                           .text = "forbid(principal, action, resource in Aegis::Resource::\"" +
                                   name + "\");"}},
                         {.agent = "test", .home = "/h", .dir = "/h/p"})
      .value();
}

class ScanCacheTest : public ::testing::Test {
 protected:
  ScanCacheTest() { host_.SetTime(100); }

  ScanKeeping Keeping() {
    return {.store = &store_,
            .epoch = epoch_,
            .begun = std::chrono::sys_seconds(std::chrono::seconds(now_)),
            .worth = worth_};
  }

  // What a start finds of a directory, and keeps.
  std::vector<std::string> Names(const std::string& path) {
    ScanCache cache(policies_, host_, Keeping());
    std::vector<DirectoryEntry> entries;
    EXPECT_EQ(cache.List(path, entries, held_), Listing::kWhole);
    cache.Save();
    std::vector<std::string> names;
    names.reserve(entries.size());
    for (const DirectoryEntry& entry : entries) {
      names.push_back(entry.name);
    }
    return names;
  }

  // Whether a start asks the host for a listing.
  bool Lists(const std::string& path) {
    const int before = host_.listed();
    Names(path);
    return host_.listed() != before;
  }

  PolicySet policies_ = Forbidding("*/.env");
  FakeHost host_;
  MemoryScanStore store_;
  std::string epoch_ = "boot 1";
  std::int64_t now_ = 200;
  std::size_t worth_ = 0;
  std::size_t held_ = 0;
};

using Strings = std::vector<std::string>;

TEST_F(ScanCacheTest, AnswersFromBeforeWhereNothingHasChanged) {
  host_.File("/a/x").File("/a/y").File("/a/.env").Directory("/a/sub");
  EXPECT_EQ(Names("/a"), (Strings{".env", "sub"}));
  EXPECT_EQ(held_, 4U);
  held_ = 0;
  const int before = host_.listed();
  EXPECT_EQ(Names("/a"), (Strings{".env", "sub"}));
  EXPECT_EQ(held_, 4U);
  EXPECT_EQ(host_.listed(), before);
  EXPECT_EQ(store_.saves, 1) << "there is nothing new";
}

TEST_F(ScanCacheTest, ListsAgainWhatHasChanged) {
  host_.Directory("/a/sub");
  EXPECT_TRUE(Lists("/a"));
  EXPECT_FALSE(Lists("/a"));
  host_.SetTime(150);
  host_.File("/a/.env");
  EXPECT_EQ(Names("/a"), (Strings{".env", "sub"}));
  EXPECT_FALSE(Lists("/a"));
  host_.SetTime(151);
  host_.Move("/a/.env", "/a/plain");
  EXPECT_EQ(Names("/a"), (Strings{"sub"}));
}

// Another directory under the path, by a rename or a mount, is told by its inode.
TEST_F(ScanCacheTest, ListsAnotherDirectoryOfTheSamePath) {
  host_.Directory("/a/sub").File("/b/.env");
  EXPECT_EQ(Names("/a"), (Strings{"sub"}));
  host_.Move("/a", "/c");
  host_.Move("/b", "/a");
  EXPECT_EQ(Names("/a"), (Strings{".env"}));
  EXPECT_EQ(Names("/c"), (Strings{"sub"}));
}

// Who made it may add to it within the same step of the clock.
TEST_F(ScanCacheTest, KeepsNothingThatWasYoung) {
  host_.SetTime(200);
  host_.Directory("/a");
  for (now_ = 199; now_ < 203; ++now_) {
    EXPECT_TRUE(Lists("/a")) << now_;
    EXPECT_EQ(store_.saves, 0);
  }
  host_.File("/a/.env");
  EXPECT_EQ(Names("/a"), (Strings{".env"}));
  EXPECT_FALSE(Lists("/a"));
}

TEST_F(ScanCacheTest, AsksAgainForOtherNamesOrAfterARestart) {
  host_.File("/a/.env").File("/a/.netrc");
  EXPECT_EQ(Names("/a"), (Strings{".env"}));
  policies_ = Forbidding("*/.netrc");
  EXPECT_EQ(Names("/a"), (Strings{".netrc"}));
  EXPECT_FALSE(Lists("/a"));
  epoch_ = "boot 2";
  EXPECT_TRUE(Lists("/a"));
  epoch_ = "";
  EXPECT_TRUE(Lists("/a"));
  EXPECT_TRUE(Lists("/a"));
}

TEST_F(ScanCacheTest, AsksAlwaysWhereStampsTellNothing) {
  host_.File("/a/.env");
  host_.SetStamped(false);
  EXPECT_TRUE(Lists("/a"));
  EXPECT_TRUE(Lists("/a"));
  EXPECT_EQ(store_.saves, 0);
  host_.SetStamped(true);
  EXPECT_TRUE(Lists("/a"));
  host_.SetStamped(false);
  EXPECT_TRUE(Lists("/a"));
}

TEST_F(ScanCacheTest, OverlooksABrokenFileAndReplacesIt) {
  host_.File("/a/.env");
  Names("/a");
  const std::string whole = store_.file;
  for (const std::string& broken : {std::string("x"), whole.substr(0, whole.size() - 1),
                                    whole + "x", std::string(1000, '\0')}) {
    store_.file = broken;
    EXPECT_EQ(Names("/a"), (Strings{".env"}));
    EXPECT_EQ(store_.file, whole);
  }
}

TEST_F(ScanCacheTest, WritesOnlyWhatIsWorthIt) {
  worth_ = 100;
  for (int i = 0; i < 91; ++i) {
    host_.File("/a/f" + std::to_string(i));
  }
  EXPECT_TRUE(Lists("/a"));
  EXPECT_EQ(store_.saves, 0);
  host_.File("/a/g");
  EXPECT_TRUE(Lists("/a"));
  EXPECT_EQ(store_.saves, 1);
  host_.File("/b/f");
  EXPECT_TRUE(Lists("/b"));
  EXPECT_EQ(store_.saves, 1);
}

// Of other projects, that this start has not met.
TEST_F(ScanCacheTest, KeepsWhatItDoesNotMeetWithinBounds) {
  const std::string long_name(200, 'd');
  for (int i = 0; i < 60; ++i) {
    for (int j = 0; j < 200; ++j) {
      host_.Directory("/b/" + std::to_string(i) + "/" + long_name + std::to_string(j));
    }
  }
  host_.Directory("/a/x");
  {
    ScanCache cache(policies_, host_, Keeping());
    for (int i = 0; i < 60; ++i) {
      std::vector<DirectoryEntry> entries;
      cache.List("/b/" + std::to_string(i), entries, held_);
    }
    cache.Save();
  }
  EXPECT_GT(store_.file.size(), std::size_t{2} << 20U);
  EXPECT_FALSE(Lists("/b/7"));
  EXPECT_TRUE(Lists("/a"));
  EXPECT_LT(store_.file.size(), (std::size_t{1} << 20U) + 1000);
  EXPECT_FALSE(Lists("/a"));
  EXPECT_FALSE(Lists("/b/7"));
}

}  // namespace
}  // namespace aegis::gate
