#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "sandbox/directory_stamp.h"

namespace aegis::sandbox {

enum class FileKind : std::uint8_t { kMissing, kDirectory, kFile, kSymlink, kOther };

struct DirectoryEntry {
  std::string name;
  FileKind kind = FileKind::kMissing;
};

enum class Listing : std::uint8_t {
  kWhole,
  kClosed,  // nothing is there for us: it is gone, or nobody of ours gets in
  kHidden,  // it can't be listed, but names in it may be known
};

// What planning asks about the host's files; a narrow interface, so that plans are tested as
// values. Paths are absolute bytes.
class HostView {
 public:
  HostView() = default;
  HostView(const HostView&) = delete;
  HostView& operator=(const HostView&) = delete;
  virtual ~HostView() = default;

  // The kind of a name, itself (a symlink is a symlink). What can't be looked at is kMissing.
  virtual FileKind KindOf(const std::string& path) const = 0;
  // The text of a symlink; empty if it is none.
  virtual std::string ReadLink(const std::string& path) const = 0;
  // Appends what a directory holds, without `.` and `..`.
  virtual Listing List(const std::string& path, std::vector<DirectoryEntry>& entries) const = 0;
  // The stamp of a directory, not of what a symlink leads to; nothing where no stamp tells whether
  // it has changed.
  virtual std::optional<DirectoryStamp> StampOf(const std::string& /*path*/) const { return {}; }
  // List, and the stamp that the listed directory had before.
  virtual Listing ListStamped(const std::string& path, std::vector<DirectoryEntry>& entries,
                              std::optional<DirectoryStamp>& stamp) const {
    stamp.reset();
    return List(path, entries);
  }
  // A shorter way to the answer of ResolvePath where no symlink is met.
  virtual base::PlainLookup LookUpPlainly(const std::string& /*path*/) const {
    return base::PlainLookup::kUnclear;
  }
};

// The real file system, with the caller's rights. One thread at a time.
class SystemHostView final : public HostView {
 public:
  FileKind KindOf(const std::string& path) const override;
  std::string ReadLink(const std::string& path) const override;
  Listing List(const std::string& path, std::vector<DirectoryEntry>& entries) const override;
  std::optional<DirectoryStamp> StampOf(const std::string& path) const override;
  Listing ListStamped(const std::string& path, std::vector<DirectoryEntry>& entries,
                      std::optional<DirectoryStamp>& stamp) const override;
  base::PlainLookup LookUpPlainly(const std::string& path) const override;

 private:
  std::optional<DirectoryStamp> StampOfOpen(int fd) const;

  mutable std::map<std::uint64_t, bool> stamped_;  // by device: its directories have stamps
};

// The path without symlinks, `.` and `..`; empty if it does not exist or loops.
std::string ResolvePath(const HostView& host, const std::string& path);

}  // namespace aegis::sandbox
