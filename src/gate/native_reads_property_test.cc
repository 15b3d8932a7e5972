// Random policies over a random host, compiled to Landlock rules and masks: what these let an agent
// read by itself, now and after files have appeared, the policies permit; and what is there and
// permitted is not lost.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gate/native_reads.h"
#include "gate/test_paths.h"
#include "gate/test_plan.h"
#include "policy/policy.h"
#include "policy/random_policies.h"
#include "sandbox/fake_host.h"
#include "sandbox/host_view.h"
#include "sandbox/mode.h"
#include "sandbox/paths.h"
#include "sandbox/plan.h"

namespace aegis::gate {
namespace {

using policy::Action;
using policy::Outcome;
using policy::PolicySet;
using policy::RandomPolicy;
using sandbox::FakeHost;
using sandbox::FileKind;
using sandbox::IsWithin;
using sandbox::IsWithinAny;
using sandbox::NativeGrant;
using sandbox::Plan;

constexpr const char* kState = "/a/state";

class NativeReadsProperty : public ::testing::TestWithParam<unsigned> {
 protected:
  void MakeHost() {
    host_.Directory("/a/b").Directory(std::string(kState) + "/default").Directory("/proc");
    host_.Directory("/dev").Directory("/b/c").Symlink("/b/cc", "/a/b");
    Make(80);
    plain_ = host_.All();
  }

  void Make(int files) {
    for (int i = 0; i < files; ++i) {
      if (const std::string path = RandomPath(world_); IsFree(host_, path)) {
        world_.Below(3) == 0 ? host_.Directory(path) : host_.File(path);
      }
    }
  }

  static PolicySet Load(const std::vector<RandomPolicy>& policies) {
    return PolicySet::Load({{.file = "test.cedar", .text = policy::TextOf(policies)}},
                           policy::RandomNames())
        .value();
  }

  Plan MakePlan(const PolicySet& set, NativeReads& reads) const {
    PolicySet::Bound bound = set.bound();
    sandbox::PlanInput input;
    input.visible = std::move(bound.visible);
    input.executable = std::move(bound.executable);
    input.hidden = std::move(bound.hidden);
    input.home = "/a";
    input.dir = "/a/b";
    input.aegis_home = kState;
    input.private_dirs = private_;
    input.command = {.program = "/a/b/c", .argv = {}, .env = {}, .cwd = "/a/b"};
    ReadInput wanted;
    wanted.home = input.home;
    wanted.dir = input.dir;
    wanted.private_dirs = private_;
    wanted.state = {kState};
    wanted.executable = sandbox::ExecutableOf(input.mode, input.executable, host_);
    wanted.hidden = input.hidden;
    reads = PlanNativeReads(set, wanted, host_);
    input.level = sandbox::Level::kWrites;
    input.native = reads.grants;
    std::ranges::copy(reads.masks, std::back_inserter(input.hidden));
    return sandbox::BuildPlan(input, host_).value();
  }

  // By Landlock's rules: one on the path, or on a directory above it.
  bool Grants(const Plan& plan, const std::string& path, bool lists) const {
    return std::ranges::any_of(plan.native, [&](const NativeGrant& grant) {
      const bool there = plain_.contains(grant.path) && IsWithin(path, grant.path) &&
                         (grant.directory || path == grant.path);
      return there && (lists ? grant.list : grant.read);
    });
  }

  bool Permits(const PolicySet& set, Action action, const std::string& path) const {
    return set.Evaluate({.action = action, .resource = path}).outcome == Outcome::kPermit &&
           !IsWithin(path, kState);
  }

  // What appeared under a name that a group takes is a limit of the level.
  bool IsNewUnderGroupedName(const PolicySet& set, const std::string& path) const {
    return !plain_.contains(path) &&
           std::ranges::any_of(sandbox::PrefixesOf(path), [&](const std::string& prefix) {
             return !plain_.contains(prefix) &&
                    set.IsGroupedName(prefix.substr(prefix.rfind('/') + 1));
           });
  }

  policy::RandomWorld world_{GetParam()};
  FakeHost host_;
  std::set<std::string> plain_;  // what there was when the run began
  std::vector<std::string> private_;
};

TEST_P(NativeReadsProperty, AreNeverLooserThanThePolicy) {
  std::size_t read = 0;
  std::size_t lost = 0;
  for (int round = 0; round < 400; ++round) {
    host_.Clear();
    MakeHost();
    private_ = world_.Below(2) == 0 ? std::vector<std::string>{"/b/c"} : std::vector<std::string>{};
    const std::vector<RandomPolicy> policies = world_.Policies(6);
    const PolicySet set = Load(policies);
    NativeReads reads;
    const Plan plan = MakePlan(set, reads);
    if (!reads.reason.empty()) {
      continue;
    }
    Make(60);
    for (const std::string& path : host_.All()) {
      const FileKind kind = host_.KindOf(path);
      if (kind == FileKind::kSymlink || IsWithinAny(path, private_) ||
          IsNewUnderGroupedName(set, path)) {
        continue;
      }
      const bool lists = kind == FileKind::kDirectory;
      const bool permitted = Permits(set, lists ? Action::kDirList : Action::kFileRead, path);
      if (ShowsHost(plan, path) && Grants(plan, path, lists)) {
        ++read;
        ASSERT_TRUE(permitted) << path << "\n" << policy::TextOf(policies);
      } else if (permitted && !lists && plain_.contains(path)) {
        ++lost;
        EXPECT_TRUE(IsWithinAny(path, reads.masks)) << path << " is lost\n"
                                                    << policy::TextOf(policies);
      }
    }
  }
  EXPECT_GT(read, 1000U) << "it is no proof if nothing is read";
  EXPECT_LT(lost, read / 20);
}

INSTANTIATE_TEST_SUITE_P(Seeds, NativeReadsProperty, ::testing::Range(1U, 9U));

}  // namespace
}  // namespace aegis::gate
