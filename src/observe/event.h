#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "observe/gap.h"

namespace aegis::observe {

enum class EventKind : std::uint8_t { kCreate, kModify, kMetadata, kDelete, kRename, kRead };

// What somebody did to a name. It has happened: nothing can be refused any more.
struct Event {
  EventKind kind = EventKind::kModify;
  bool directory = false;
  std::string path;      // absolute bytes; of kRename the old name, empty if it came from outside
  std::string target{};  // of kRename the new name, empty if it went outside
  pid_t pid = 0;         // who did it; 0 where the kernel doesn't tell
  std::string exe{};     // escaped; empty where it can't be told
};

// What a source has to say since it was asked last.
struct Batch {
  std::vector<Event> events;
  std::vector<Gap> gaps;
};

}  // namespace aegis::observe
