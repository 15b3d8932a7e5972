#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "observe/exclusion.h"
#include "observe/gap.h"

namespace aegis::observe {

enum class NodeType : std::uint8_t { kFile, kDirectory, kSymlink, kFifo, kSocket, kDevice };

// "file", "directory", ...
std::string_view NodeTypeName(NodeType type);

// What a name led to when it was looked at.
struct Node {
  NodeType type = NodeType::kFile;
  std::uint32_t mode = 0;  // permission bits, with set-id and sticky bits
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t size = 0;  // 0 for a directory, whose size says nothing
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t mtime_ns = 0;
  std::int64_t ctime_ns = 0;
  std::int64_t born_ns = 0;  // 0 where the file system doesn't tell
  // Of a file's content or a link's target; none where it could not be read or is too large.
  std::optional<canon::Sha256> digest{};
};

// A name below the directory, as bytes without a slash in front.
struct Named {
  std::string name;
  Node node;
};

struct SnapshotOptions {
  std::uint64_t hash_limit = std::uint64_t{64} << 20U;  // larger files have no digest
  std::size_t max_depth = 256;
  std::size_t max_names = 4'000'000;
  bool across_mounts = false;
};

// All names below a directory at about one moment: what changes while it is taken may be seen
// before or after its change, or, if it does not hold still, is a gap.
struct Snapshot {
  std::vector<Named> names;  // ascending by bytes
  GapList gaps;              // what could not be looked at
};

// Walks the tree below `root`, a descriptor of a directory. Follows no symlink and never leaves the
// tree; opens nothing but regular files and directories. What can't be read is a gap, never an
// error.
Snapshot TakeSnapshot(int root, const Exclusion& exclusion, const SnapshotOptions& options = {});

// One digest over all names with type, mode, size and digest: docs/ledger-format.md says how. Times
// and inodes don't count, so that equal trees have equal digests.
canon::Sha256 RootDigest(const Snapshot& snapshot);

}  // namespace aegis::observe
