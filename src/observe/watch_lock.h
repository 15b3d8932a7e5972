#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"

namespace aegis::observe {

// Who watches, as the lock file of a configuration says. A process is known by its number together
// with the time of its start, since numbers come again.
struct WatchHolder {
  pid_t pid = 0;
  std::uint64_t started = 0;  // clock ticks since boot
  std::string session_id;
};

// The right to watch under one configuration: a flock on STATE_DIR/watch.lock. It ends with the
// process, however that dies, so that what the file says counts only while the lock is held.
class WatchLock {
 public:
  // kConflict, naming the holder, if another process has it.
  static base::Result<WatchLock> Take(const std::string& state_dir);

  // Says who holds it; until then a reader sees that it is being taken.
  base::Result<> Announce(const std::string& session_id) const;

 private:
  explicit WatchLock(base::UniqueFd fd) : fd_(std::move(fd)) {}

  base::UniqueFd fd_;
};

// A living process, known through its pidfd: signals reach it and no other.
struct RunningWatch {
  WatchHolder holder;
  base::UniqueFd pidfd;
};

// The process that holds the lock; nullopt if none does. kUnavailable if it says nothing of itself
// that is true, as in the moment in which it begins or ends.
base::Result<std::optional<RunningWatch>> FindWatch(const std::string& state_dir);

}  // namespace aegis::observe
