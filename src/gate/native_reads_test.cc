#include "gate/native_reads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "gate/memory_scan_store.h"
#include "policy/policy.h"
#include "sandbox/fake_host.h"
#include "sandbox/plan.h"

namespace aegis::gate {
namespace {

using policy::PolicySet;
using sandbox::FakeHost;
using sandbox::NativeGrant;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kReadHome =
    R"(permit(principal, action in [Aegis::Action::"FileRead", Aegis::Action::"DirList"],
              resource in Aegis::Resource::"~");)";
constexpr const char* kAllInDir =
    R"(permit(principal, action, resource in Aegis::Resource::"@dir");)";

std::string Forbid(const std::string& name) {
  return "@id(\"no\") forbid(principal, action, resource in Aegis::Resource::\"" + name + "\");";
}

class NativeReadsTest : public ::testing::Test {
 protected:
  NativeReadsTest() {
    host_.Directory("/home/u/p/src").File("/home/u/p/a.c").File("/home/u/.bashrc");
    host_.Directory("/home/u/docs").Directory("/proc/sys").File("/proc/kallsyms");
    input_.private_dirs = {"/tmp"};
    host_.Directory("/home/u/.aegis").Symlink("/home/u/link", "/etc");
  }

  NativeReads PlanFor(const std::string& text) {
    PolicySet set = PolicySet::Load({{.file = "test.cedar", .text = text}},
                                    {.agent = "test", .home = "/home/u", .dir = "/home/u/p"})
                        .value();
    PolicySet::Bound bound = set.bound();
    input_.home = "/home/u";
    input_.dir = "/home/u/p";
    input_.state = {"/home/u/.aegis"};
    input_.executable = std::move(bound.executable);
    input_.hidden = std::move(bound.hidden);
    return PlanNativeReads(set, input_, host_);
  }

  static NativeGrant ReadDir(const std::string& path) {
    return {.path = path, .directory = true, .read = true, .list = true};
  }

  FakeHost host_;
  ReadInput input_;
};

TEST_F(NativeReadsTest, GrantATreeAsAWhole) {
  const NativeReads reads = PlanFor(std::string(kAllInDir));
  EXPECT_EQ(reads.reason, "");
  EXPECT_THAT(
      reads.grants,
      ElementsAre(NativeGrant{
          .path = "/home/u/p", .directory = true, .read = true, .list = true, .execute = true}));
  EXPECT_THAT(reads.masks, ElementsAre("/home/u/.aegis"));
}

TEST_F(NativeReadsTest, LeaveOutWhatMayAppearLater) {
  const NativeReads reads = PlanFor(kReadHome + Forbid("~/.aws"));
  EXPECT_EQ(reads.reason, "");
  EXPECT_THAT(reads.grants, Not(Contains(ReadDir("/home/u"))));
  EXPECT_THAT(reads.grants, Contains(ReadDir("/home/u/docs")));
  EXPECT_THAT(reads.grants, Contains(ReadDir("/home/u/p")));
  EXPECT_THAT(reads.grants, Contains(NativeGrant{.path = "/home/u/.bashrc", .read = true}));
  for (const NativeGrant& grant : reads.grants) {
    EXPECT_NE(grant.path, "/home/u/link");
    EXPECT_NE(grant.path, "/home/u/.aegis");
  }
}

TEST_F(NativeReadsTest, MaskWhatARuleAboutNamesForbids) {
  host_.File("/home/u/p/src/.env").Directory("/home/u/docs/.env").File("/home/u/docs/.env/x");
  host_.File("/home/u/p/.envrc").Symlink("/home/u/p/src/deep/.env", "/etc/passwd");
  const NativeReads reads = PlanFor(kReadHome + Forbid("*/.env"));
  EXPECT_EQ(reads.reason, "");
  EXPECT_THAT(reads.masks,
              ElementsAre("/home/u/.aegis", "/home/u/docs/.env", "/home/u/p/src/.env"));
}

