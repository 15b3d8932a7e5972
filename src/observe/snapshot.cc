#include "observe/snapshot.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"
#include "canon/canon.h"
#include "observe/exclusion.h"
#include "observe/gap.h"
#include "observe/names.h"

namespace aegis::observe {
namespace {

constexpr std::int64_t kNanoseconds = 1'000'000'000;
constexpr std::uint32_t kModeBits = 07777;

struct Looked {
  Node node;
  std::uint64_t mount = 0;
};

NodeType TypeOf(std::uint32_t mode) {
  switch (mode & static_cast<std::uint32_t>(S_IFMT)) {
    case S_IFREG:
      return NodeType::kFile;
    case S_IFDIR:
      return NodeType::kDirectory;
    case S_IFLNK:
      return NodeType::kSymlink;
    case S_IFIFO:
      return NodeType::kFifo;
    case S_IFSOCK:
      return NodeType::kSocket;
    default:
      return NodeType::kDevice;
  }
}

std::int64_t Nanoseconds(const struct statx_timestamp& time) {
  return (time.tv_sec * kNanoseconds) + static_cast<std::int64_t>(time.tv_nsec);
}

base::Result<Looked> Look(int fd) {
  struct statx status{};
  if (::statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT,
              STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID, &status) != 0) {
    return base::FailErrno("stat");
  }
  Looked looked;
  Node& node = looked.node;
  node.type = TypeOf(status.stx_mode);
  node.mode = status.stx_mode & kModeBits;
  node.uid = status.stx_uid;
  node.gid = status.stx_gid;
  node.size = node.type == NodeType::kDirectory ? 0 : status.stx_size;
  node.device = ::makedev(status.stx_dev_major, status.stx_dev_minor);
  node.inode = status.stx_ino;
  node.mtime_ns = Nanoseconds(status.stx_mtime);
  node.ctime_ns = Nanoseconds(status.stx_ctime);
  node.born_ns = (status.stx_mask & STATX_BTIME) != 0 ? Nanoseconds(status.stx_btime) : 0;
  looked.mount = status.stx_mnt_id;
  return looked;
}

bool HeldStill(const Node& before, const Node& after) {
  return before.size == after.size && before.mtime_ns == after.mtime_ns &&
         before.ctime_ns == after.ctime_ns;
}

class Walker {
 public:
  Walker(const Exclusion& exclusion, const SnapshotOptions& options)
      : exclusion_(exclusion), options_(options) {}

  Snapshot Walk(int root);

 private:
  void Directory(int fd, std::size_t depth);
  void Name(int parent, std::size_t depth);
  void Below(int fd, std::uint64_t mount, std::size_t depth);
  void File(int fd, Node& node);
  std::optional<canon::Sha256> Content(int fd, std::uint64_t size);
  std::optional<canon::Sha256> Target(int fd);
  void Missing(GapKind kind, std::string detail, bool hides);

  const Exclusion& exclusion_;
  const SnapshotOptions& options_;
  Snapshot snapshot_;
  std::string path_;  // the name that is looked at
  std::uint64_t mount_ = 0;
  bool full_ = false;
  canon::Sha256Hasher hasher_;
  std::string buffer_ = std::string(std::size_t{1} << 16U, '\0');
};

void Walker::Missing(GapKind kind, std::string detail, bool hides) {
  snapshot_.gaps.Add({.kind = kind, .name = path_, .detail = std::move(detail), .hides = hides});
}

std::optional<canon::Sha256> Walker::Target(int fd) {
  std::array<char, PATH_MAX> target{};
  const ssize_t size = ::readlinkat(fd, "", target.data(), target.size());
  if (size < 0) {
    return std::nullopt;
  }
  return hasher_.Hash({target.data(), static_cast<std::size_t>(size)});
}

std::optional<canon::Sha256> Walker::Content(int fd, std::uint64_t size) {
  hasher_.Begin();
  std::uint64_t done = 0;
  while (done <= size) {  // a file that grows is not followed
    const ssize_t got = ::read(fd, buffer_.data(), buffer_.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      return got == 0 ? std::optional(hasher_.Finish()) : std::nullopt;
    }
    hasher_.Update(std::string_view(buffer_).substr(0, static_cast<std::size_t>(got)));
    done += static_cast<std::uint64_t>(got);
  }
  return hasher_.Finish();
}

// `fd` is an O_PATH descriptor of a regular file: what is opened through it can be nothing else.
void Walker::File(int fd, Node& node) {
  constexpr int kAttempts = 3;
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (node.size > options_.hash_limit) {
      return;
    }
    const base::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    const int failure = errno;
    const auto digest = file.valid() ? Content(file.get(), node.size) : std::nullopt;
    if (!digest) {
      Missing(GapKind::kUnreadable, base::Error::FromErrno("read it", failure).message(), false);
      return;
    }
    const auto after = Look(fd);
    if (after && HeldStill(node, after->node)) {
      node.digest = digest;
      return;
    }
    node = after ? after->node : node;
  }
  Missing(GapKind::kUnsteady, "it changed each time while it was read", false);
}

