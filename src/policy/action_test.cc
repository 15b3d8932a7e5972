#include <gtest/gtest.h>

#include <cstddef>

#include "policy/policy.h"

namespace aegis::policy {
namespace {

TEST(ActionTest, NamesRoundTrip) {
  for (std::size_t i = 0; i < kActionCount; ++i) {
    const auto action = static_cast<Action>(i);
    EXPECT_EQ(ParseAction(ActionName(action)), action);
  }
  EXPECT_EQ(ActionName(Action::kProcessSpawn), "ProcessSpawn");
}

TEST(ActionTest, RefusesOtherNames) {
  EXPECT_FALSE(ParseAction("").has_value());
  EXPECT_FALSE(ParseAction("fileread").has_value());
  EXPECT_FALSE(ParseAction("FileReads").has_value());
}

}  // namespace
}  // namespace aegis::policy
