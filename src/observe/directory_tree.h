#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace aegis::observe {

// The directories of a watched tree by number, so that one that is moved takes all below it along.
// Of an id that is gone there is no child and no name; other members want one that is there.
class DirectoryTree {
 public:
  using Id = int;
  static constexpr Id kRoot = 0;

  DirectoryTree() { nodes_[kRoot]; }

  // The child of that name; made if there is none.
  Id Add(Id parent, std::string_view name);
  std::optional<Id> Child(Id parent, std::string_view name) const;
  bool Has(Id id) const { return nodes_.contains(id); }

  // Gives a directory another place; what stood there is removed. The ids that are gone: the
  // directory's own too if it can't be put below itself.
  std::vector<Id> Move(Id id, Id parent, std::string_view name);

  // Removes a directory, not the root, with all below: the ids that are gone.
  std::vector<Id> Remove(Id id);

  // Relative, empty for the root.
  std::string Name(Id id) const;

 private:
  struct Node {
    Id parent = kRoot;
    std::string name{};
    std::map<std::string, Id, std::less<>> children{};
  };

  bool IsBelow(Id id, Id ancestor) const;

  std::unordered_map<Id, Node> nodes_;
  Id next_ = kRoot + 1;
};

// "a", "b" -> "a/b"; "", "b" -> "b".
std::string JoinName(std::string_view directory, std::string_view name);

}  // namespace aegis::observe
