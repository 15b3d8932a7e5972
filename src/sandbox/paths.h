#pragma once

#include <algorithm>
#include <cstddef>
#include <ranges>
#include <string>
#include <string_view>
#include <vector>

// Paths as text: absolute, without `.`, `..`, empty components or a trailing slash.
namespace aegis::sandbox {

inline bool IsPlainPath(std::string_view path) {
  if (!path.starts_with('/') || path.find('\0') != std::string_view::npos) {
    return false;
  }
  if (path == "/") {
    return true;
  }
  return std::ranges::all_of(std::views::split(path.substr(1), '/'), [](const auto& part) {
    const std::string_view component(part.begin(), part.end());
    return !component.empty() && component != "." && component != "..";
  });
}

// `path` is `tree` or lies in it.
inline bool IsWithin(std::string_view path, std::string_view tree) {
  if (tree == "/") {
    return true;
  }
  return path.starts_with(tree) && (path.size() == tree.size() || path[tree.size()] == '/');
}

inline bool IsWithinAny(std::string_view path, const std::vector<std::string>& trees) {
  return std::ranges::any_of(trees, [&](const std::string& tree) { return IsWithin(path, tree); });
}

inline std::string ParentOf(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string_view::npos ? "/" : std::string(path.substr(0, slash));
}

// Number of components: 0 for "/", 2 for "/home/u".
inline std::ptrdiff_t DepthOf(std::string_view path) {
  return path == "/" ? 0 : std::ranges::count(path, '/');
}

// "/a", "/a/b", "/a/b/c" for "/a/b/c"; nothing for "/".
inline std::vector<std::string> PrefixesOf(std::string_view path) {
  std::vector<std::string> prefixes;
  for (std::size_t slash = path.find('/', 1); slash != std::string_view::npos;
       slash = path.find('/', slash + 1)) {
    prefixes.emplace_back(path.substr(0, slash));
  }
  if (path.size() > 1) {
    prefixes.emplace_back(path);
  }
  return prefixes;
}

// Sorted, without duplicates and without what lies in another one.
inline std::vector<std::string> OutermostOf(std::vector<std::string> paths) {
  std::ranges::sort(paths);
  std::vector<std::string> kept;
  for (std::string& path : paths) {
    if (!IsWithinAny(path, kept)) {
      kept.push_back(std::move(path));
    }
  }
  return kept;
}

}  // namespace aegis::sandbox
