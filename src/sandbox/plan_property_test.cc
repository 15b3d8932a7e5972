// Random policies over a random host: what a plan shows is held against what it may show.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "sandbox/fake_host.h"
#include "sandbox/paths.h"
#include "sandbox/plan.h"

namespace aegis::sandbox {
namespace {

using Kind = Mount::Kind;

enum class Shown : std::uint8_t { kHost, kOurs, kNothing };

// What of the host stands at `path` in the finished tree: the last mount over it decides.
Shown ShownAt(const Plan& plan, const std::string& path) {
  Shown shown = plan.whole_root ? Shown::kHost : Shown::kNothing;
  for (const Mount& mount : plan.mounts) {
    if (!IsWithin(path, mount.target) || mount.kind == Kind::kReadOnly) {
      continue;
    }
    if (mount.kind == Kind::kBind) {
      shown = Shown::kHost;
    } else if (mount.kind == Kind::kDirectory || mount.kind == Kind::kFile ||
               mount.kind == Kind::kSymlink) {
      shown = path == mount.target && shown != Shown::kHost ? Shown::kOurs : shown;
    } else {
      shown = Shown::kOurs;
    }
  }
  return shown;
}

class PlanProperty : public ::testing::TestWithParam<unsigned> {
 protected:
  std::string Pick(const std::vector<std::string>& from) {
    return from[std::uniform_int_distribution<std::size_t>(0, from.size() - 1)(random_)];
  }
  bool Chance(int percent) {
    return std::uniform_int_distribution<int>(1, 100)(random_) <= percent;
  }

  // Some directories below /data, /home/u and /tmp, three levels deep.
  void MakeHost() {
    std::vector<std::string> level = {"/data", "/home", "/tmp", "/var"};
    for (int depth = 0; depth < 3; ++depth) {
      std::vector<std::string> next;
      for (const std::string& parent : level) {
        host_.Directory(parent);
        all_.push_back(parent);
        for (const char* name : {"/a", "/ab", "/b"}) {
          if (Chance(70)) {
            next.push_back(parent + name);
          }
        }
      }
      level = next;
    }
    for (const std::string& path : level) {
      host_.File(path);
      all_.push_back(path);
    }
    host_.Directory("/home/a/b").Directory("/home/a/.aegis/default");
    all_.insert(all_.end(), {"/home/a", "/home/a/b", "/home/a/.aegis", "/home/a/.aegis/default"});
  }

  std::vector<std::string> Subtrees(int count) {
    std::vector<std::string> subtrees;
    subtrees.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) {
      subtrees.push_back(Pick(all_));
    }
    return OutermostOf(std::move(subtrees));
  }

  std::mt19937 random_{GetParam()};
  FakeHost host_;
  std::vector<std::string> all_;
};

TEST_P(PlanProperty, ShowsNoMoreAndNoLess) {
  MakeHost();
  for (int round = 0; round < 300; ++round) {
    PlanInput input;
    input.visible = Chance(15) ? std::vector<std::string>{"/"} : Subtrees(5);
    input.hidden = Subtrees(3);
    input.private_dirs =
        Chance(50) ? std::vector<std::string>{"/tmp", "/var/a"} : std::vector<std::string>{};
    input.home = "/home/a";
    input.dir = Chance(50) ? "/home/a/b" : Pick(all_);
    input.aegis_home = "/home/a/.aegis";
    input.command = {.program = "/data/a", .argv = {}, .env = {}, .cwd = Pick(all_)};
    const auto plan = BuildPlan(input, host_);
    if (IsWithin(input.dir, input.aegis_home)) {
      ASSERT_FALSE(plan.has_value());
      continue;
    }
    ASSERT_TRUE(plan.has_value()) << plan.error().message();
    for (const std::string& path : all_) {
      const bool shown = ShownAt(*plan, path) == Shown::kHost;
      const bool masked = IsWithinAny(path, input.hidden) || IsWithin(path, input.aegis_home);
      const bool in_private = IsWithinAny(path, input.private_dirs);
      if (shown) {
        EXPECT_FALSE(masked) << path;
        EXPECT_TRUE(IsWithinAny(path, input.visible)) << path;
      } else if (!masked && !in_private) {
        EXPECT_FALSE(IsWithinAny(path, input.visible)) << path << " is missing";
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, PlanProperty, ::testing::Range(1U, 9U));

}  // namespace
}  // namespace aegis::sandbox
