#include "gate/policy_watch.h"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "gate/policy_places.h"

namespace aegis::gate {

namespace {

// IN_OPEN and reads are none of our business; IN_ATTRIB tells of rights given and taken.
constexpr std::uint32_t kNameEvents = IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE |
                                      IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_MASK_ADD;
constexpr std::uint32_t kFileEvents = kNameEvents | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB;

bool IsLink(const std::string& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
}

bool IsDirectory(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

std::vector<std::string> LinksIn(const std::string& directory) {
  std::vector<std::string> links;
  std::error_code error;
  std::filesystem::directory_iterator entries(directory, error);
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    std::string path = entries->path().string();
    if (IsPolicyName(entries->path().filename().string()) && IsLink(path)) {
      links.push_back(std::move(path));
    }
  }
  return links;
}

}  // namespace

base::Result<PolicyWatch> PolicyWatch::Start(std::vector<std::string> paths) {
  base::UniqueFd inotify(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify.valid()) {
    return base::FailErrno("watch the policies");
  }
  PolicyWatch watch(std::move(inotify), std::move(paths));
  watch.Arm();
  return watch;
}

// What can't be watched now (it is missing) is when its name comes to be.
void PolicyWatch::Arm() {
  interests_.clear();
  for (const std::string& path : paths_) {
    Follow(path);
    if (!IsDirectory(path)) {
      continue;
    }
    if (Interest* const interest = WatchDirectory(path, kFileEvents)) {
      interest->all = true;
    }
    for (const std::string& link : LinksIn(path)) {
      Follow(link);
    }
  }
}

// The name, every link on the way to it, and where it leads.
void PolicyWatch::Follow(const std::string& path) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    if (const std::string prefix = path.substr(0, slash); IsLink(prefix)) {
      WatchName(prefix);
    }
  }
  WatchName(path);
  if (const auto target = base::CanonicalPath(path); target && *target != path) {
    WatchName(*target);
  }
}

// Of a directory only the name counts here: the one above it may be written all the time, like that
// of a ledger.
void PolicyWatch::WatchName(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::uint32_t events = IsDirectory(path) ? kNameEvents : kFileEvents;
  if (Interest* const interest = WatchDirectory(path.substr(0, slash + 1), events)) {
    interest->names.insert(path.substr(slash + 1));
  }
}

PolicyWatch::Interest* PolicyWatch::WatchDirectory(const std::string& directory,
                                                   std::uint32_t events) {
  const int watch = ::inotify_add_watch(inotify_.get(), directory.c_str(), events);
  return watch < 0 ? nullptr : &interests_[watch];
}

void PolicyWatch::Renew() {
  writing_.clear();
  Arm();
}

bool PolicyWatch::Take() {
  bool happened = false;
  alignas(inotify_event) std::array<char, 4096> bytes;
  while (true) {
    const ssize_t got = ::read(inotify_.get(), bytes.data(), bytes.size());
    if (got <= 0) {
      break;
    }
    happened |= TakeEvents(std::string(bytes.data(), static_cast<std::size_t>(got)));
  }
  if (happened) {
    Arm();  // what is watched may have been replaced
  }
  return happened;
}

bool PolicyWatch::TakeEvents(const std::string& bytes) {
  bool happened = false;
  for (std::size_t at = 0; at + sizeof(inotify_event) <= bytes.size();) {
    inotify_event event{};
    std::memcpy(&event, bytes.data() + at, sizeof(event));
    const std::string name(bytes.data() + at + sizeof(event));  // ends with a zero, if it is there
    at += sizeof(event) + event.len;
    const auto interest = interests_.find(event.wd);
    const bool self = (event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_Q_OVERFLOW)) != 0;
    const bool counts =
        self ||
        (interest != interests_.end() && event.len > 0 &&
         (interest->second.names.contains(name) || (interest->second.all && IsPolicyName(name))));
    if (!counts) {
      continue;
    }
    happened = true;
    const std::string file = std::to_string(event.wd) + "/" + name;
    if (self) {
      writing_.clear();
    } else if ((event.mask & IN_MODIFY) != 0) {
      writing_.insert(file);
    } else if ((event.mask & IN_ATTRIB) == 0) {
      writing_.erase(file);
    }
  }
  return happened;
}

}  // namespace aegis::gate
