#include "gate/handover_choice.h"

#include <gtest/gtest.h>

#include <chrono>

namespace aegis::gate {
namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;

// Runs `count` handovers; how many went together. `at_once` gives the time of each at once.
template <typename Time>
int RunSome(HandoverChoice& choice, int count, Time at_once) {
  int together = 0;
  for (int i = 0; i < count; ++i) {
    const bool is_together = choice.next() == HandoverWay::kTogether;
    together += is_together ? 1 : 0;
    choice.Took(is_together ? nanoseconds(microseconds(10)) : nanoseconds(at_once(i)));
  }
  return together;
}

TEST(HandoverChoiceTest, StaysAtOnceWhileThatIsQuick) {
  HandoverChoice choice;
  EXPECT_EQ(RunSome(choice, 10'000, [](int) { return microseconds(8); }), 0);
}

TEST(HandoverChoiceTest, GoesTogetherWhenAtOnceIsSlowAndTriesAgain) {
  HandoverChoice choice;
  const int together = RunSome(choice, 10'000, [](int) { return microseconds(60); });
  EXPECT_GT(together, 9'900);
  EXPECT_LT(together, 10'000);
}

TEST(HandoverChoiceTest, ComesBackWhenAtOnceIsQuickAgain) {
  HandoverChoice choice;
  RunSome(choice, 1'000, [](int) { return microseconds(60); });
  EXPECT_LE(RunSome(choice, 10'000, [](int) { return microseconds(8); }),
            2 * HandoverChoice::kLongest);
}

TEST(HandoverChoiceTest, ARareSlowOneChangesLittle) {
  HandoverChoice choice;
  const auto rarely = [](int i) { return i % 50 == 0 ? microseconds(60) : microseconds(8); };
  EXPECT_LE(RunSome(choice, 10'000, rarely), 10'000 / 20);
}

TEST(HandoverChoiceTest, EveryOtherSlowOneMeansTogether) {
  HandoverChoice choice;
  const auto often = [](int i) { return i % 2 == 0 ? microseconds(60) : microseconds(8); };
  EXPECT_GT(RunSome(choice, 10'000, often), 8'000);
}

}  // namespace
}  // namespace aegis::gate
