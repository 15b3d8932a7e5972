#include "sandbox/host_view.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/unique_fd.h"
#include "sandbox/directory_stamp.h"

namespace aegis::sandbox {
namespace {

constexpr int kMaxLinks = 40;

// Cuts the first component off `rest`; empty when there is none left.
std::string TakeComponent(std::string& rest) {
  const std::size_t start = rest.find_first_not_of('/');
  if (start == std::string::npos) {
    rest.clear();
    return {};
  }
  const std::size_t end = rest.find('/', start);
  std::string component = rest.substr(start, end == std::string::npos ? end : end - start);
  rest = end == std::string::npos ? std::string() : rest.substr(end);
  return component;
}

void DropLast(std::string& path) {
  const std::size_t slash = path.rfind('/');
  path.resize(slash == std::string::npos ? 0 : slash);
}

FileKind KindOfMode(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return FileKind::kDirectory;
    case S_IFREG:
      return FileKind::kFile;
    case S_IFLNK:
      return FileKind::kSymlink;
    default:
      return FileKind::kOther;
  }
}

// Of a directory that can't be opened. Who owns it may open it up.
Listing WhyNotListed(const std::string& path, int error) {
  struct stat st{};
  if (error == ENOENT || error == ENOTDIR || ::lstat(path.c_str(), &st) != 0) {
    return Listing::kClosed;
  }
  const bool ours = st.st_uid == ::geteuid();
  const bool entered = ::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0;
  return ours || entered ? Listing::kHidden : Listing::kClosed;
}

base::UniqueFd OpenToList(const std::string& path) {
  return base::UniqueFd(
      ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
}

Listing ListOpen(const SystemHostView& host, int fd, const std::string& path,
                 std::vector<DirectoryEntry>& entries) {
  alignas(dirent64) std::array<char, std::size_t{1} << 15U> buffer;
  ssize_t length = 0;
  while ((length = ::getdents64(fd, buffer.data(), buffer.size())) > 0) {
    for (ssize_t at = 0; at < length;) {
      const auto* const entry =
          reinterpret_cast<const dirent64*>(buffer.data() + at);  // NOLINT(*-reinterpret-cast)
      at += entry->d_reclen;
      const std::string_view name(entry->d_name);
      if (name != "." && name != "..") {
        // Some file systems don't tell.
        const FileKind kind = entry->d_type == DT_UNKNOWN ? host.KindOf(path + "/" + entry->d_name)
                                                          : KindOfMode(DTTOIF(entry->d_type));
        entries.push_back({std::string(name), kind});
      }
    }
  }
  return length == 0 ? Listing::kWhole : Listing::kHidden;
}

}  // namespace

FileKind SystemHostView::KindOf(const std::string& path) const {
  struct stat st{};
  return ::lstat(path.c_str(), &st) == 0 ? KindOfMode(st.st_mode) : FileKind::kMissing;
}

std::string SystemHostView::ReadLink(const std::string& path) const {
  std::array<char, PATH_MAX> text;
  const ssize_t length = ::readlink(path.c_str(), text.data(), text.size());
  return length <= 0 ? std::string() : std::string(text.data(), static_cast<std::size_t>(length));
}

Listing SystemHostView::List(const std::string& path, std::vector<DirectoryEntry>& entries) const {
  const base::UniqueFd fd = OpenToList(path);
  return fd.valid() ? ListOpen(*this, fd.get(), path, entries) : WhyNotListed(path, errno);
}

Listing SystemHostView::ListStamped(const std::string& path, std::vector<DirectoryEntry>& entries,
                                    std::optional<DirectoryStamp>& stamp) const {
  const base::UniqueFd fd = OpenToList(path);
  if (!fd.valid()) {
    stamp.reset();
    return WhyNotListed(path, errno);
  }
  stamp = StampOfOpen(fd.get());
  return ListOpen(*this, fd.get(), path, entries);
}

// Of a device that is met for the first time the file system is asked, by a descriptor: a name
// could mean another one by then.
std::optional<DirectoryStamp> SystemHostView::StampOf(const std::string& path) const {
  const auto stamp = StampByName(path);
  if (!stamp) {
    return {};
  }
  const auto known = stamped_.find(stamp->device);
  if (known != stamped_.end()) {
    return known->second ? stamp : std::nullopt;
  }
  const base::UniqueFd fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  return fd.valid() ? StampOfOpen(fd.get()) : std::nullopt;
}

std::optional<DirectoryStamp> SystemHostView::StampOfOpen(int fd) const {
  const auto stamp = StampByDescriptor(fd);
  if (!stamp) {
    return {};
  }
  const auto [known, added] = stamped_.try_emplace(stamp->device, false);
  if (added) {
    known->second = HasStamps(fd);
  }
  return known->second ? stamp : std::nullopt;
}

base::PlainLookup SystemHostView::LookUpPlainly(const std::string& path) const {
  return base::LookUpPlainly(path);
}

std::string ResolvePath(const HostView& host, const std::string& path) {
  switch (host.LookUpPlainly(path)) {
    case base::PlainLookup::kFound:
      return path;
    case base::PlainLookup::kMissing:
      return {};
    case base::PlainLookup::kUnclear:
      break;
  }
  std::string done;
  std::string rest = path;
  int links = 0;
  while (true) {
    const std::string component = TakeComponent(rest);
    if (component.empty()) {
      return done.empty() ? "/" : done;
    }
    if (component == ".") {
      continue;
    }
    if (component == "..") {
      DropLast(done);
      continue;
    }
    std::string next = done;
    next += '/';
    next += component;
    switch (host.KindOf(next)) {
      case FileKind::kMissing:
        return {};
      case FileKind::kSymlink: {
        const std::string text = host.ReadLink(next);
        if (text.empty() || ++links > kMaxLinks) {
          return {};
        }
        if (text.starts_with('/')) {
          done.clear();
        }
        rest.insert(0, text);
        break;
      }
      default:
        done = next;
    }
  }
}

}  // namespace aegis::sandbox
