#include "observe/diff.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "observe/snapshot.h"

namespace aegis::observe {
namespace {

// "content" where it differs; "ctime" where it was not read each time and the kernel's time of the
// last change says that it may.
std::string_view ContentDifference(const Node& a, const Node& b) {
  if (a.digest && b.digest) {
    return a.digest == b.digest ? "" : "content";
  }
  if (a.size != b.size) {
    return "content";
  }
  return a.ctime_ns == b.ctime_ns ? "" : "ctime";
}

bool SameInode(const Node& a, const Node& b) {
  return a.type == b.type && a.device == b.device && a.inode == b.inode && a.born_ns == b.born_ns;
}

std::vector<std::string_view> Differences(const Node& a, const Node& b) {
  std::vector<std::string_view> what;
  if (a.type == NodeType::kFile || a.type == NodeType::kSymlink) {
    if (const auto content = ContentDifference(a, b); !content.empty()) {
      what.push_back(content);
    }
  }
  if (a.mode != b.mode) {
    what.emplace_back("mode");
  }
  if (a.uid != b.uid || a.gid != b.gid) {
    what.emplace_back("owner");
  }
  if (a.type != NodeType::kDirectory && a.mtime_ns != b.mtime_ns) {
    what.emplace_back("mtime");
  }
  if (!SameInode(a, b)) {
    what.emplace_back("inode");
  }
  return what;
}

// What identifies a file wherever it is moved.
using Identity = std::tuple<std::uint64_t, std::uint64_t, std::int64_t>;
Identity IdentityOf(const Node& node) { return {node.device, node.inode, node.born_ns}; }

class Comparison {
 public:
  Comparison(const Snapshot& before, const Snapshot& after) : before_(before), after_(after) {}

  std::vector<Change> Changes();

 private:
  void Both(const Named& old_one, const Named& new_one);
  void Compare();
  void PairRenamed();
  void AddRest();

  const Snapshot& before_;
  const Snapshot& after_;
  std::vector<const Named*> gone_;
  std::vector<const Named*> come_;
  std::vector<Change> changes_;
};

void Comparison::Both(const Named& old_one, const Named& new_one) {
  if (old_one.node.type != new_one.node.type) {
    gone_.push_back(&old_one);
    come_.push_back(&new_one);
    return;
  }
  auto what = Differences(old_one.node, new_one.node);
  if (!what.empty()) {
    changes_.push_back({.kind = ChangeKind::kModified,
                        .name = old_one.name,
                        .before = old_one.node,
                        .after = new_one.node,
                        .what = std::move(what)});
  }
}

void Comparison::Compare() {
  auto old_one = before_.names.begin();
  auto new_one = after_.names.begin();
  while (old_one != before_.names.end() || new_one != after_.names.end()) {
    if (new_one == after_.names.end() ||
        (old_one != before_.names.end() && old_one->name < new_one->name)) {
      gone_.push_back(&*old_one++);
    } else if (old_one == before_.names.end() || new_one->name < old_one->name) {
      come_.push_back(&*new_one++);
    } else {
      Both(*old_one++, *new_one++);
    }
  }
}

void Comparison::PairRenamed() {
  std::multimap<Identity, const Named*> by_identity;
  for (const Named* come : come_) {
    by_identity.emplace(IdentityOf(come->node), come);
  }
  std::vector<const Named*> paired;
  std::erase_if(gone_, [&](const Named* gone) {
    const auto found = by_identity.find(IdentityOf(gone->node));
    if (found == by_identity.end() || gone->node.type != found->second->node.type ||
        gone->node.digest != found->second->node.digest ||
        gone->node.size != found->second->node.size) {
      return false;
    }
    const Named* come = found->second;
    by_identity.erase(found);
    paired.push_back(come);
    changes_.push_back({.kind = ChangeKind::kRenamed,
                        .name = gone->name,
                        .target = come->name,
                        .before = gone->node,
                        .after = come->node,
                        .what = {}});
    changes_.back().what = Differences(gone->node, come->node);
    std::erase(changes_.back().what, "ctime");  // the renaming itself changes it
    return true;
  });
  std::ranges::sort(paired);
  std::erase_if(come_,
                [&paired](const Named* come) { return std::ranges::binary_search(paired, come); });
}

void Comparison::AddRest() {
  for (const Named* gone : gone_) {
    const bool hidden = after_.gaps.Hides(gone->name);
    changes_.push_back({.kind = hidden ? ChangeKind::kHidden : ChangeKind::kDeleted,
                        .name = gone->name,
                        .before = gone->node});
  }
  for (const Named* come : come_) {
    const bool revealed = before_.gaps.Hides(come->name);
    changes_.push_back({.kind = revealed ? ChangeKind::kRevealed : ChangeKind::kCreated,
                        .name = come->name,
                        .after = come->node});
  }
}

std::vector<Change> Comparison::Changes() {
  Compare();
  PairRenamed();
  AddRest();
  // Of a name whose type changed the deletion comes first.
  std::ranges::stable_sort(changes_, {}, &Change::name);
  return std::move(changes_);
}

}  // namespace

std::string_view ChangeKindName(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::kCreated:
      return "created";
    case ChangeKind::kDeleted:
      return "deleted";
    case ChangeKind::kModified:
      return "modified";
    case ChangeKind::kRenamed:
      return "renamed";
    case ChangeKind::kRevealed:
      return "revealed";
    case ChangeKind::kHidden:
      break;
  }
  return "hidden";
}

std::vector<Change> Diff(const Snapshot& before, const Snapshot& after) {
  return Comparison(before, after).Changes();
}

}  // namespace aegis::observe
