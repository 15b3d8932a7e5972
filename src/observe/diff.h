#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "observe/snapshot.h"

namespace aegis::observe {

enum class ChangeKind : std::uint8_t {
  kCreated,
  kDeleted,
  kModified,
  kRenamed,
  kRevealed,  // there now; before, it was within a gap
  kHidden,    // there before; now it is within a gap
};
inline constexpr std::size_t kChangeKindCount = 6;

// "created", "deleted", ...
std::string_view ChangeKindName(ChangeKind kind);

// One name that differs between two snapshots.
struct Change {
  ChangeKind kind = ChangeKind::kCreated;
  std::string name;              // of kRenamed: the old one
  std::string target{};          // of kRenamed: the new one
  std::optional<Node> before{};  // what it led to, where known
  std::optional<Node> after{};
  std::vector<std::string_view> what{};  // "content", "mode", ...: of kModified and kRenamed
};

// What differs, ascending by name. Exact: a name is in it exactly if it leads to something else, or
// to something of other content, mode, owner or (not for directories) time of modification. A file
// that vanished under one name and stands under another, the same by inode and birth and with the
// same content, is renamed.
std::vector<Change> Diff(const Snapshot& before, const Snapshot& after);

}  // namespace aegis::observe
