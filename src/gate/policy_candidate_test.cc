#include "gate/policy_candidate.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "gate/policy_texts.h"
#include "gate/policy_update.h"
#include "gate/test_roots.h"
#include "ledger/policy_set.h"
#include "policy/policy.h"
#include "policy/test_policies.h"
#include "sandbox/mode.h"

namespace aegis::gate {
namespace {

using policy::PolicySet;

std::string Permit(const std::string& action, const std::string& place) {
  return "permit(principal, action == Aegis::Action::\"" + action +
         "\", resource in Aegis::Resource::\"" + place + "\");\n";
}

class PolicyCandidateTest : public ::testing::Test {
 protected:
  PolicyCandidateTest() {
    base_ = std::filesystem::canonical(files_.directory()).string();
    file_ = base_ + "/policies/a.cedar";
    std::filesystem::create_directories(base_ + "/policies");
    rules_.names = {.agent = "a", .home = base_ + "/home", .dir = base_ + "/project"};
    rules_.state = {base_ + "/state"};
    rules_.places = {base_ + "/policies"};
    rules_.read = [this]() -> base::Result<std::vector<policy::Source>> {
      std::ifstream in(file_);
      if (!in) {
        return base::Fail(base::Errc::kNotFound, "read " + file_ + ": gone");
      }
      return std::vector<policy::Source>{
          {file_, std::string(std::istreambuf_iterator<char>(in), {})}};
    };
  }

  void Write(const std::string& text) const { std::ofstream(file_) << text; }

  // What becomes of the set when the file says this.
  std::optional<PolicyUpdate> After(const std::string& text, const std::string& in_force = "") {
    Write(text);
    return ReadCandidate(rules_, in_force);
  }

  std::optional<std::string> Changeable(const std::string& text) {
    Write(text);
    return ChangeablePlace(rules_, policy::MustLoad(text), *rules_.read());
  }

