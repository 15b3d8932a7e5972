#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "observe/event.h"
#include "observe/exclusion.h"

namespace aegis::observe {

struct SourceOptions {
  std::string dir;  // canonical
  Exclusion exclusion;
  bool reads = false;
  bool across_mounts = false;
};

// Where events of a directory tree come from. One thread. What happened since it was made is never
// silently lost: what the kernel dropped, or could not be asked for, is a gap.
class EventSource {
 public:
  EventSource() = default;
  EventSource(const EventSource&) = delete;
  EventSource& operator=(const EventSource&) = delete;
  virtual ~EventSource() = default;

  virtual std::string_view name() const = 0;  // "fanotify", "inotify"
  virtual int fd() const = 0;                 // readable when there is something

  // Adds what happened, without waiting. Half of a renaming whose other half has not come yet is
  // held back to the next call, unless this is the last one. An error: it is broken.
  virtual base::Result<> Read(Batch& batch, bool last) = 0;
};

// `root` is an O_PATH descriptor of options.dir and must outlive the source. `start` receives what
// can't be watched from the beginning.

// Marks the file system: knows who acts, and needs CAP_SYS_ADMIN; kDenied without. kUnsupported if
// the file system can't be marked.
base::Result<std::unique_ptr<EventSource>> MakeFanotifySource(int root, SourceOptions options,
                                                              Batch& start);
// Watches each directory: for anybody. kUnsupported with `reads`: who reads what it doesn't tell.
base::Result<std::unique_ptr<EventSource>> MakeInotifySource(int root, SourceOptions options,
                                                             Batch& start);
// Fanotify where it can be had, else inotify.
base::Result<std::unique_ptr<EventSource>> ChooseSource(int root, const SourceOptions& options,
                                                        Batch& start);

}  // namespace aegis::observe
