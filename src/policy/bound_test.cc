#include "policy/bound.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "policy/policy.h"

namespace aegis::policy {
namespace {

constexpr unsigned kAll = (1U << kActionCount) - 1;

// Paths of a few short names, so that many lie in others, or only begin like them.
std::string RandomPath(std::mt19937& random) {
  static const std::vector<std::string> kNames = {"a", "ab", "a-", "b", "é"};
  std::string path;
  const std::size_t depth = 1 + random() % 4;
  for (std::size_t i = 0; i < depth; ++i) {
    path += "/" + kNames[random() % kNames.size()];
  }
  return random() % 40 == 0 ? "/" : path;
}

// What no other of them holds, by comparing each with each.
std::vector<std::string> Outermost(const std::set<std::string>& paths) {
  std::vector<std::string> kept;
  for (const std::string& path : paths) {
    const bool held = std::ranges::any_of(paths, [&path](const std::string& other) {
      return other != path && IsWithin(path, other);
    });
    if (!held) {
      kept.push_back(path);
    }
  }
  return kept;
}

TEST(BoundTest, IsWhatComparingEachPlaceWithEachGives) {
  for (unsigned seed = 0; seed < 400; ++seed) {
    std::mt19937 random(seed);
    std::set<std::string> hidden;
    std::set<std::string> permitted;
    for (std::size_t i = random() % 12; i > 0; --i) {
      hidden.insert(RandomPath(random));
    }
    for (std::size_t i = random() % 40; i > 0; --i) {
      permitted.insert(RandomPath(random));
    }
    hidden.erase("/");
    Reach forbid{.actions = kAll, .forbid = true, .bounded = true, .total = true, .roots = {}};
    Reach permit{.actions = kAll, .bounded = true, .total = true, .roots = {}};
    for (const std::string& path : hidden) {
      forbid.roots.push_back({.name = path});
    }
    for (const std::string& path : permitted) {
      permit.roots.push_back({.name = path});
    }
    std::set<std::string> left = permitted;
    std::erase_if(left, [&hidden](const std::string& path) {
      return std::ranges::any_of(
          hidden, [&path](const std::string& other) { return IsWithin(path, other); });
    });
    const PolicySet::Bound bound = BoundOf({forbid, permit});
    EXPECT_EQ(bound.visible, Outermost(left)) << seed;
    EXPECT_EQ(bound.executable, Outermost(left)) << seed;
    EXPECT_EQ(bound.hidden, Outermost(hidden)) << seed;
  }
}

}  // namespace
}  // namespace aegis::policy
