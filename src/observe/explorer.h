#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "observe/directory_tree.h"
#include "observe/event.h"
#include "observe/source.h"

namespace aegis::observe {

// Walks directories that a source has to learn of, and enters them in its tree.
class Explorer {
 public:
  // Called with an O_PATH descriptor of each directory, before its names are listed: what comes
  // into it after the listing is then seen by the source. An error is a gap.
  using Watch = std::function<base::Result<>(int directory, DirectoryTree::Id id)>;

  enum class Report : bool {
    kNothing,  // what is found was there before
    kFound,    // it came unseen: an event of creation each
  };

  Explorer(int root, const SourceOptions& options, DirectoryTree& tree, Watch watch)
      : root_(root), options_(options), tree_(tree), watch_(std::move(watch)) {}

  // The whole tree.
  void ExploreAll(Batch& batch);
  // The directory `name` in `parent`, with all below. Nothing if it is gone, or no directory.
  void Explore(DirectoryTree::Id parent, std::string_view name, Report report, Batch& batch);

  // The absolute name of a directory of the tree, and of a name in it.
  std::string PathOf(DirectoryTree::Id id) const;
  std::string PathOf(DirectoryTree::Id parent, std::string_view name) const;

 private:
  base::UniqueFd OpenDirectory(int parent, const std::string& name) const;
  void Enter(int directory, DirectoryTree::Id id, Report report, std::size_t depth, Batch& batch);

  int root_;
  const SourceOptions& options_;
  DirectoryTree& tree_;
  Watch watch_;
};

}  // namespace aegis::observe
