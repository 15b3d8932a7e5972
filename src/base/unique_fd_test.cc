#include "base/unique_fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <utility>

namespace aegis::base {
namespace {

int OpenNull() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }
bool IsOpen(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST(UniqueFdTest, ClosesWhenItDies) {
  int raw = -1;
  {
    const UniqueFd fd(OpenNull());
    raw = fd.get();
    ASSERT_TRUE(fd.valid());
    ASSERT_TRUE(IsOpen(raw));
  }
  EXPECT_FALSE(IsOpen(raw));
}

TEST(UniqueFdTest, DefaultOwnsNothing) {
  const UniqueFd fd;
  EXPECT_FALSE(fd.valid());
  EXPECT_EQ(fd.get(), -1);
}

TEST(UniqueFdTest, MoveHandsOver) {
  UniqueFd from(OpenNull());
  const int raw = from.get();
  const UniqueFd to(std::move(from));
  EXPECT_EQ(to.get(), raw);
  // NOLINTNEXTLINE(bugprone-use-after-move,clang-analyzer-cplusplus.Move): what is left is tested
  EXPECT_FALSE(from.valid());
  EXPECT_TRUE(IsOpen(raw));
}

TEST(UniqueFdTest, MoveAssignmentClosesWhatItHeld) {
  UniqueFd target(OpenNull());
  const int old = target.get();
  UniqueFd source(OpenNull());
  const int fresh = source.get();
  target = std::move(source);
  EXPECT_EQ(target.get(), fresh);
  EXPECT_FALSE(IsOpen(old));
  EXPECT_TRUE(IsOpen(fresh));
}

TEST(UniqueFdTest, ReleaseGivesUpOwnership) {
  int raw = -1;
  {
    UniqueFd fd(OpenNull());
    raw = fd.Release();
    EXPECT_FALSE(fd.valid());
  }
  EXPECT_TRUE(IsOpen(raw));
  const UniqueFd cleanup(raw);
}

}  // namespace
}  // namespace aegis::base
