#include "gate/policy_watch.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "base/unique_fd.h"
#include "gate/test_roots.h"

namespace aegis::gate {
namespace {

namespace fs = std::filesystem;

class PolicyWatchTest : public ::testing::Test {
 protected:
  PolicyWatchTest() {
    base_ = fs::canonical(files_.directory()).string();
    fs::create_directories(base_ + "/policies");
    Write("policies/a.cedar");
    Write("single.cedar");
  }

  void Write(const std::string& name) const { std::ofstream(base_ + "/" + name) << name; }
  PolicyWatch Watch(const std::string& place) const {
    auto watch = PolicyWatch::Start({base_ + "/" + place});
    EXPECT_TRUE(watch);
    EXPECT_FALSE(watch->Take());
    return *std::move(watch);
  }

  TestRoots files_;
  std::string base_;
};

TEST_F(PolicyWatchTest, AFileThatIsWrittenReplacedOrRemoved) {
  PolicyWatch watch = Watch("single.cedar");
  Write("single.cedar");
  EXPECT_TRUE(watch.Take());
  EXPECT_FALSE(watch.Take());
  // As editors do it.
  Write("single.cedar~");
  EXPECT_FALSE(watch.Take());
  fs::rename(base_ + "/single.cedar~", base_ + "/single.cedar");
  EXPECT_TRUE(watch.Take());
  fs::rename(base_ + "/single.cedar", base_ + "/backup");
  EXPECT_TRUE(watch.Take());
  Write("single.cedar");
  EXPECT_TRUE(watch.Take());
  fs::remove(base_ + "/single.cedar");
  EXPECT_TRUE(watch.Take());
  fs::create_symlink("policies/a.cedar", base_ + "/single.cedar");
  EXPECT_TRUE(watch.Take());
  Write("policies/a.cedar");
  EXPECT_TRUE(watch.Take());
}

TEST_F(PolicyWatchTest, ADirectoryOfPolicies) {
  PolicyWatch watch = Watch("policies");
  Write("policies/a.cedar");
  EXPECT_TRUE(watch.Take());
  Write("policies/b.cedar");
  EXPECT_TRUE(watch.Take());
  for (const char* const other : {"policies/notes.txt", "policies/.a.cedar.swp", "other.cedar"}) {
    Write(other);
    EXPECT_FALSE(watch.Take()) << other;
  }
  fs::remove(base_ + "/policies/b.cedar");
  EXPECT_TRUE(watch.Take());
  fs::create_symlink(base_ + "/single.cedar", base_ + "/policies/link.cedar");
  EXPECT_TRUE(watch.Take());
  Write("single.cedar");
  EXPECT_TRUE(watch.Take());
}

TEST_F(PolicyWatchTest, ADirectoryThatIsReplacedIsWatchedAnew) {
  PolicyWatch watch = Watch("policies");
  fs::create_directories(base_ + "/new");
  fs::rename(base_ + "/policies", base_ + "/old");
  fs::rename(base_ + "/new", base_ + "/policies");
  EXPECT_TRUE(watch.Take());
  Write("policies/c.cedar");
  EXPECT_TRUE(watch.Take());
  Write("old/a.cedar");
  EXPECT_FALSE(watch.Take());
}

TEST_F(PolicyWatchTest, ALinkOnTheWayThatLeadsElsewhere) {
  fs::create_directories(base_ + "/v1/policies");
  fs::create_directories(base_ + "/v2/policies");
  fs::create_symlink("v1", base_ + "/current");
  PolicyWatch watch = Watch("current/policies");
  fs::create_symlink("v2", base_ + "/next");
  EXPECT_FALSE(watch.Take());
  fs::rename(base_ + "/next", base_ + "/current");
  EXPECT_TRUE(watch.Take());
  Write("v2/policies/a.cedar");
  EXPECT_TRUE(watch.Take());
}

// Half a file may permit what the whole does not.
TEST_F(PolicyWatchTest, AFileThatIsBeingWrittenIsNotRead) {
  PolicyWatch watch = Watch("policies");
  base::UniqueFd file(::open((base_ + "/policies/a.cedar").c_str(), O_WRONLY | O_CLOEXEC));
  ASSERT_EQ(::write(file.get(), "x", 1), 1);
  EXPECT_TRUE(watch.Take());
  EXPECT_TRUE(watch.writing());
  file.Reset();
  EXPECT_TRUE(watch.Take());
  EXPECT_FALSE(watch.writing());
}

TEST_F(PolicyWatchTest, WhatIsMissingIsWatchedWhenItComes) {
  PolicyWatch watch = Watch("later");
  fs::create_directories(base_ + "/later");
  EXPECT_TRUE(watch.Take());
  Write("later/a.cedar");
  EXPECT_TRUE(watch.Take());
}

}  // namespace
}  // namespace aegis::gate
