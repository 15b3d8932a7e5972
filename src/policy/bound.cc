#include "policy/bound.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
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

// Sorts, and drops what another one holds.
std::vector<std::string_view> Minimal(std::vector<std::string_view> roots) {
  std::ranges::sort(roots);
  std::vector<std::string_view> kept;
  for (const std::string_view root : roots) {
    const auto holds = [root](std::string_view other) { return IsWithin(root, other); };
    if (std::ranges::none_of(kept, holds)) {
      kept.push_back(root);
    }
  }
  return kept;
}

std::vector<std::string_view> Permitted(const std::vector<Reach>& policies, unsigned actions,
                                        const std::vector<std::string_view>& hidden) {
  std::vector<std::string_view> permitted;
  for (const Reach& policy : policies) {
    if (policy.forbid || !policy.applies || (policy.actions & actions) == 0) {
      continue;
    }
    for (const std::string_view subtree : SubtreesOf(policy)) {
      const auto hides = [subtree](std::string_view other) { return IsWithin(subtree, other); };
      if (std::ranges::none_of(hidden, hides)) {
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
  return {
      .visible = Unescaped(Permitted(policies, kSeeing, hidden)),
      .executable = Unescaped(Permitted(policies, Bit(Action::kProcessSpawn), hidden)),
      .hidden = Unescaped(hidden),
  };
}

}  // namespace aegis::policy
