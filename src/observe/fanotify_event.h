#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace aegis::observe {

// A file by its handle, or a name in the directory that the handle means.
struct FanotifyName {
  std::string file_system;  // the bytes of its fsid
  std::string handle;       // the bytes of a file_handle
  std::string name;         // empty for an object

  std::string key() const { return file_system + handle; }
};

// One event of a group with FAN_REPORT_DFID_NAME_TARGET and FAN_REPORT_PIDFD.
struct FanotifyEvent {
  std::uint64_t mask = 0;
  pid_t pid = 0;
  int pidfd = -1;  // the receiver's; negative if the process had ended
  std::optional<FanotifyName> name{};
  std::optional<FanotifyName> from{};  // of FAN_RENAME
  std::optional<FanotifyName> to{};
  std::optional<FanotifyName> object{};

  bool directory() const;
};

// Takes the first event off `bytes`, as read(2) gave them.
// kCorrupt for what no kernel writes: a length that leads outside.
base::Result<FanotifyEvent> TakeFanotifyEvent(std::string_view& bytes);

// The handle of an open directory.
base::Result<FanotifyName> HandleOf(int directory);

// An O_PATH descriptor of what a handle means; -1 and errno if it is gone. `mount`: a descriptor on
// its file system that may be read.
int OpenHandle(int mount, const FanotifyName& name);

}  // namespace aegis::observe
