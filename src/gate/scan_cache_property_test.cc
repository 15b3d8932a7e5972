// Random policies over a random host that changes between starts: with what earlier starts have
// kept a plan is the same as without.
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gate/memory_scan_store.h"
#include "gate/native_reads.h"
#include "gate/scan_store.h"
#include "gate/test_paths.h"
#include "policy/policy.h"
#include "policy/random_policies.h"
#include "sandbox/fake_host.h"
#include "sandbox/host_view.h"
#include "sandbox/paths.h"

namespace aegis::gate {
namespace {

using policy::PolicySet;
using sandbox::FileKind;

class ScanCacheProperty : public ::testing::TestWithParam<unsigned> {
 protected:
  void Make() {
    const std::string path = RandomPath(world_);
    if (!IsFree(host_, path)) {
      return;
    }
    switch (world_.Below(4)) {
      case 0:
        host_.Directory(path);
        break;
      case 1:
        host_.Symlink(path, RandomPath(world_));
        break;
      default:
        host_.File(path);
    }
  }

  void Edit() {
    const std::string path = RandomPath(world_);
    const std::string to = RandomPath(world_);
    switch (world_.Below(4)) {
      case 0:
        host_.Remove(path);
        break;
      case 1:
        if (IsFree(host_, to) && host_.KindOf(sandbox::ParentOf(to)) == FileKind::kDirectory &&
            !sandbox::IsWithin(to, path) && host_.KindOf(path) != FileKind::kMissing) {
          host_.Move(path, to);
        }
        break;
      default:
        Make();
    }
  }

  // Permits of trees, and forbids by names: of such sets a search comes.
  std::string AnyPolicies() {
    constexpr std::string_view kPlaces[] = {"~", "@dir", "/b", "/c", "/a/c", "/other"};
    constexpr std::string_view kNames[] = {"*/.env", "*/.env*", "*/cc", "/b/c", "~/c"};
    std::string text;
    for (std::size_t count = 1 + world_.Below(3); count > 0; --count) {
      text +=
          "permit(principal, action in Aegis::Action::\"Read\", resource in Aegis::Resource::\"";
      text.append(kPlaces[world_.Below(std::size(kPlaces))]).append("\");\n");
    }
    for (std::size_t count = 1 + world_.Below(2); count > 0; --count) {
      text += "forbid(principal, action, resource in Aegis::Resource::\"";
      text.append(kNames[world_.Below(std::size(kNames))]).append("\");\n");
    }
    return text;
  }

  NativeReads PlanFor(const PolicySet& set, ScanStore* store, std::size_t entries) {
    PolicySet::Bound bound = set.bound();
    ReadInput input;
    input.home = "/a";
    input.dir = "/a/b";
    input.state = {"/a/state"};
    input.executable = std::move(bound.executable);
    input.hidden = std::move(bound.hidden);
    input.budget.entries = entries;
    input.keeping = {.store = store,
                     .epoch = "e",
                     .begun = std::chrono::sys_seconds(std::chrono::seconds(now_)),
                     .worth = world_.Below(30)};
    return PlanNativeReads(set, input, host_);
  }

  policy::RandomWorld world_{GetParam()};
  sandbox::FakeHost host_;
  std::int64_t now_ = 1000;
};

TEST_P(ScanCacheProperty, PlansAreAsWithoutIt) {
  std::size_t masked = 0;
  std::size_t spared = 0;
  MemoryScanStore store;
  for (int round = 0; round < 60; ++round) {
    const std::string text = AnyPolicies();
    const PolicySet set =
        PolicySet::Load({{.file = "test.cedar", .text = text}}, policy::RandomNames()).value();
    for (int start = 0; start < 20; ++start) {
      host_.Directory("/a/b").Directory("/a/state").Directory("/proc").Directory("/dev");
      for (std::size_t edits = world_.Below(start == 0 ? 90 : 8); edits > 0; --edits) {
        Edit();
      }
      now_ += static_cast<std::int64_t>(world_.Below(3) * world_.Below(3));
      host_.SetTime(now_);
      const std::size_t entries = world_.Below(8) == 0 ? world_.Below(60) : 1000;
      const int before = host_.listed();
      const NativeReads fresh = PlanFor(set, nullptr, entries);
      const int between = host_.listed();
      const NativeReads kept = PlanFor(set, &store, entries);
      spared += host_.listed() - between < between - before ? 1U : 0U;
      ASSERT_EQ(kept.reason, fresh.reason) << text;
      ASSERT_EQ(kept.masks, fresh.masks) << text;
      ASSERT_EQ(kept.grants, fresh.grants);
      masked += fresh.masks.size();
    }
  }
  EXPECT_GT(masked, 300U) << "it is no proof if nothing is masked";
  EXPECT_GT(spared, 100U) << "nor if nothing is kept";
}

INSTANTIATE_TEST_SUITE_P(Seeds, ScanCacheProperty, ::testing::Range(1U, 9U));

}  // namespace
}  // namespace aegis::gate