void Walker::Below(int fd, std::uint64_t mount, std::size_t depth) {
  if (mount != mount_ && !options_.across_mounts) {
    Missing(GapKind::kMount, "another file system is mounted here", true);
    return;
  }
  if (depth >= options_.max_depth) {
    Missing(GapKind::kBound, "deeper than " + std::to_string(options_.max_depth) + " directories",
            true);
    return;
  }
  Directory(fd, depth + 1);
}

void Walker::Name(int parent, std::size_t depth) {
  if (snapshot_.names.size() >= options_.max_names) {
    if (!std::exchange(full_, true)) {
      snapshot_.gaps.Add({.kind = GapKind::kBound,
                          .name = {},
                          .detail = "more than " + std::to_string(options_.max_names) + " names",
                          .hides = true});
    }
    return;
  }
  const std::string name = path_.substr(path_.rfind('/') + 1);
  const base::UniqueFd fd(::openat(parent, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  const auto looked = fd.valid() ? Look(fd.get()) : base::FailErrno("look at it");
  if (!looked) {
    if (looked.error().sys_errno() != ENOENT) {  // gone since it was listed
      Missing(GapKind::kUnreadable, looked.error().message(), true);
    }
    return;
  }
  const std::size_t index = snapshot_.names.size();
  snapshot_.names.push_back({.name = path_, .node = looked->node});
  if (looked->node.type == NodeType::kFile) {
    File(fd.get(), snapshot_.names[index].node);
  } else if (looked->node.type == NodeType::kSymlink) {
    snapshot_.names[index].node.digest = Target(fd.get());
  } else if (looked->node.type == NodeType::kDirectory) {
    Below(fd.get(), looked->mount, depth);
  }
}

// The depth is bounded: NOLINTNEXTLINE(misc-no-recursion)
void Walker::Directory(int fd, std::size_t depth) {
  auto names = ListNames(fd);
  if (!names) {
    Missing(GapKind::kUnreadable, names.error().message(), true);
    return;
  }
  const std::size_t length = path_.size();
  for (const std::string& name : *names) {
    path_.resize(length);
    path_.append(length == 0 ? "" : "/").append(name);
    if (!exclusion_.Covers(path_)) {
      Name(fd, depth);
    }
  }
  path_.resize(length);
}

Snapshot Walker::Walk(int root) {
  const auto looked = Look(root);
  mount_ = looked ? looked->mount : 0;
  Below(root, mount_, 0);
  std::ranges::sort(snapshot_.names, {}, &Named::name);
  return std::move(snapshot_);
}

void AppendNumber(std::string& out, std::uint64_t number) {
  out += std::to_string(number);
  out += ' ';
}

}  // namespace

std::string_view NodeTypeName(NodeType type) {
  switch (type) {
    case NodeType::kFile:
      return "file";
    case NodeType::kDirectory:
      return "directory";
    case NodeType::kSymlink:
      return "symlink";
    case NodeType::kFifo:
      return "fifo";
    case NodeType::kSocket:
      return "socket";
    case NodeType::kDevice:
      break;
  }
  return "device";
}

Snapshot TakeSnapshot(int root, const Exclusion& exclusion, const SnapshotOptions& options) {
  return Walker(exclusion, options).Walk(root);
}

canon::Sha256 RootDigest(const Snapshot& snapshot) {
  canon::Sha256Hasher hasher;
  hasher.Begin();
  std::string line;
  for (const Named& named : snapshot.names) {
    line.assign(NodeTypeName(named.node.type)).append(" ");
    AppendNumber(line, named.node.mode);
    AppendNumber(line, named.node.size);
    line += named.node.digest ? canon::HexEncode(named.node.digest->view()) : "-";
    line.append(" ").append(named.name);
    line += '\0';
    hasher.Update(line);
  }
  return hasher.Finish();
}

}  // namespace aegis::observe
