#include <fcntl.h>
#include <poll.h>
#include <sys/fanotify.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "observe/directory_tree.h"
#include "observe/event.h"
#include "observe/explorer.h"
#include "observe/fanotify_event.h"
#include "observe/gap.h"
#include "observe/source.h"

namespace aegis::observe {
namespace {

using Id = DirectoryTree::Id;

constexpr std::uint64_t kMask =
    FAN_CREATE | FAN_DELETE | FAN_MODIFY | FAN_CLOSE_WRITE | FAN_ATTRIB | FAN_RENAME | FAN_ONDIR;
constexpr int kReadsAtOnce = 16;
constexpr std::size_t kMaxOutside = 65'536;

// An executable's name, if the process still lives and so is the one that the number means.
std::string ExecutableOf(const FanotifyEvent& event) {
  if (event.pidfd < 0) {
    return "";
  }
  std::array<char, PATH_MAX> path{};
  const ssize_t size =
      ::readlink(("/proc/" + std::to_string(event.pid) + "/exe").c_str(), path.data(), path.size());
  pollfd exited{.fd = event.pidfd, .events = POLLIN, .revents = 0};
  if (size <= 0 || ::poll(&exited, 1, 0) != 0) {
    return "";
  }
  return base::EscapeName({path.data(), static_cast<std::size_t>(size)});
}

class FanotifySource final : public EventSource {
 public:
  FanotifySource(base::UniqueFd fd, int root, SourceOptions options)
      : fd_(std::move(fd)),
        options_(std::move(options)),
        explorer_(root, options_, tree_,
                  [this](int directory, Id id) { return Watch(directory, id); }),
        own_pid_(::getpid()) {}

  std::string_view name() const override { return "fanotify"; }
  int fd() const override { return fd_.get(); }
  base::Result<> Read(Batch& batch, bool last) override;
  base::Result<> Start(int root, Batch& batch);

 private:
  // Where a directory of an event lies: its number, if it is in the tree, and its name there.
  struct Place {
    std::optional<Id> id{};
    std::string path{};  // absolute
    bool inside = false;
  };

  base::Result<> Watch(int directory, Id id);
  base::Result<> Mark(int directory, const std::string& file_system);
  void Map(const std::string& key, Id id);
  void Forget(const std::vector<Id>& ids);
  Place Find(const FanotifyName& name);
  std::optional<std::string> Open(const FanotifyName& name) const;
  bool Excluded(const std::string& path) const;
  void Handle(const FanotifyEvent& event, Batch& batch);
  void Entry(const FanotifyEvent& event, Event base, Batch& batch);
  void Rename(const FanotifyEvent& event, Event base, Batch& batch);
  void MoveDirectory(const FanotifyEvent& event, const Place& from, const Place& to, Batch& batch);

