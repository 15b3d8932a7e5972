#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>

#include "policy/random_policies.h"
#include "sandbox/host_view.h"
#include "sandbox/paths.h"

namespace aegis::gate {

// Paths of few names, some of which groups of policies take, so that many meet.
inline std::string RandomPath(policy::RandomWorld& world) {
  constexpr std::string_view kParts[] = {"a", "b", "c", ".env", ".env.x", "other", "cc"};
  std::string path;
  for (std::size_t depth = 1 + world.Below(5); depth > 0; --depth) {
    path += '/';
    path += kParts[world.Below(std::size(kParts))];
  }
  return path;
}

// Nothing has the path, and no part above its last component is anything but a directory.
inline bool IsFree(const sandbox::HostView& host, const std::string& path) {
  using sandbox::FileKind;
  return host.KindOf(path) == FileKind::kMissing &&
         std::ranges::none_of(sandbox::PrefixesOf(sandbox::ParentOf(path)),
                              [&host](const std::string& prefix) {
                                const FileKind kind = host.KindOf(prefix);
                                return kind != FileKind::kMissing && kind != FileKind::kDirectory;
                              });
}

}  // namespace aegis::gate
