#include "policy/bound.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/text.h"
#include "policy/policy.h"

namespace aegis::policy {
namespace {

constexpr unsigned Bit(Action action) { return 1U << static_cast<unsigned>(action); }

constexpr unsigned kAllActions = (1U << kActionCount) - 1;
// What needs a path to be seen: an exit is recorded, it looks at nothing.
constexpr unsigned kSeeing = Bit(Action::kFileRead) | Bit(Action::kFileWrite) |
                             Bit(Action::kFileDelete) | Bit(Action::kDirCreate) |
                             Bit(Action::kDirList) | Bit(Action::kProcessSpawn);

// The subtree of paths that holds what a root can take; empty if it takes no path at all.
std::string_view SubtreeOf(const Root& root) {
  if (root.name.starts_with("*/")) {
    return "/";
  }
  if (root.name == "/" && !root.subtree) {
    return {};  // the top directory is there whatever else is
  }
  return root.name.starts_with('/') ? root.name : std::string_view();
}

std::vector<std::string_view> SubtreesOf(const Reach& policy) {
  if (!policy.bounded) {
    return {"/"};
  }
  std::vector<std::string_view> subtrees;
  for (const Root& root : policy.roots) {
    if (const std::string_view subtree = SubtreeOf(root); !subtree.empty()) {
      subtrees.push_back(subtree);
    }
  }
  return subtrees;
}

// Subtrees by their names. Sets name hundreds of places: to look up what a path lies in costs its
// depth, to compare it with each of them costs their number.
class Subtrees {
 public:
  explicit Subtrees(std::span<const std::string_view> roots) : roots_(roots.begin(), roots.end()) {}

  bool Hold(std::string_view path) const { return roots_.contains(path) || HoldParentOf(path); }

  bool HoldParentOf(std::string_view path) const {
    for (std::size_t slash = path.rfind('/'); slash != std::string_view::npos && slash > 0;
         slash = path.rfind('/', slash - 1)) {
      if (roots_.contains(path.substr(0, slash))) {
        return true;
      }
    }
    return path != "/" && roots_.contains("/");
  }

 private:
  std::unordered_set<std::string_view> roots_;
};

// Sorts, and drops what another one holds.
std::vector<std::string_view> Minimal(std::vector<std::string_view> roots) {
  const Subtrees all(roots);
  std::erase_if(roots, [&all](std::string_view root) { return all.HoldParentOf(root); });
  std::ranges::sort(roots);
  roots.erase(std::ranges::unique(roots).begin(), roots.end());
  return roots;
}

std::vector<std::string_view> Permitted(const std::vector<Reach>& policies, unsigned actions,
                                        const Subtrees& hidden) {
  std::vector<std::string_view> permitted;
  for (const Reach& policy : policies) {
    if (policy.forbid || !policy.applies || (policy.actions & actions) == 0) {
      continue;
    }
    for (const std::string_view subtree : SubtreesOf(policy)) {
      if (!hidden.Hold(subtree)) {
        permitted.push_back(subtree);
      }
    }
  }
  return Minimal(std::move(permitted));
}

// The subtrees in which a policy forbids every action on everything.
std::vector<std::string_view> HiddenBy(const Reach& policy) {
  if (!policy.forbid || !policy.applies || !policy.total || policy.actions != kAllActions) {
    return {};
  }
  if (!policy.bounded) {
    return {"/"};
  }
  std::vector<std::string_view> hidden;
  for (const Root& root : policy.roots) {
    if (root.subtree && root.name.starts_with('/')) {
      hidden.push_back(root.name);
    }
  }
  return hidden;
}

std::vector<std::string> Unescaped(const std::vector<std::string_view>& roots) {
  std::vector<std::string> paths;
  paths.reserve(roots.size());
  for (const std::string_view root : roots) {
    paths.push_back(base::UnescapeName(root));
  }
  return paths;
}

}  // namespace

bool IsWithin(std::string_view path, std::string_view root) {
  return root == "/" ||
         (path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/'));
}

PolicySet::Bound BoundOf(const std::vector<Reach>& policies) {
  std::vector<std::string_view> hidden;
  for (const Reach& policy : policies) {
    std::ranges::copy(HiddenBy(policy), std::back_inserter(hidden));
  }
  hidden = Minimal(std::move(hidden));
  if (std::ranges::find(hidden, "/") != hidden.end()) {
    return {};  // nothing is ever permitted: there is nothing to hide
  }
  const Subtrees held(hidden);
  return {
      .visible = Unescaped(Permitted(policies, kSeeing, held)),
      .executable = Unescaped(Permitted(policies, Bit(Action::kProcessSpawn), held)),
      .hidden = Unescaped(hidden),
  };
}

}  // namespace aegis::policy
