#include "observe/watch_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "base/result.h"
#include "config/test_directory.h"
#include "observe/test_child.h"

namespace aegis::observe {
namespace {

TEST(WatchLockTest, NobodyHasItAtFirst) {
  const config::TestDirectory directory;
  const auto found = FindWatch(directory.path());
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_FALSE(found->has_value());
}

TEST(WatchLockTest, TheHolderIsFoundAndNoSecondOneGetsIt) {
  const config::TestDirectory directory;
  const TestChild child([&] {
    static auto lock = WatchLock::Take(directory.path());  // for as long as the child lives
    ASSERT_TRUE(lock);
    ASSERT_TRUE(lock->Announce("s-1"));
  });
  const auto found = FindWatch(directory.path());
  ASSERT_TRUE(found) << found.error().message();
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->holder.pid, child.pid());
  EXPECT_EQ((*found)->holder.session_id, "s-1");
  EXPECT_TRUE((*found)->pidfd.valid());
  const auto second = WatchLock::Take(directory.path());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), base::Errc::kConflict);
  EXPECT_THAT(second.error().message(),
              testing::HasSubstr("process " + std::to_string(child.pid())));
}

TEST(WatchLockTest, ItEndsWithItsHolder) {
  const config::TestDirectory directory;
  RunInChild([&] {
    static auto lock = WatchLock::Take(directory.path());
    ASSERT_TRUE(lock);
    ASSERT_TRUE(lock->Announce("s-1"));
  });
  const auto found = FindWatch(directory.path());
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->has_value()) << "the file still names it";
  EXPECT_TRUE(WatchLock::Take(directory.path()));
}

// The number of a process comes again: what names only a number, or another start, is not believed.
TEST(WatchLockTest, WhatTheFileSaysMustBeTrue) {
  const config::TestDirectory directory;
  const auto lock = WatchLock::Take(directory.path());
  ASSERT_TRUE(lock);
  const std::string pid = std::to_string(::getppid());
  for (const std::string& text :
       {std::string(), std::string("{}"), std::string("[1]"), R"({"pid":)" + pid + "}",
        R"({"pid":)" + pid + R"(,"session_id":"s","started":1})",
        std::string(R"({"pid":-1,"session_id":"s","started":1})"),
        std::string(R"({"pid":1e99,"session_id":"s","started":1})")}) {
    directory.Write("watch.lock", text);
    const auto found = FindWatch(directory.path());
    ASSERT_FALSE(found) << text;
    EXPECT_EQ(found.error().code(), base::Errc::kUnavailable);
  }
}

TEST(WatchLockTest, ALinkInItsPlaceIsRefused) {
  const config::TestDirectory directory;
  ASSERT_EQ(::symlink("/tmp/elsewhere", (directory / "watch.lock").c_str()), 0);
  EXPECT_FALSE(WatchLock::Take(directory.path()));
}

}  // namespace
}  // namespace aegis::observe
