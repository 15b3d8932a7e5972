#include "observe/directory_tree.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aegis::observe {

std::string JoinName(std::string_view directory, std::string_view name) {
  std::string joined(directory);
  return joined.append(directory.empty() || directory.ends_with('/') ? "" : "/").append(name);
}

DirectoryTree::Id DirectoryTree::Add(Id parent, std::string_view name) {
  if (const auto known = Child(parent, name)) {
    return *known;
  }
  const Id id = next_++;
  nodes_[id] = {.parent = parent, .name = std::string(name)};
  nodes_[parent].children.emplace(name, id);
  return id;
}

std::optional<DirectoryTree::Id> DirectoryTree::Child(Id parent, std::string_view name) const {
  const auto node = nodes_.find(parent);
  if (node == nodes_.end()) {
    return std::nullopt;
  }
  const auto found = node->second.children.find(name);
  return found == node->second.children.end() ? std::nullopt : std::optional(found->second);
}

bool DirectoryTree::IsBelow(Id id, Id ancestor) const {
  while (id != kRoot && id != ancestor) {
    id = nodes_.at(id).parent;
  }
  return id == ancestor;
}

std::vector<DirectoryTree::Id> DirectoryTree::Move(Id id, Id parent, std::string_view name) {
  if (IsBelow(parent, id)) {
    return Remove(id);
  }
  std::vector<Id> gone;
  if (const auto there = Child(parent, name)) {
    if (*there == id) {
      return gone;
    }
    gone = Remove(*there);
    if (!Has(id)) {
      return gone;  // it stood below what it replaces
    }
  }
  Node& node = nodes_[id];
  nodes_[node.parent].children.erase(node.name);
  node.parent = parent;
  node.name = name;
  nodes_[parent].children.emplace(name, id);
  return gone;
}

std::vector<DirectoryTree::Id> DirectoryTree::Remove(Id id) {
  const Node& node = nodes_.at(id);
  nodes_[node.parent].children.erase(node.name);
  std::vector<Id> gone = {id};
  for (std::size_t i = 0; i < gone.size(); ++i) {
    for (const auto& [name, child] : nodes_[gone[i]].children) {
      gone.push_back(child);
    }
  }
  for (const Id each : gone) {
    nodes_.erase(each);
  }
  return gone;
}

std::string DirectoryTree::Name(Id id) const {
  std::vector<std::string_view> parts;
  for (auto node = nodes_.find(id); id != kRoot && node != nodes_.end(); node = nodes_.find(id)) {
    parts.emplace_back(node->second.name);
    id = node->second.parent;
  }
  std::string name;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    name.append(name.empty() ? "" : "/").append(*part);
  }
  return name;
}

}  // namespace aegis::observe