TEST_F(NativeReadsTest, MaskItUnderOtherNamesToo) {
  host_.File("/home/u/p/.env").File("/srv/p/.env");
  input_.mountinfo =
      "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
      "21 20 8:1 /home/u/p /srv/p rw - ext4 /dev/sda1 rw\n"
      "22 20 0:22 / /proc rw - proc proc rw\n"
      "23 20 0:23 / /home/u/docs rw - proc proc rw\n";
  const NativeReads reads = PlanFor(kReadHome + Forbid("*/.env"));
  EXPECT_THAT(reads.masks,
              ElementsAre("/home/u/.aegis", "/home/u/docs", "/home/u/p/.env", "/srv/p/.env"));
}

// A private directory is the host's own where it is the project, or lies in it.
TEST_F(NativeReadsTest, LookThroughAPrivateDirectoryThatIsTheHosts) {
  host_.File("/home/u/p/tmp/.env").File("/home/u/t/.env");
  const std::string text = kReadHome + Forbid("*/.env");
  input_.private_dirs = {"/home/u/p/tmp", "/home/u/t"};
  EXPECT_THAT(PlanFor(text).masks, ElementsAre("/home/u/.aegis", "/home/u/p/tmp/.env"));
}

TEST_F(NativeReadsTest, MaskWhatIsHiddenUnderOtherNamesToo) {
  host_.File("/home/u/p/secret/key").File("/srv/p/secret/key");
  input_.mountinfo =
      "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
      "21 20 8:1 /home/u/p /srv/p rw - ext4 /dev/sda1 rw\n";
  EXPECT_THAT(PlanFor(kAllInDir + Forbid("@dir/secret")).masks,
              ElementsAre("/home/u/.aegis", "/home/u/p/secret", "/srv/p/secret"));
}

TEST_F(NativeReadsTest, GrantWhatTheCommandWritesOnlyBehindMasks) {
  host_.Directory("/home/u/p/secret");
  EXPECT_THAT(PlanFor(kAllInDir + Forbid("@dir/secret")).reason, IsEmpty());
  EXPECT_THAT(PlanFor(kAllInDir + Forbid("@dir/later")).reason,
              HasSubstr("/home/u/p, in which the command may make files"));
  EXPECT_THAT(PlanFor(R"(permit(principal, action, resource in Aegis::Resource::"~/new");)").reason,
              HasSubstr("does not exist yet"));
}

TEST_F(NativeReadsTest, StayWithTheGateWhereAPolicyDependsOnMore) {
  for (const char* condition :
       {"context.pid > 5", "resource.path like \"*.c\"", "context has exe"}) {
    const NativeReads reads =
        PlanFor(std::string(kAllInDir) + "@id(\"no\") forbid(principal, action, resource) when { " +
                condition + " };");
    EXPECT_EQ(reads.reason, "policy no depends on more than where a file lies") << condition;
    EXPECT_THAT(reads.grants, IsEmpty());
    EXPECT_THAT(reads.masks, IsEmpty());
  }
  EXPECT_THAT(
      PlanFor(R"(@id("c") permit(principal, action, resource in Aegis::Resource::"*/c");)").reason,
      "policy c permits by name");
  EXPECT_THAT(PlanFor(kAllInDir + Forbid("*/*")).reason, "a policy names whatever there is");
}

TEST_F(NativeReadsTest, StayWithTheGateWhereAMaskWouldTakeMore) {
  host_.File("/home/u/p/.env");
  const NativeReads reads = PlanFor(
      std::string(kAllInDir) +
      R"(forbid(principal, action == Aegis::Action::"FileRead", resource in Aegis::Resource::"*/.env");)");
  EXPECT_THAT(reads.reason, HasSubstr("/home/u/p/.env may not be read, but"));
}

TEST_F(NativeReadsTest, StayWithTheGateWhereARunnableFileMayNotBeRead) {
  host_.File("/usr/bin/git");
  const NativeReads reads = PlanFor(
      R"(permit(principal, action == Aegis::Action::"ProcessSpawn",
                resource == Aegis::Resource::"/usr/bin/git");)");
  EXPECT_EQ(reads.reason, "/usr/bin/git may be executed, but not read");
}

