#include "sandbox/host_view.h"

#include <linux/limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <string>

#include "base/file.h"

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

}  // namespace

FileKind SystemHostView::KindOf(const std::string& path) const {
  struct stat st{};
  if (::lstat(path.c_str(), &st) != 0) {
    return FileKind::kMissing;
  }
  switch (st.st_mode & S_IFMT) {
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

std::string SystemHostView::ReadLink(const std::string& path) const {
  std::array<char, PATH_MAX> text;
  const ssize_t length = ::readlink(path.c_str(), text.data(), text.size());
  return length <= 0 ? std::string() : std::string(text.data(), static_cast<std::size_t>(length));
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
