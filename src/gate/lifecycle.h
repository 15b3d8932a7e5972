#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "gate/executions.h"
#include "gate/judge.h"
#include "gate/process_table.h"
#include "gate/resolver.h"
#include "gate/roots.h"

namespace aegis::gate {

// The processes of the agent from their first to their last moment, as the tracer sees them: each
// is recorded when it is made, when it has another image, and when it ends. Ids are the host's.
// Used while the receive loop stands still.
class Lifecycle {
 public:
  struct Services {
    Judge& judge;
    ProcessTable& processes;
    Executions& executions;
    Resolver& resolver;
  };

  explicit Lifecycle(const Services& services) : services_(services) {}

  // The command, before it executes.
  void Begin(pid_t command) {
    processes_[command] = Known{.parent = 0, .image = {}, .begun = false};
  }

  // `parent` has made `child`, or has it now that its maker is dead; `child` has not run yet.
  // False: it can't be recorded and must not run.
  bool Started(pid_t child, pid_t parent);

  // An execve of the thread `caller` has succeeded; the instruction at `start` is next. False: the
  // image is not what was judged, or can't be recorded, and must not run.
  bool Executed(pid_t pid, pid_t caller, std::uint64_t start);

  // The thread `tid` of process `pid` is dead. `status` as from wait(2).
  void Ended(pid_t tid, pid_t pid, int status);

 private:
  struct Known {
    pid_t parent = 0;   // 0: of the command
    std::string image;  // escaped
    bool begun = true;  // false: the command, before its execve
  };

  bool IsAsJudged(const Process& process, const Execution* judged, const Resolved& image);
  bool AskAboutLoader(const Process& process, const Resolved& image, std::uint64_t start);
  std::string ImageOf(pid_t child, pid_t parent) const;
  bool NoteExecuted(pid_t pid, const Known& before, std::string_view image,
                    std::string_view program);

  Services services_;
  std::unordered_map<pid_t, Known> processes_;
  std::string payload_;  // scratch
};

}  // namespace aegis::gate