  base::UniqueFd fd_;
  SourceOptions options_;
  DirectoryTree tree_;
  Explorer explorer_;
  pid_t own_pid_;
  std::map<std::string, base::UniqueFd> marked_;  // a directory of each marked file system, by id
  std::unordered_map<std::string, Id> by_handle_;
  std::unordered_map<Id, std::string> handle_of_;
  // Directories that don't lie in ours. One that comes in is renamed, and mapped then.
  std::unordered_set<std::string> outside_;
};

base::Result<> FanotifySource::Mark(int directory, const std::string& file_system) {
  const std::string path = "/proc/self/fd/" + std::to_string(directory);
  const std::uint64_t mask =
      kMask | (options_.reads ? static_cast<std::uint64_t>(FAN_CLOSE_NOWRITE) : 0U);
  if (::fanotify_mark(fd_.get(), FAN_MARK_ADD | FAN_MARK_FILESYSTEM, mask, AT_FDCWD,
                      path.c_str()) != 0) {
    return base::FailErrno("mark the file system for fanotify");
  }
  base::UniqueFd opened(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened.valid()) {
    return base::FailErrno("open it");
  }
  marked_.emplace(file_system, std::move(opened));
  return {};
}

void FanotifySource::Map(const std::string& key, Id id) {
  if (const auto old = handle_of_.find(id); old != handle_of_.end()) {
    by_handle_.erase(old->second);
  }
  if (const auto known = by_handle_.find(key); known != by_handle_.end()) {
    handle_of_.erase(known->second);
  }
  by_handle_[key] = id;
  handle_of_[id] = key;
}

void FanotifySource::Forget(const std::vector<Id>& ids) {
  for (const Id id : ids) {
    if (const auto found = handle_of_.find(id); found != handle_of_.end()) {
      by_handle_.erase(found->second);
      handle_of_.erase(found);
    }
  }
}

base::Result<> FanotifySource::Watch(int directory, Id id) {
  AEGIS_ASSIGN(const FanotifyName name, HandleOf(directory));
  if (!marked_.contains(name.file_system)) {
    AEGIS_TRY(Mark(directory, name.file_system));
  }
  Map(name.key(), id);
  return {};
}

base::Result<> FanotifySource::Start(int root, Batch& batch) {
  AEGIS_TRY(Watch(root, DirectoryTree::kRoot));
  explorer_.ExploreAll(batch);
  return {};
}

std::optional<std::string> FanotifySource::Open(const FanotifyName& name) const {
  const auto mount = marked_.find(name.file_system);
  if (mount == marked_.end()) {
    return std::nullopt;
  }
  const base::UniqueFd directory(OpenHandle(mount->second.get(), name));
  if (!directory.valid()) {
    return std::nullopt;  // it is gone, and was none of those that we know
  }
  std::array<char, PATH_MAX> path{};
  const ssize_t size = ::readlink(("/proc/self/fd/" + std::to_string(directory.get())).c_str(),
                                  path.data(), path.size());
  if (size <= 0) {
    return std::nullopt;
  }
  return std::string(path.data(), static_cast<std::size_t>(size));
}

FanotifySource::Place FanotifySource::Find(const FanotifyName& name) {
  const std::string key = name.key();
  if (const auto known = by_handle_.find(key); known != by_handle_.end()) {
    return {.id = known->second, .path = explorer_.PathOf(known->second), .inside = true};
  }
  if (outside_.contains(key)) {
    return {};
  }
  const auto path = Open(name);
  const std::string below = options_.dir.ends_with('/') ? options_.dir : options_.dir + "/";
  if (path && (*path == options_.dir || path->starts_with(below))) {
    return {.id = std::nullopt, .path = *path, .inside = true};
  }
  if (outside_.size() >= kMaxOutside) {
    outside_.clear();
  }
  outside_.insert(key);
  return {.id = std::nullopt, .path = path.value_or(""), .inside = false};
}

bool FanotifySource::Excluded(const std::string& path) const {
  const std::size_t prefix =
      options_.dir.ends_with('/') ? options_.dir.size() : options_.dir.size() + 1;
  return path.size() > prefix &&
         options_.exclusion.CoversAnyOf(std::string_view(path).substr(prefix));
}

void FanotifySource::MoveDirectory(const FanotifyEvent& event, const Place& from, const Place& to,
                                   Batch& batch) {
  const auto moved = from.id ? tree_.Child(*from.id, event.from->name) : std::nullopt;
  if (moved && to.id && tree_.Has(*to.id)) {
    Forget(tree_.Move(*moved, *to.id, event.to->name));
  } else if (moved) {
    Forget(tree_.Remove(*moved));
  } else if (to.id && tree_.Has(*to.id)) {
    outside_.clear();
    explorer_.Explore(*to.id, event.to->name, Explorer::Report::kNothing, batch);
  }
}

void FanotifySource::Rename(const FanotifyEvent& event, Event base, Batch& batch) {
  Place from = Find(*event.from);
  Place to = Find(*event.to);
  base.kind = EventKind::kRename;
  base.path = from.path.empty() ? "" : JoinName(from.path, event.from->name);
  base.target = to.path.empty() ? "" : JoinName(to.path, event.to->name);
  from.inside = from.inside && !Excluded(base.path);
  to.inside = to.inside && !Excluded(base.target);
  if (!from.inside && !to.inside) {
    return;
  }
  if (!to.inside) {
    to.id.reset();
    base.target.clear();
  }
  if (!from.inside) {
    from.id.reset();
    base.path.clear();
  }
  if (event.directory()) {
    MoveDirectory(event, from, to, batch);
  }
  base.exe = ExecutableOf(event);
  batch.events.push_back(std::move(base));
}

void FanotifySource::Entry(const FanotifyEvent& event, Event base, Batch& batch) {
  const Place place = Find(*event.name);
  // A directory's own event, e.g. of the root, has "." for a name.
  const bool self = event.name->name == ".";
  base.path = self ? place.path : JoinName(place.path, event.name->name);
  if (!place.inside || Excluded(base.path)) {
    return;
  }
  if ((event.mask & FAN_CREATE) != 0 && event.directory() && place.id && event.object) {
    Map(event.object->key(), tree_.Add(*place.id, event.name->name));
  }
  base.exe = ExecutableOf(event);
  // Several in one: the kernel has merged them, and forgotten their order.
  struct Meaning {
    std::uint64_t bits;
    EventKind kind;
  };
  constexpr std::array<Meaning, 5> kMeanings = {{{FAN_CREATE, EventKind::kCreate},
                                                 {FAN_MODIFY | FAN_CLOSE_WRITE, EventKind::kModify},
                                                 {FAN_ATTRIB, EventKind::kMetadata},
                                                 {FAN_CLOSE_NOWRITE, EventKind::kRead},
                                                 {FAN_DELETE, EventKind::kDelete}}};
  for (const Meaning& meaning : kMeanings) {
    const bool listing = meaning.kind == EventKind::kRead && event.directory();
    if ((event.mask & meaning.bits) != 0 && !listing) {
      base.kind = meaning.kind;
      batch.events.push_back(base);
    }
  }
  if ((event.mask & FAN_DELETE) != 0 && event.directory() && place.id) {
    if (const auto child = tree_.Child(*place.id, event.name->name)) {
      Forget(tree_.Remove(*child));
    }
  }
}

void FanotifySource::Handle(const FanotifyEvent& event, Batch& batch) {
  if ((event.mask & FAN_Q_OVERFLOW) != 0) {
    batch.gaps.push_back({.kind = GapKind::kOverflow,
                          .name = {},
                          .detail = "events came faster than they were read (see "
                                    "fs.fanotify.max_queued_events); what changed is in the "
                                    "difference of the snapshots"});
    explorer_.ExploreAll(batch);
    return;
  }
  if (event.pid == own_pid_) {
    return;
  }
  Event base{.kind = EventKind::kModify, .directory = event.directory(), .path = {}};
  base.pid = event.pid;
  if ((event.mask & FAN_RENAME) != 0 && event.from && event.to) {
    Rename(event, std::move(base), batch);
  } else if (event.name) {
    Entry(event, std::move(base), batch);
  }
}

base::Result<> FanotifySource::Read(Batch& batch, bool /*last*/) {
  alignas(fanotify_event_metadata) std::array<char, std::size_t{1} << 16U> buffer;
  for (int i = 0; i < kReadsAtOnce; ++i) {
    const ssize_t got = ::read(fd_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0 && errno != EAGAIN) {
      return base::FailErrno("read events of fanotify");
    }
    if (got <= 0) {
      break;
    }
    std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
    while (!bytes.empty()) {
      AEGIS_ASSIGN(const FanotifyEvent event, TakeFanotifyEvent(bytes));
      const base::UniqueFd pidfd(event.pidfd);
      Handle(event, batch);
    }
  }
  return {};
}

}  // namespace

base::Result<std::unique_ptr<EventSource>> MakeFanotifySource(int root, SourceOptions options,
                                                              Batch& start) {
  base::UniqueFd fd(::fanotify_init(
      FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_DFID_NAME_TARGET | FAN_REPORT_PIDFD,
      O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    return base::FailErrno("start fanotify");
  }
  auto source = std::make_unique<FanotifySource>(std::move(fd), root, std::move(options));
  AEGIS_TRY(source->Start(root, start));
  return source;
}

base::Result<std::unique_ptr<EventSource>> ChooseSource(int root, const SourceOptions& options,
                                                        Batch& start) {
  Batch tried;
  auto source = MakeFanotifySource(root, options, tried);
  if (source || options.reads) {
    start = std::move(tried);
    return source ? std::move(source)
                  : base::Fail(std::move(source).error().Within("--reads needs fanotify"));
  }
  return MakeInotifySource(root, options, start);
}

}  // namespace aegis::observe
