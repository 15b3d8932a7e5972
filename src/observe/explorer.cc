#include "observe/explorer.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"
#include "observe/directory_tree.h"
#include "observe/event.h"
#include "observe/gap.h"
#include "observe/names.h"

namespace aegis::observe {
namespace {

constexpr std::size_t kMaxDepth = 256;  // as a snapshot's, which tells of what lies deeper

// A limit of the kernel says itself what it is.
Gap GapOf(std::string name, const base::Error& error) {
  const bool limit = error.code() == base::Errc::kExhausted;
  return {.kind = limit ? GapKind::kWatchLimit : GapKind::kUnreadable,
          .name = std::move(name),
          .detail = error.message()};
}

}  // namespace

base::UniqueFd Explorer::OpenDirectory(int parent, const std::string& name) const {
  open_how how{};
  how.flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
                (options_.across_mounts ? 0U : static_cast<unsigned>(RESOLVE_NO_XDEV));
  return base::UniqueFd(
      static_cast<int>(::syscall(SYS_openat2, parent, name.c_str(), &how, sizeof(how))));
}

std::string Explorer::PathOf(DirectoryTree::Id id) const {
  const std::string name = tree_.Name(id);
  return name.empty() ? options_.dir : JoinName(options_.dir, name);
}

std::string Explorer::PathOf(DirectoryTree::Id parent, std::string_view name) const {
  return JoinName(PathOf(parent), name);
}

void Explorer::ExploreAll(Batch& batch) {
  Enter(root_, DirectoryTree::kRoot, Report::kNothing, 0, batch);
}

void Explorer::Explore(DirectoryTree::Id parent, std::string_view name, Report report,
                       Batch& batch) {
  if (!tree_.Has(parent)) {
    return;
  }
  const std::string path = JoinName(tree_.Name(parent), name);
  const base::UniqueFd directory = OpenDirectory(root_, path);
  if (directory.valid()) {
    Enter(directory.get(), tree_.Add(parent, name), report, 0, batch);
  } else if (errno == EACCES || errno == ENAMETOOLONG) {
    batch.gaps.push_back(GapOf(path, base::Error::FromErrno("watch it")));
  }
}

// The depth is bounded: NOLINTNEXTLINE(misc-no-recursion)
void Explorer::Enter(int directory, DirectoryTree::Id id, Report report, std::size_t depth,
                     Batch& batch) {
  const auto watched = watch_(directory, id);
  auto names = watched ? ListNames(directory) : base::Fail(watched.error());
  if (!names) {
    batch.gaps.push_back(GapOf(tree_.Name(id), names.error()));
    return;
  }
  const std::string own_name = tree_.Name(id);
  for (const std::string& name : *names) {
    if (!tree_.Has(id)) {
      return;  // it was met again under another name
    }
    const std::string path = JoinName(own_name, name);
    if (options_.exclusion.Covers(path)) {
      continue;
    }
    const base::UniqueFd child = OpenDirectory(directory, name);
    if (report == Report::kFound) {
      batch.events.push_back({.kind = EventKind::kCreate,
                              .directory = child.valid(),
                              .path = JoinName(options_.dir, path)});
    }
    if (child.valid() && depth < kMaxDepth) {
      Enter(child.get(), tree_.Add(id, name), report, depth + 1, batch);
    }
  }
}

}  // namespace aegis::observe
