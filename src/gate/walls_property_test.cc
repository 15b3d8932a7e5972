// Random policies over a random host, through the whole way from text to walls: what the walls hold
// back no policy permits, and where they let a program run some permit could apply.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gate/test_plan.h"
#include "policy/policy.h"
#include "policy/random_policies.h"
#include "sandbox/fake_host.h"
#include "sandbox/host_view.h"
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
using sandbox::Plan;

constexpr const char* kState = "/a/state";

// Whether a permit could apply to running a file, as far as its places tell: written down without
// the bounds of the module.
bool CouldRun(const RandomPolicy& policy, std::string_view path) {
  using Test = RandomPolicy::Test;
  const auto in = [path](std::string_view mention) {
    return mention.starts_with("*/") || policy::LiesIn(path, mention);
  };
  const bool acts =
      policy.actions.empty() ||
      std::ranges::find(policy.actions, Action::kProcessSpawn) != policy.actions.end();
  if (policy.forbid || !acts || (policy.head != RandomPolicy::Head::kAny && !in(policy.resource))) {
    return false;
  }
  switch (policy.test) {
    case Test::kIn:
    case Test::kInAndPid:
      return policy.head != RandomPolicy::Head::kAny || in(policy.first);
    case Test::kInEither:
      return policy.head != RandomPolicy::Head::kAny || in(policy.first) || in(policy.second);
    default:
      return true;
  }
}

class WallsProperty : public ::testing::TestWithParam<unsigned> {
 protected:
  // Names that policies mention, and others; a link that leads from one place to another.
  void MakeHost() {
    static constexpr std::string_view kParts[] = {"a", "b", "c", ".env", ".env.x", "other"};
    for (int i = 0; i < 60; ++i) {
      std::string path;
      for (std::size_t depth = 1 + world_.Below(4); depth > 0; --depth) {
        path += '/';
        path += kParts[world_.Below(std::size(kParts))];
      }
      if (host_.KindOf(path) == FileKind::kMissing && Free(path)) {
        world_.Below(2) == 0 ? host_.Directory(path) : host_.File(path);
        all_.push_back(path);
      }
    }
    host_.Directory("/a/b").Directory(std::string(kState) + "/default");
    if (host_.KindOf("/b/.env") == FileKind::kMissing) {
      host_.Symlink("/b/.env", "/a/linked").Directory("/a/linked").File("/a/linked/key");
      all_.insert(all_.end(), {"/a/linked", "/a/linked/key"});
    }
  }

  // No part of the path above its last component is a file.
  bool Free(const std::string& path) const {
    return std::ranges::none_of(sandbox::PrefixesOf(sandbox::ParentOf(path)),
                                [&](const std::string& prefix) {
                                  const FileKind kind = host_.KindOf(prefix);
                                  return kind != FileKind::kMissing && kind != FileKind::kDirectory;
                                });
  }

  PolicySet Load(const std::vector<RandomPolicy>& policies) {
    policy::Names names = policy::RandomNames();
    names.leads_to = [this](const std::string& path) {
      std::string canonical = sandbox::ResolvePath(host_, path);
      return canonical == path ? std::string() : canonical;
    };
    return PolicySet::Load({{.file = "test.cedar", .text = policy::TextOf(policies)}}, names)
        .value();
  }

  Plan MakePlan(const PolicySet& set) {
    PolicySet::Bound bound = set.bound();
    sandbox::PlanInput input;
    input.visible = std::move(bound.visible);
    input.executable = std::move(bound.executable);
    input.hidden = std::move(bound.hidden);
    input.home = "/a";
    input.dir = "/a/b";
    input.aegis_home = kState;
    private_ = world_.Below(2) == 0 ? std::vector<std::string>{"/b/c"} : std::vector<std::string>{};
    input.private_dirs = private_;
    input.command = {.program = "/a/b/c", .argv = {}, .env = {}, .cwd = "/a/b"};
    return sandbox::BuildPlan(input, host_).value();
  }

  policy::RandomWorld world_{GetParam()};
  FakeHost host_;
  std::vector<std::string> all_;
  std::vector<std::string> private_;
};

TEST_P(WallsProperty, HoldBackOnlyWhatNoPolicyPermits) {
  MakeHost();
  std::size_t permitted = 0;
  for (int round = 0; round < 100; ++round) {
    const std::vector<RandomPolicy> policies = world_.Policies(6);
    const PolicySet set = Load(policies);
    const Plan plan = MakePlan(set);
    for (const std::string& path : all_) {
      const Action action = world_.AnyAction();
      const Outcome outcome = set.Evaluate({.action = action,
                                            .resource = path,
                                            .context = {.pid = world_.Pid(), .exe = world_.Exe()}})
                                  .outcome;
      if (outcome == Outcome::kPermit && !IsWithin(path, kState) && !IsWithinAny(path, private_)) {
        ++permitted;
        ASSERT_TRUE(ShowsHost(plan, path)) << path << "\n" << policy::TextOf(policies);
        ASSERT_TRUE(action != Action::kProcessSpawn || IsWithinAny(path, plan.executable))
            << path << "\n"
            << policy::TextOf(policies);
      }
    }
    ASSERT_FALSE(ShowsHost(plan, std::string(kState) + "/default"));
  }
  EXPECT_GT(permitted, 200U) << "it is no proof if nothing is permitted";
}

TEST_P(WallsProperty, LetNothingRunUnaskedThatNoPermitCouldRun) {
  MakeHost();
  std::size_t executable = 0;
  for (int round = 0; round < 100; ++round) {
    const std::vector<RandomPolicy> policies = world_.Policies(4);
    const PolicySet set = Load(policies);
    const Plan plan = MakePlan(set);
    for (const std::string& path : all_) {
      if (!IsWithinAny(path, plan.executable)) {
        continue;
      }
      ++executable;
      EXPECT_TRUE(std::ranges::any_of(policies,
                                      [&](const RandomPolicy& one) { return CouldRun(one, path); }))
          << path << "\n"
          << policy::TextOf(policies);
    }
  }
  EXPECT_GT(executable, 200U) << "it is no proof if nothing runs";
}

INSTANTIATE_TEST_SUITE_P(Seeds, WallsProperty, ::testing::Range(1U, 9U));

}  // namespace
}  // namespace aegis::gate
