#include "config/nearest.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>

namespace aegis::config {
namespace {

constexpr std::array<std::string_view, 4> kCommands = {"run", "wrap", "status", "audit"};

TEST(Nearest, FindsWhatWasMeant) {
  EXPECT_EQ(Nearest("statsu", kCommands), "status");
  EXPECT_EQ(Nearest("rnu", kCommands), "run");
  EXPECT_EQ(Nearest("ru", kCommands), "run");
  EXPECT_EQ(Nearest("warp", kCommands), "wrap");
  EXPECT_EQ(Nearest("audti", kCommands), "audit");
  EXPECT_EQ(Nearest("audi", kCommands), "audit");
}

TEST(Nearest, IsSilentAboutTheRest) {
  EXPECT_EQ(Nearest("", kCommands), "");
  EXPECT_EQ(Nearest("zzzzzz", kCommands), "");
  EXPECT_EQ(Nearest(std::string(1'000'000, 'a'), kCommands), "");
  EXPECT_EQ(Nearest("run", {}), "");
}

}  // namespace
}  // namespace aegis::config
