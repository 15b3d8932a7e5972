#include "base/check.h"

#include <gtest/gtest.h>

namespace aegis::base {
namespace {

TEST(CheckDeathTest, AbortsOnABrokenInvariantAndNamesIt) {
  EXPECT_DEATH(AEGIS_CHECK(1 + 1 == 3), "broken invariant 1 \\+ 1 == 3 at .*check_test.cc");
}

TEST(CheckTest, EvaluatesTheConditionOnce) {
  int calls = 0;
  AEGIS_CHECK(++calls == 1);
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace aegis::base
