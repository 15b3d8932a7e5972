#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace aegis::gate {

// Tells when policy files may say something else than before: written, replaced by a rename, added
// to or taken from a directory, or reached by a link that leads elsewhere now. One thread.
class PolicyWatch {
 public:
  // `paths`: absolute; files, or directories of which all files count.
  static base::Result<PolicyWatch> Start(std::vector<std::string> paths);

  int fd() const { return inotify_.get(); }  // readable when there is something to take

  // Whether something happened since the last call. Never blocks.
  bool Take();

  // Somebody has begun to write one of the files and has not closed it yet, as far as events tell:
  // truncate(2) writes and closes nothing, and a file may be renamed away before it is closed.
  bool writing() const { return !writing_.empty(); }

  // Watches what the paths lead to now, and takes nobody for writing: for who knows of a change
  // that was not told, or does not wait any longer.
  void Renew();

 private:
  // What counts in a watched directory: some names, or all.
  struct Interest {
    std::set<std::string, std::less<>> names;
    bool all = false;
  };

  explicit PolicyWatch(base::UniqueFd inotify, std::vector<std::string> paths)
      : inotify_(std::move(inotify)), paths_(std::move(paths)) {}

  void Arm();
  void WatchName(const std::string& path);
  Interest* WatchDirectory(const std::string& directory, std::uint32_t events);
  void Follow(const std::string& path);
  bool TakeEvents(const std::string& bytes);

  base::UniqueFd inotify_;
  std::vector<std::string> paths_;
  std::map<int, Interest> interests_;  // by watch descriptor
  std::set<std::string> writing_;
};

}  // namespace aegis::gate
