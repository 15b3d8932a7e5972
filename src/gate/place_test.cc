#include "gate/place.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "gate/process_table.h"
#include "gate/test_roots.h"

namespace aegis::gate {
namespace {

class PlaceTest : public ::testing::Test {
 protected:
  // A caller that works in a directory, as the process table would know it.
  Process In(const std::string& name, std::uint64_t id) const {
    Process process;
    process.cwd_name = files_.Path(name);
    process.cwd.Reset(::open(process.cwd_name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    process.cwd_id = id;
    return process;
  }

  TestRoots files_;
  Place place_{files_.roots};
};

TEST_F(PlaceTest, ADirectoryIsKnownByItsNameUntilItMoves) {
  files_.Directory("a");
  const Process process = In("a", 1);
  EXPECT_TRUE(place_.IsNamed(process));
  ASSERT_EQ(::rename(files_.Path("a").c_str(), files_.Path("b").c_str()), 0);
  EXPECT_FALSE(place_.IsNamed(process));
}

TEST_F(PlaceTest, AMovedParentIsSeenThroughTheLinkInItsPlace) {
  files_.Directory("a");
  files_.Directory("a/c");
  const Process process = In("a/c", 1);
  EXPECT_TRUE(place_.IsNamed(process));
  ASSERT_EQ(::rename(files_.Path("a").c_str(), files_.Path("b").c_str()), 0);
  files_.Symlink("b", "a");
  EXPECT_FALSE(place_.IsNamed(process));
}

TEST_F(PlaceTest, ARemovedDirectoryHasNoName) {
  files_.Directory("a");
  const Process process = In("a", 1);
  ASSERT_EQ(::rmdir(files_.Path("a").c_str()), 0);
  EXPECT_FALSE(place_.IsNamed(process));
}

TEST_F(PlaceTest, FollowsTheCallersAndFindsTheWayBack) {
  files_.Directory("a");
  files_.Directory("b");
  const Process first = In("a", 1);
  const Process second = In("b", 2);
  EXPECT_TRUE(place_.IsNamed(first));
  EXPECT_TRUE(place_.IsNamed(second));
  EXPECT_TRUE(place_.IsNamed(first));
  ASSERT_TRUE(place_.EnterOwnFds());
  struct stat by_number{};
  struct stat by_fd{};
  ASSERT_EQ(::stat(std::to_string(first.cwd.get()).c_str(), &by_number), 0);
  ASSERT_EQ(::fstat(first.cwd.get(), &by_fd), 0);
  EXPECT_EQ(by_number.st_ino, by_fd.st_ino);
}

TEST_F(PlaceTest, WithoutADirectoryNothingIsNamed) { EXPECT_FALSE(place_.IsNamed(Process{})); }

}  // namespace
}  // namespace aegis::gate
