#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sandbox/host_view.h"

namespace aegis::sandbox {

// A host made of a map, for tests. Adding a name adds its missing parent directories.
class FakeHost final : public HostView {
 public:
  FakeHost() { nodes_["/"] = {FileKind::kDirectory, ""}; }

  // Without anything but "/" again.
  void Clear() { nodes_ = {{"/", {FileKind::kDirectory, ""}}}; }

  FakeHost& Directory(const std::string& path) { return Add(path, FileKind::kDirectory, ""); }
  FakeHost& File(const std::string& path) { return Add(path, FileKind::kFile, ""); }
  FakeHost& Device(const std::string& path) { return Add(path, FileKind::kOther, ""); }
  FakeHost& Symlink(const std::string& path, const std::string& text) {
    return Add(path, FileKind::kSymlink, text);
  }

  FileKind KindOf(const std::string& path) const override {
    const auto node = nodes_.find(path);
    return node == nodes_.end() ? FileKind::kMissing : node->second.first;
  }
  std::string ReadLink(const std::string& path) const override {
    const auto node = nodes_.find(path);
    return node == nodes_.end() ? std::string() : node->second.second;
  }
  Listing List(const std::string& path, std::vector<DirectoryEntry>& entries) const override {
    if (KindOf(path) != FileKind::kDirectory) {
      return Listing::kClosed;
    }
    const std::string below = path == "/" ? path : path + "/";
    for (const auto& [name, node] : nodes_) {
      if (name.size() > below.size() && name.starts_with(below) &&
          name.find('/', below.size()) == std::string::npos) {
        entries.push_back({name.substr(below.size()), node.first});
      }
    }
    return Listing::kWhole;
  }

  std::set<std::string> All() const {
    std::set<std::string> paths;
    for (const auto& [path, node] : nodes_) {
      paths.insert(path);
    }
    return paths;
  }

 private:
  FakeHost& Add(const std::string& path, FileKind kind, const std::string& text) {
    for (auto slash = path.find('/', 1); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      nodes_.try_emplace(path.substr(0, slash), FileKind::kDirectory, "");
    }
    nodes_[path] = {kind, text};
    return *this;
  }

  std::map<std::string, std::pair<FileKind, std::string>> nodes_;
};

}  // namespace aegis::sandbox
