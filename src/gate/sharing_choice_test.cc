#include "gate/sharing_choice.h"

#include <gtest/gtest.h>

#include <chrono>

namespace aegis::gate {
namespace {

using std::chrono::microseconds;
using Step = SharingChoice::Step;

// `count` calls of one caller, each with a handover of that time unless a CPU is shared; how many
// of them share it.
int Calls(SharingChoice& choice, pid_t caller, int count, microseconds time) {
  int shared = 0;
  for (int i = 0; i < count; ++i) {
    choice.Called(caller);
    shared += choice.sharing() ? 1 : 0;
    if (!choice.sharing()) {
      choice.Took(time);
    }
  }
  return shared;
}

TEST(SharingChoiceTest, ASlowHandoverInARowShares) {
  SharingChoice choice;
  EXPECT_EQ(Calls(choice, 1, 20, microseconds(60)), 20 - SharingChoice::kRow);
}

TEST(SharingChoiceTest, QuickOnesShareOnlyInALongRow) {
  SharingChoice choice;
  EXPECT_EQ(Calls(choice, 1, SharingChoice::kLongRow, microseconds(8)), 0);
  EXPECT_EQ(Calls(choice, 1, 100, microseconds(8)), 100);
}

TEST(SharingChoiceTest, AnotherCallerParts) {
  SharingChoice choice;
  Calls(choice, 1, 100, microseconds(8));
  ASSERT_TRUE(choice.sharing());
  EXPECT_EQ(choice.Called(2), Step::kPart);
  EXPECT_FALSE(choice.sharing());
  EXPECT_EQ(choice.Called(1), Step::kStay);
}

TEST(SharingChoiceTest, CallersThatTakeTurnsNeverShare) {
  SharingChoice choice;
  for (int i = 0; i < 10'000; ++i) {
    EXPECT_EQ(Calls(choice, 1 + i % 2, 3, microseconds(60)), 0);
  }
}

TEST(SharingChoiceTest, PartsNowAndThenSoThatTheSchedulerCanChoose) {
  SharingChoice choice;
  int parted = 0;
  for (int i = 0; i < 10'000; ++i) {
    parted += choice.Called(1) == Step::kPart ? 1 : 0;
  }
  EXPECT_GE(parted, 10'000 / SharingChoice::kMostShared - 1);
  EXPECT_LE(parted, 10'000 / SharingChoice::kMostShared + 1);
}

TEST(SharingChoiceTest, BeginsAnewWhereItWasParted) {
  SharingChoice choice;
  Calls(choice, 1, 100, microseconds(8));
  choice.Parted();
  EXPECT_EQ(Calls(choice, 1, SharingChoice::kLongRow - 1, microseconds(8)), 0);
}

}  // namespace
}  // namespace aegis::gate
