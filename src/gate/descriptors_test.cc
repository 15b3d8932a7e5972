#include "gate/descriptors.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <vector>

#include "base/unique_fd.h"
#include "gate/test_roots.h"
#include "gate/test_sockets.h"

namespace aegis::gate {
namespace {

using testing_support::MakeTcp;

class DescriptorsTest : public ::testing::Test {
 protected:
  std::vector<int> Numbers(int number) const {
    std::vector<int> numbers = NumbersOf(files_.roots, ::getpid(), number);
    std::ranges::sort(numbers);
    return numbers;
  }
  bool Closes(int number) const { return ClosesOnExec(files_.roots, ::getpid(), number); }

  TestRoots files_;
};

base::UniqueFd Duplicate(const base::UniqueFd& fd, bool close_on_exec, int from = 0) {
  return base::UniqueFd(::fcntl(fd.get(), close_on_exec ? F_DUPFD_CLOEXEC : F_DUPFD, from));
}

TEST_F(DescriptorsTest, WhatIsClosedByExec) {
  const base::UniqueFd closed = MakeTcp();
  const base::UniqueFd kept = Duplicate(closed, false);
  EXPECT_TRUE(Closes(closed.get()));
  EXPECT_FALSE(Closes(kept.get()));
  ASSERT_EQ(::fcntl(closed.get(), F_SETFD, 0), 0);
  ASSERT_EQ(::fcntl(kept.get(), F_SETFD, FD_CLOEXEC), 0);
  EXPECT_FALSE(Closes(closed.get()));
  EXPECT_TRUE(Closes(kept.get()));
  // Flags of the open file are others.
  ASSERT_EQ(::fcntl(closed.get(), F_SETFL, O_NONBLOCK), 0);
  EXPECT_FALSE(Closes(closed.get()));
  EXPECT_TRUE(Closes(kept.get()));
}

TEST_F(DescriptorsTest, WhatIsNotThereIsNotClosed) {
  for (const int number : {-1, 1 << 20, INT_MAX, INT_MIN}) {
    EXPECT_FALSE(Closes(number)) << number;
  }
  EXPECT_FALSE(ClosesOnExec(files_.roots, INT_MAX, 0));
  EXPECT_FALSE(ClosesOnExec(files_.roots, 0, 0));
}

TEST_F(DescriptorsTest, DuplicatesAreFoundAndNoOthers) {
  const base::UniqueFd socket = MakeTcp();
  const base::UniqueFd other = MakeTcp();
  EXPECT_THAT(Numbers(socket.get()), ::testing::ElementsAre(socket.get()));
  const base::UniqueFd second = Duplicate(socket, true);
  const base::UniqueFd third = Duplicate(socket, false, 700);
  EXPECT_THAT(Numbers(socket.get()),
              ::testing::UnorderedElementsAre(socket.get(), second.get(), third.get()));
  EXPECT_THAT(Numbers(third.get()),
              ::testing::UnorderedElementsAre(socket.get(), second.get(), third.get()));
  EXPECT_THAT(Numbers(other.get()), ::testing::ElementsAre(other.get()));
  EXPECT_EQ(NumbersOf(files_.roots, ::getpid(), second.get()).front(), second.get());
}

// The same file, opened twice, is not the same open file.
TEST_F(DescriptorsTest, AnotherOpenFileOfTheSameInodeIsNone) {
  const base::UniqueFd one(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const base::UniqueFd other(::open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_THAT(Numbers(one.get()), ::testing::ElementsAre(one.get()));
}

TEST_F(DescriptorsTest, AProcessThatIsGoneHasTheOneThatWasAskedFor) {
  EXPECT_THAT(NumbersOf(files_.roots, INT_MAX, 5), ::testing::ElementsAre(5));
  EXPECT_THAT(Numbers(1 << 20), ::testing::ElementsAre(1 << 20));
}

// A table of any size costs no more than this, and of any number of duplicates.
TEST_F(DescriptorsTest, OfManyOnlyTheFirstAreLookedFor) {
  const base::UniqueFd socket = MakeTcp();
  std::vector<base::UniqueFd> duplicates;
  for (int i = 0; i < 300; ++i) {
    duplicates.push_back(Duplicate(socket, true));
    ASSERT_TRUE(duplicates.back().valid());
  }
  EXPECT_EQ(Numbers(socket.get()).size(), 16U);
}

}  // namespace
}  // namespace aegis::gate