  TestRoots files_;
  std::string base_;
  std::string file_;
  PolicyRules rules_;
};

TEST_F(PolicyCandidateTest, ASetComesWithItsDigestAndItsLinks) {
  std::filesystem::create_directories(base_ + "/home/keys");
  std::filesystem::create_directory_symlink(base_ + "/home/keys", base_ + "/home/.ssh");
  const std::string text = "forbid(principal, action, resource in Aegis::Resource::\"~/.ssh\");\n" +
                           Permit("FileRead", "/srv");
  const auto update = After(text);
  ASSERT_TRUE(update);
  EXPECT_EQ(update->refused, "");
  EXPECT_EQ(update->digest, ledger::DigestOfPolicies(TextsOf(update->sources)));
  EXPECT_EQ(update->links.at(base_ + "/home/.ssh"), base_ + "/home/keys");
  EXPECT_EQ(update->agent, "a");
  // The same texts again are no edit, wherever the digest comes from.
  const auto set = PolicySet::Load(update->sources, NamesOf(*update));
  ASSERT_TRUE(set);
  EXPECT_EQ(set->digest(), update->digest);
  EXPECT_FALSE(After(text, update->digest));
}

TEST_F(PolicyCandidateTest, WhatALinkLedToStaysForbidden) {
  const std::string link = base_ + "/project/a";
  std::filesystem::create_directories(base_ + "/project/b");
  std::filesystem::create_directory_symlink("b", link);
  const std::string text =
      "forbid(principal, action, resource in Aegis::Resource::\"@dir/a/keys\");\n";
  rules_.links = After(text)->links;
  EXPECT_EQ(rules_.links.at(link + "/keys"), base_ + "/project/b/keys");
  std::filesystem::remove(link);
  EXPECT_EQ(After(text + "// more")->links.at(link + "/keys"), base_ + "/project/b/keys");
  std::filesystem::create_directory_symlink("/usr", link);
  EXPECT_EQ(After(text + "// more")->links.at(link + "/keys"), base_ + "/project/b/keys");
  // What was no link before may have become one.
  rules_.links.at(link + "/keys").clear();
  EXPECT_EQ(After(text + "// more")->links.at(link + "/keys"), "/usr/keys");
}

TEST_F(PolicyCandidateTest, WhatCantBeTakenIsARefusalThatSaysWhy) {
  EXPECT_NE(After("permit(")->refused.find("a.cedar:1:"), std::string::npos);
  EXPECT_NE(After(Permit("FileRead", base_ + "/state/x"))->refused.find("Aegis' own state"),
            std::string::npos);
  EXPECT_NE(After(Permit("FileWrite", base_))->refused.find("change the policies themselves"),
            std::string::npos);
  std::filesystem::remove(file_);
  EXPECT_NE(ReadCandidate(rules_, "")->refused.find("gone"), std::string::npos);
}

TEST_F(PolicyCandidateTest, FilesThatTheCommandCouldChangeAreNotFollowed) {
  for (const std::string& text :
       {Permit("FileWrite", "/"), Permit("FileWrite", base_ + "/policies"),
        Permit("FileDelete", base_ + "/policies/a.cedar"),
        // A new file in the directory would be read as well.
        Permit("FileWrite", base_ + "/policies/new.cedar"),
        Permit("DirCreate", base_ + "/policies/x"), Permit("FileWrite", "*/a.cedar"),
        std::string("permit(principal, action, resource);")}) {
    EXPECT_TRUE(Changeable(text)) << text;
  }
  for (const std::string& text :
       {Permit("FileRead", "/"), Permit("ProcessSpawn", "/"), Permit("FileWrite", "/srv"),
        Permit("FileWrite", base_ + "/project"),
        std::string("forbid(principal, action, resource);")}) {
    EXPECT_EQ(Changeable(text), std::nullopt) << text;
  }
  // A link is as changeable as what it leads to.
  std::filesystem::create_directories(base_ + "/project");
  std::ofstream(base_ + "/project/b.cedar") << "";
  rules_.places = {base_ + "/policies/link.cedar"};
  std::filesystem::create_symlink(base_ + "/project/b.cedar", rules_.places[0]);
  EXPECT_TRUE(Changeable(Permit("FileWrite", base_ + "/project")));
  rules_.places = {base_ + "/missing"};
  EXPECT_TRUE(Changeable(Permit("FileRead", "/")));
}

TEST_F(PolicyCandidateTest, WrapFollowsNothingButWhatLiesInTheState) {
  rules_.mode = sandbox::Mode::kWrap;
  EXPECT_TRUE(Changeable(Permit("FileRead", "/")));
  rules_.state = {base_ + "/policies"};
  EXPECT_FALSE(Changeable(Permit("FileWrite", "/")));
  rules_.mode = sandbox::Mode::kRun;
  EXPECT_FALSE(Changeable(Permit("FileWrite", "/")));
}

PolicySet::Bound Bound(std::vector<std::string> visible, std::vector<std::string> executable,
                       std::vector<std::string> hidden) {
  return {.visible = std::move(visible),
          .executable = std::move(executable),
          .hidden = std::move(hidden)};
}

TEST(FirstOutsideTest, NamesWhatTheWallsLeaveOut) {
  const auto start = Bound({"/srv", "/usr"}, {"/usr"}, {"/srv/secret"});
  EXPECT_EQ(FirstOutside(start, start), "");
  EXPECT_EQ(FirstOutside(start, Bound({"/srv/a"}, {"/usr/bin"}, {"/srv/secret"})), "");
  EXPECT_EQ(FirstOutside(start, Bound({}, {}, {})), "");
  EXPECT_EQ(FirstOutside(start, Bound({"/opt", "/srv"}, {"/usr"}, {"/srv/secret"})), "/opt");
  EXPECT_EQ(FirstOutside(start, Bound({"/"}, {}, {"/srv/secret"})), "/");
  EXPECT_EQ(FirstOutside(start, Bound({"/srv"}, {"/srv/bin"}, {"/srv/secret"})), "/srv/bin");
  EXPECT_EQ(FirstOutside(start, Bound({"/srv"}, {}, {})), "/srv/secret");
  EXPECT_EQ(FirstOutside(start, Bound({"/srv"}, {}, {"/srv"})), "");
  EXPECT_EQ(FirstOutside(Bound({"/"}, {"/"}, {}), Bound({"/"}, {"/"}, {})), "");
}

}  // namespace
}  // namespace aegis::gate
