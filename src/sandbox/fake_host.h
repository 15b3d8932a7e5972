#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sandbox/directory_stamp.h"
#include "sandbox/host_view.h"

namespace aegis::sandbox {

// A host made of a map, for tests. Adding a name adds its missing parent directories. Directories
// have stamps, by a clock that stands still.
class FakeHost final : public HostView {
 public:
  FakeHost() { Clear(); }

  // Without anything but "/" again. No inode comes back.
  void Clear() {
    nodes_.clear();
    nodes_["/"] = NewNode(FileKind::kDirectory, "");
  }

  FakeHost& Directory(const std::string& path) { return Add(path, FileKind::kDirectory, ""); }
  FakeHost& File(const std::string& path) { return Add(path, FileKind::kFile, ""); }
  FakeHost& Device(const std::string& path) { return Add(path, FileKind::kOther, ""); }
  FakeHost& Symlink(const std::string& path, const std::string& text) {
    return Add(path, FileKind::kSymlink, text);
  }

  // With all that is below it.
  void Remove(const std::string& path) {
    std::erase_if(nodes_, [&](const auto& node) {
      return node.first == path || node.first.starts_with(path + "/");
    });
    Touch(path);
  }

  // Both paths are free afterwards for what was at the other one.
  void Move(const std::string& from, const std::string& to) {
    std::map<std::string, Node> moved;
    for (const auto& [path, node] : nodes_) {
      if (path == from || path.starts_with(from + "/")) {
        moved[to + path.substr(from.size())] = node;
      }
    }
    Remove(from);
    nodes_.merge(moved);
    Touch(to);
  }

  // The file system's clock; what changes from now on gets this time.
  void SetTime(std::int64_t seconds) { seconds_ = seconds; }
  // Whether stamps are given.
  void SetStamped(bool stamped) { stamped_ = stamped; }
  // How often a directory was listed.
  int listed() const { return listed_; }

  FileKind KindOf(const std::string& path) const override {
    const auto node = nodes_.find(path);
    return node == nodes_.end() ? FileKind::kMissing : node->second.kind;
  }
  std::string ReadLink(const std::string& path) const override {
    const auto node = nodes_.find(path);
    return node == nodes_.end() ? std::string() : node->second.text;
  }
  Listing List(const std::string& path, std::vector<DirectoryEntry>& entries) const override {
    ++listed_;
    if (KindOf(path) != FileKind::kDirectory) {
      return Listing::kClosed;
    }
    const std::string below = path == "/" ? path : path + "/";
    for (const auto& [name, node] : nodes_) {
      if (name.size() > below.size() && name.starts_with(below) &&
          name.find('/', below.size()) == std::string::npos) {
        entries.push_back({name.substr(below.size()), node.kind});
      }
    }
    return Listing::kWhole;
  }
  std::optional<DirectoryStamp> StampOf(const std::string& path) const override {
    const auto node = nodes_.find(path);
    return stamped_ && node != nodes_.end() && node->second.kind == FileKind::kDirectory
               ? std::optional(node->second.stamp)
               : std::nullopt;
  }
  Listing ListStamped(const std::string& path, std::vector<DirectoryEntry>& entries,
                      std::optional<DirectoryStamp>& stamp) const override {
    stamp = StampOf(path);
    return List(path, entries);
  }

  std::set<std::string> All() const {
    std::set<std::string> paths;
    for (const auto& [path, node] : nodes_) {
      paths.insert(path);
    }
    return paths;
  }

 private:
  struct Node {
    FileKind kind = FileKind::kMissing;
    std::string text;
    DirectoryStamp stamp;
  };

  Node NewNode(FileKind kind, const std::string& text) {
    return {kind, text, {.device = 1, .inode = ++inodes_, .seconds = seconds_, .nanoseconds = 1}};
  }

  // An entry of this path has come or gone.
  void Touch(const std::string& path) {
    const auto slash = path.rfind('/');
    const auto parent = nodes_.find(slash == 0 ? "/" : path.substr(0, slash));
    if (parent != nodes_.end()) {
      parent->second.stamp.seconds = seconds_;
    }
  }

  FakeHost& Add(const std::string& path, FileKind kind, const std::string& text) {
    for (auto slash = path.find('/', 1); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      if (!nodes_.contains(path.substr(0, slash))) {
        AddOne(path.substr(0, slash), FileKind::kDirectory, "");
      }
    }
    AddOne(path, kind, text);
    return *this;
  }

  void AddOne(const std::string& path, FileKind kind, const std::string& text) {
    Node& node = nodes_[path];
    if (node.kind != kind || node.text != text) {
      node = NewNode(kind, text);
      Touch(path);
    }
  }

  std::map<std::string, Node> nodes_;
  std::uint64_t inodes_ = 0;
  std::int64_t seconds_ = 0;
  bool stamped_ = true;
  mutable int listed_ = 0;
};

}  // namespace aegis::sandbox
