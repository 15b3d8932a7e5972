#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "policy/policy.h"
#include "policy/test_policies.h"

namespace aegis::policy {
namespace {

using testing::Contains;

constexpr std::string_view kPolicy = R"(
  @id("home") permit(principal, action, resource in Aegis::Resource::"/home/u");
  @id("ssh") forbid(principal, action, resource in Aegis::Resource::"~/.ssh");
  @id("startup") forbid(principal, action == Aegis::Action::"FileWrite", resource)
    when { resource in [Aegis::Resource::"~/.bashrc", Aegis::Resource::"~/.vimrc"] };
  @id("samples") forbid(principal, action, resource in Aegis::Resource::"/home/u/x")
    unless { resource in Aegis::Resource::"~/.ssh" };)";

Names Linked(const std::map<std::string, std::string>& links) {
  Names names = TestNames();
  names.leads_to = [links](const std::string& path) {
    const auto found = links.find(path);
    return found == links.end() ? std::string() : found->second;
  };
  return names;
}

PolicySet Load(const std::map<std::string, std::string>& links) {
  return MustLoad({{.file = "test.cedar", .text = std::string(kPolicy)}}, Linked(links));
}

TEST(LinksTest, AForbiddenPlaceIsForbiddenWhereItLeads) {
  const PolicySet set = Load(
      {{"/home/u/.ssh", "/home/u/dotfiles/ssh"}, {"/home/u/.bashrc", "/home/u/dotfiles/bashrc"}});
  EXPECT_EQ(Ask(set, Action::kFileRead, "/home/u/.ssh/id").outcome, Outcome::kForbid);
  const Verdict behind = Ask(set, Action::kFileRead, "/home/u/dotfiles/ssh/id");
  EXPECT_EQ(behind.outcome, Outcome::kForbid);
  EXPECT_THAT(behind.policies, Contains("ssh"));
  EXPECT_EQ(Ask(set, Action::kFileRead, "/home/u/dotfiles/bashrc").outcome, Outcome::kPermit);
  EXPECT_EQ(Ask(set, Action::kFileWrite, "/home/u/dotfiles/bashrc").outcome, Outcome::kForbid);
  EXPECT_EQ(Ask(set, Action::kFileRead, "/home/u/dotfiles/other").outcome, Outcome::kPermit);
  EXPECT_NE(set.ClassOf("/home/u/dotfiles/ssh/id"), set.ClassOf("/home/u/dotfiles/other"));
  EXPECT_THAT(set.bound().hidden, Contains("/home/u/dotfiles/ssh"));
  EXPECT_TRUE(set.PinsBelow("/home/u/dotfiles"));
}

TEST(LinksTest, WithoutLinksNothingChanges) {
  const PolicySet set = Load({});
  EXPECT_EQ(Ask(set, Action::kFileRead, "/home/u/dotfiles/ssh/id").outcome, Outcome::kPermit);
  EXPECT_FALSE(set.PinsBelow("/home/u/dotfiles"));
}

TEST(LinksTest, ALinkNeverWidensAnExceptionOrAPermit) {
  // "samples" spares ~/.ssh itself, not what it leads to.
  const PolicySet set = Load({{"/home/u/.ssh", "/home/u/x/ssh"}, {"/home/u", "/srv"}});
  EXPECT_EQ(Ask(set, Action::kFileRead, "/home/u/x/ssh/id").outcome, Outcome::kForbid);
  EXPECT_THAT(Ask(set, Action::kFileRead, "/home/u/x/ssh/id").policies, Contains("samples"));
  EXPECT_EQ(Ask(set, Action::kFileRead, "/srv/x").outcome, Outcome::kNoPermit);
}

TEST(LeadsToTest, FollowsTheLinksOfThisMachine) {
  std::string pattern = testing::TempDir() + "leads_to_XXXXXX";
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const std::string base = std::filesystem::canonical(pattern).string();
  std::filesystem::create_directories(base + "/real/sub");
  std::filesystem::create_symlink("real", base + "/link");
  EXPECT_EQ(LeadsTo(base + "/link"), base + "/real");
  EXPECT_EQ(LeadsTo(base + "/link/sub"), base + "/real/sub");
  EXPECT_EQ(LeadsTo(base + "/link/not/yet"), base + "/real/not/yet");
  EXPECT_EQ(LeadsTo(base + "/real"), "");
  EXPECT_EQ(LeadsTo(base + "/missing/x"), "");
  EXPECT_EQ(LeadsTo("/"), "");
  std::filesystem::remove_all(base);
}

}  // namespace
}  // namespace aegis::policy
