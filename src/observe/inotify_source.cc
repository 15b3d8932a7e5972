#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "observe/directory_tree.h"
#include "observe/event.h"
#include "observe/explorer.h"
#include "observe/gap.h"
#include "observe/source.h"

namespace aegis::observe {
namespace {

using Id = DirectoryTree::Id;

constexpr std::uint32_t kMask = IN_CREATE | IN_DELETE | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB |
                                IN_MOVED_FROM | IN_MOVED_TO | IN_EXCL_UNLINK;
constexpr int kReadsAtOnce = 16;

// One directory entry's event as the kernel gives it.
struct Raw {
  std::uint32_t mask = 0;
  std::uint32_t cookie = 0;
  Id parent = DirectoryTree::kRoot;
  std::string_view name{};

  bool directory() const { return (mask & IN_ISDIR) != 0; }
};

// The first half of a renaming.
struct Left {
  std::uint32_t cookie = 0;
  Id parent = DirectoryTree::kRoot;
  std::string name;
  std::string path;
  bool directory = false;
  bool old = false;  // a whole read has passed since
};

class InotifySource final : public EventSource {
 public:
  InotifySource(base::UniqueFd fd, int root, SourceOptions options)
      : fd_(std::move(fd)),
        options_(std::move(options)),
        explorer_(root, options_, tree_,
                  [this](int directory, Id id) { return Watch(directory, id); }) {}

  std::string_view name() const override { return "inotify"; }
  int fd() const override { return fd_.get(); }
  base::Result<> Read(Batch& batch, bool last) override;
  void Start(Batch& batch) { explorer_.ExploreAll(batch); }

 private:
  base::Result<> Watch(int directory, Id id);
  void Drop(const std::vector<Id>& ids);
  void Forget(const std::vector<Id>& ids);
  void Take(std::string_view bytes, Batch& batch);
  void Handle(const inotify_event& event, std::string_view name, Batch& batch);
  void Entry(const Raw& raw, Batch& batch);
  void Arrive(const Raw& raw, Batch& batch);
  void GoneOutside(Left left, Batch& batch);

