#include "gate/state_guard.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "gate/test_roots.h"
#include "policy/test_policies.h"

namespace aegis::gate {
namespace {

std::string Refusal(const std::string& text) {
  const std::vector<std::string> state = {"/home/u/.aegis", "/mnt/aegis"};
  const auto checked = RequireGuardedState(policy::MustLoad(text), state);
  return checked ? std::string() : checked.error().message();
}

std::string Permit(const std::string& place) {
  return "@id(\"p\") permit(principal, action, resource in Aegis::Resource::\"" + place + "\");";
}

TEST(StateGuardTest, APermitInAegisStateIsRefused) {
  for (const std::string place :
       {"~/.aegis", "/home/u/.aegis/work/policies", "/mnt/aegis", "/mnt/aegis/x"}) {
    const std::string refusal = Refusal("\n" + Permit(place));
    EXPECT_TRUE(refusal.starts_with("test.cedar:2: policy \"p\" permits /")) << refusal;
    EXPECT_NE(refusal.find("Aegis' own state"), std::string::npos);
  }
  EXPECT_FALSE(Refusal(R"(permit(principal, action == Aegis::Action::"FileRead",
                        resource == Aegis::Resource::"~/.aegis/current");)")
                   .empty());
  EXPECT_FALSE(Refusal(R"(permit(principal, action, resource)
                          when { resource in [Aegis::Resource::"/srv",
                                              Aegis::Resource::"~/.aegis/x"] };)")
                   .empty());
}

// The guard holds under them.
TEST(StateGuardTest, BroadPermitsAndForbidsAreFine) {
  for (const std::string& text :
       {Permit("~"), Permit("/"), Permit("~/.aegis-not"), Permit("/mnt"), Permit("*/.aegis"),
        std::string("permit(principal, action, resource);"),
        std::string("forbid(principal, action, resource in Aegis::Resource::\"~/.aegis\");")}) {
    EXPECT_EQ(Refusal(text), "") << text;
  }
}

TEST(StateGuardTest, ALinkIntoTheStateIsFollowed) {
  const TestRoots files;
  const std::string base = std::filesystem::canonical(files.directory()).string();
  std::filesystem::create_directories(base + "/state");
  std::filesystem::create_directories(base + "/other");
  std::filesystem::create_directory_symlink(base + "/state", base + "/link");
  std::filesystem::create_directory_symlink(base + "/other", base + "/elsewhere");
  const std::vector<std::string> state = {base + "/state"};
  EXPECT_FALSE(RequireGuardedState(policy::MustLoad(Permit(base + "/link/policies")), state));
  EXPECT_TRUE(RequireGuardedState(policy::MustLoad(Permit(base + "/elsewhere/policies")), state));
}

TEST(StateGuardTest, TheStateHasItsOwnNameAtLeast) {
  const auto names = NamesOfState("/home/u/.ae\\gis");
  ASSERT_TRUE(names.has_value());
  EXPECT_EQ(names->front(), "/home/u/.ae\\\\gis");
}

}  // namespace
}  // namespace aegis::gate