TEST_F(NativeReadsTest, TellProcessesOfProcApartNowhere) {
  const std::string proc =
      R"(permit(principal, action in [Aegis::Action::"FileRead", Aegis::Action::"DirList"],
                resource in Aegis::Resource::"/proc");)";
  const std::string self =
      R"(permit(principal, action in [Aegis::Action::"FileRead", Aegis::Action::"DirList"],
                resource in Aegis::Resource::"/proc/self");)";
  EXPECT_EQ(PlanFor(proc).reason, "");
  EXPECT_EQ(PlanFor(proc + self).reason, "");
  EXPECT_EQ(PlanFor(self).reason, "a policy names /proc/self");
  EXPECT_EQ(PlanFor(proc + Forbid("/proc/self/environ")).reason, "a policy names /proc/self");
  EXPECT_EQ(PlanFor(proc + Forbid("/proc/kallsyms")).reason, "");
  EXPECT_EQ(PlanFor(proc + Forbid("*/environ")).reason, "policy no names files in /proc");
}

TEST_F(NativeReadsTest, LeaveAloneWhatNameRulesExcept) {
  host_.File("/home/u/docs/.env").File("/home/u/p/.env");
  const std::string rule = Forbid("*/.env");
  const std::string except = rule.substr(0, rule.size() - 1) +
                             " unless { resource in [Aegis::Resource::\"~/docs\", "
                             "Aegis::Resource::\"/proc\"] };";
  EXPECT_THAT(PlanFor(kReadHome + except).masks, ElementsAre("/home/u/.aegis", "/home/u/p/.env"));
}

TEST_F(NativeReadsTest, LookThroughNoMoreThanTheBudget) {
  for (int i = 0; i < 50; ++i) {
    host_.File("/home/u/docs/f" + std::to_string(i));
  }
  input_.budget.entries = 40;
  EXPECT_THAT(PlanFor(kReadHome + Forbid("*/.env")).reason, HasSubstr("holds too many files"));
  input_.budget = {.entries = 1000, .clock = std::chrono::seconds(-1)};
  EXPECT_THAT(PlanFor(kReadHome + Forbid("*/.env")).reason, HasSubstr("took too long"));
  input_.budget = {.entries = 1000, .processor = std::chrono::seconds(-1)};
  EXPECT_THAT(PlanFor(kReadHome + Forbid("*/.env")).reason, HasSubstr("took too long"));
}

TEST_F(NativeReadsTest, SayOnceThatLookingTakesAWhile) {
  host_.File("/home/u/docs/deep/f").File("/home/u/docs/deeper/f");
  std::vector<std::string> said;
  input_.notice = [&said](const std::string& directory) { said.push_back(directory); };
  EXPECT_EQ(PlanFor(kReadHome + Forbid("*/.env")).reason, "");
  EXPECT_THAT(said, IsEmpty());
  input_.budget.notice = std::chrono::seconds(-1);
  EXPECT_EQ(PlanFor(kReadHome + Forbid("*/.env")).reason, "");
  EXPECT_THAT(said, ElementsAre("/home/u/p"));
}

// Where the time was over before the tree, the next start goes on from there.
TEST_F(NativeReadsTest, WhatWasListedInTimeIsKept) {
  for (int i = 0; i < 5; ++i) {
    host_.File("/home/u/docs/d" + std::to_string(i) + "/.env");
  }
  MemoryScanStore store;
  input_.keeping = {.store = &store,
                    .epoch = "e",
                    .begun = std::chrono::sys_seconds(std::chrono::seconds(100)),
                    .worth = 0};
  const std::string text = kReadHome + Forbid("*/.env");
  input_.budget.clock = std::chrono::seconds(-1);
  EXPECT_THAT(PlanFor(text).reason, HasSubstr("took too long"));
  EXPECT_EQ(store.saves, 1);
  input_.budget = {};
  EXPECT_EQ(PlanFor(text).masks.size(), 6U);
  const int before = host_.listed();
  EXPECT_EQ(PlanFor(text).masks.size(), 6U);
  EXPECT_EQ(host_.listed(), before + 1) << "the home directory, of which each child is granted";
}

}  // namespace
}  // namespace aegis::gate