  base::UniqueFd fd_;
  SourceOptions options_;
  DirectoryTree tree_;
  Explorer explorer_;
  std::unordered_map<int, Id> by_watch_;
  std::unordered_map<Id, int> watch_of_;
  std::vector<Left> left_;
  bool limit_told_ = false;
};

// The directory is named through its descriptor, so that it is the one that was opened.
base::Result<> InotifySource::Watch(int directory, Id id) {
  const std::string path = "/proc/self/fd/" + std::to_string(directory);
  const int watch = ::inotify_add_watch(fd_.get(), path.c_str(), kMask | IN_ONLYDIR);
  if (watch < 0 && errno == ENOSPC) {
    if (std::exchange(limit_told_, true)) {
      return {};  // the first one speaks for all
    }
    return base::Fail(base::Errc::kExhausted,
                      "the kernel grants no more watches, here and in other directories (raise "
                      "fs.inotify.max_user_watches)");
  }
  if (watch < 0) {
    return base::FailErrno("watch it");
  }
  if (const auto known = by_watch_.find(watch); known != by_watch_.end() && known->second != id) {
    // The same directory under another name, whose renaming we have not been told of yet.
    const Id stale = known->second;
    watch_of_.erase(stale);
    by_watch_.erase(known);
    if (stale != DirectoryTree::kRoot && tree_.Has(stale)) {
      Drop(tree_.Remove(stale));
    }
  }
  by_watch_[watch] = id;
  watch_of_[id] = watch;
  return {};
}

// Directories that are found again elsewhere: their watches stay.
void InotifySource::Drop(const std::vector<Id>& ids) {
  for (const Id id : ids) {
    if (const auto found = watch_of_.find(id); found != watch_of_.end()) {
      by_watch_.erase(found->second);
      watch_of_.erase(found);
    }
  }
}

// Directories that are no longer ours.
void InotifySource::Forget(const std::vector<Id>& ids) {
  for (const Id id : ids) {
    if (const auto found = watch_of_.find(id); found != watch_of_.end()) {
      ::inotify_rm_watch(fd_.get(), found->second);
    }
  }
  Drop(ids);
}

void InotifySource::GoneOutside(Left left, Batch& batch) {
  if (const auto child = tree_.Child(left.parent, left.name)) {
    Forget(tree_.Remove(*child));
  }
  batch.events.push_back(
      {.kind = EventKind::kRename, .directory = left.directory, .path = std::move(left.path)});
}

void InotifySource::Arrive(const Raw& raw, Batch& batch) {
  Event event{.kind = EventKind::kRename,
              .directory = raw.directory(),
              .path = {},
              .target = explorer_.PathOf(raw.parent, raw.name)};
  const auto left = std::ranges::find(left_, raw.cookie, &Left::cookie);
  std::optional<Id> moved;
  if (left != left_.end()) {
    event.path = left->path;
    moved = tree_.Child(left->parent, left->name);
    left_.erase(left);
  }
  batch.events.push_back(std::move(event));
  if (!raw.directory() || !tree_.Has(raw.parent)) {
    return;
  }
  if (moved) {
    Forget(tree_.Move(*moved, raw.parent, raw.name));
  } else {
    explorer_.Explore(raw.parent, raw.name, Explorer::Report::kNothing, batch);
  }
}

void InotifySource::Entry(const Raw& raw, Batch& batch) {
  const auto add = [&](EventKind kind) {
    batch.events.push_back({.kind = kind,
                            .directory = raw.directory(),
                            .path = explorer_.PathOf(raw.parent, raw.name)});
  };
  if ((raw.mask & IN_CREATE) != 0) {
    add(EventKind::kCreate);
    if (raw.directory()) {
      explorer_.Explore(raw.parent, raw.name, Explorer::Report::kFound, batch);
    }
  }
  if ((raw.mask & (IN_MODIFY | IN_CLOSE_WRITE)) != 0) {
    add(EventKind::kModify);
  }
  if ((raw.mask & IN_ATTRIB) != 0) {
    add(EventKind::kMetadata);
  }
  if ((raw.mask & IN_MOVED_FROM) != 0) {
    left_.push_back({.cookie = raw.cookie,
                     .parent = raw.parent,
                     .name = std::string(raw.name),
                     .path = explorer_.PathOf(raw.parent, raw.name),
                     .directory = raw.directory()});
  }
  if ((raw.mask & IN_MOVED_TO) != 0) {
    Arrive(raw, batch);
  }
  if ((raw.mask & IN_DELETE) != 0) {
    add(EventKind::kDelete);
    if (const auto child = tree_.Child(raw.parent, raw.name); child && raw.directory()) {
      Forget(tree_.Remove(*child));
    }
  }
}

void InotifySource::Handle(const inotify_event& event, std::string_view name, Batch& batch) {
  if ((event.mask & IN_Q_OVERFLOW) != 0) {
    batch.gaps.push_back({.kind = GapKind::kOverflow,
                          .name = {},
                          .detail = "events came faster than they were read (see "
                                    "fs.inotify.max_queued_events); what changed is in the "
                                    "difference of the snapshots"});
    explorer_.ExploreAll(batch);
    return;
  }
  const auto known = by_watch_.find(event.wd);
  if (known == by_watch_.end()) {
    return;
  }
  if ((event.mask & IN_IGNORED) != 0) {
    watch_of_.erase(known->second);
    by_watch_.erase(known);
    return;
  }
  const Id id = known->second;
  if (name.empty()) {
    // A directory's own event comes to its parent as well; the root's parent is not watched.
    if (id == DirectoryTree::kRoot && (event.mask & IN_ATTRIB) != 0) {
      batch.events.push_back(
          {.kind = EventKind::kMetadata, .directory = true, .path = options_.dir});
    }
    return;
  }
  if (!options_.exclusion.Covers(JoinName(tree_.Name(id), name))) {
    Entry({.mask = event.mask, .cookie = event.cookie, .parent = id, .name = name}, batch);
  }
}

void InotifySource::Take(std::string_view bytes, Batch& batch) {
  while (bytes.size() >= sizeof(inotify_event)) {
    inotify_event event{};
    std::memcpy(&event, bytes.data(), sizeof(event));
    const std::string_view padded = bytes.substr(sizeof(event), event.len);
    Handle(event, padded.substr(0, padded.find('\0')), batch);
    bytes.remove_prefix(sizeof(event) + event.len);
  }
}

base::Result<> InotifySource::Read(Batch& batch, bool last) {
  for (Left& left : left_) {
    left.old = true;
  }
  alignas(inotify_event) std::array<char, std::size_t{1} << 16U> buffer;
  for (int i = 0; i < kReadsAtOnce; ++i) {
    const ssize_t got = ::read(fd_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0 && errno != EAGAIN) {
      return base::FailErrno("read events of inotify");
    }
    if (got <= 0) {
      break;
    }
    Take({buffer.data(), static_cast<std::size_t>(got)}, batch);
  }
  for (Left& left : left_) {
    if (left.old || last) {
      GoneOutside(left, batch);
    }
  }
  std::erase_if(left_, [last](const Left& left) { return left.old || last; });
  return {};
}

}  // namespace

base::Result<std::unique_ptr<EventSource>> MakeInotifySource(int root, SourceOptions options,
                                                             Batch& start) {
  if (options.reads) {
    return base::Fail(base::Errc::kUnsupported,
                      "--reads needs fanotify, which needs CAP_SYS_ADMIN and a file system that "
                      "supports it");
  }
  base::UniqueFd fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!fd.valid()) {
    return base::FailErrno("start inotify (see fs.inotify.max_user_instances)");
  }
  auto source = std::make_unique<InotifySource>(std::move(fd), root, std::move(options));
  source->Start(start);
  return source;
}

}  // namespace aegis::observe
