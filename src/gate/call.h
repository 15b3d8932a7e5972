#pragma once

#include <linux/seccomp.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

// What every handler works with.
// IWYU pragma: begin_exports
#include "base/unique_fd.h"
#include "gate/blocking_calls.h"
#include "gate/executions.h"
#include "gate/handover.h"
#include "gate/judge.h"
#include "gate/listener.h"
#include "gate/network.h"
#include "gate/process_table.h"
#include "gate/resolver.h"
#include "gate/roots.h"
#include "gate/tracee.h"
// IWYU pragma: end_exports
#include "decision/decision.h"
#include "policy/policy.h"
#include "sandbox/mode.h"

namespace aegis::gate {

// A Unix socket that the agent has bound. Holds the inode open, so that its number can't come back
// as another's.
struct BoundSocket {
  base::UniqueFd inode;
  dev_t device = 0;
  ino_t number = 0;
  std::string kernel_name;  // what getsockname(2) and getpeername(2) say: the supervisor's name
};

// Unix sockets that the agent has bound in this run: the only ones it may connect to while the
// network is closed.
struct BoundSockets {
  std::vector<BoundSocket> sockets;
  std::size_t look_through_at = 1024;  // as many: those whose names are gone are forgotten

  bool Hold(const struct stat& st) const {
    return std::ranges::any_of(sockets, [&st](const BoundSocket& socket) {
      return socket.device == st.st_dev && socket.number == st.st_ino;
    });
  }
};

// The process's umask, which becomes the caller's before a call that makes a file: the kernel then
// applies it, or the directory's default ACL instead (umask(2)).
class CallerUmask {
 public:
  void Become(mode_t umask) {
    if (umask != current_) {
      ::umask(umask);
      current_ = umask;
    }
  }

 private:
  mode_t current_ = ~mode_t{0};
};

// What the handlers work with; owned by the supervisor, for its receive loop.
struct Services {
  Listener& listener;
  Handover& handover;
  Judge& judge;
  Resolver& resolver;
  ProcessTable& processes;
  Executions& executions;
  const Roots& roots;
  BlockingCalls& blocking_calls;
  BoundSockets& bound_sockets;
  Network& network;
  CallerUmask umask;
  sandbox::Level level = sandbox::Level::kFull;  // in force
};

// One notified call and its caller.
struct Call {
  const seccomp_notif& notification;
  Process& process;

  std::uint64_t id() const { return notification.id; }
  std::uint64_t arg(int index) const { return notification.data.args[index]; }
  int int_arg(int index) const { return static_cast<int>(arg(index)); }
};

// A path argument; checked to be the caller's (the notification still waits after the read).
inline SysResult<std::string_view> PathArgument(const Services& services, const Call& call,
                                                std::uint64_t address, PathBuffer& buffer) {
  auto path = ReadPath(call.process.tid, address, buffer);
  if (path && !services.listener.StillWaiting(call.id())) {
    return SysFail(ESRCH);
  }
  return path;
}

// Another argument in the caller's memory, checked in the same way: 0 or an errno.
inline int MemoryArgument(const Services& services, const Call& call, std::uint64_t address,
                          void* out, std::size_t size) {
  const int error = ReadMemory(call.process.tid, address, out, size);
  if (error == 0 && !services.listener.StillWaiting(call.id())) {
    return ESRCH;
  }
  return error;
}

// Asks for one action on what was looked up; Aegis' own state is refused whatever policies say.
// A lookup that reached nothing asks for nothing. 0, or the errno.
inline int AskAbout(const Services& services, const Call& call, policy::Action action,
                    const Resolved& resolved, const Detail& detail = {}) {
  if (resolved.stopped) {
    return resolved.error;
  }
  return resolved.aegis_state ? services.judge.Refuse(call.process, action, resolved.name,
                                                      decision::Reason::kAegisState, detail)
                              : services.judge.Ask(call.process, action, resolved.name, detail);
}

using Handler = Reply (*)(Services&, Call&);

}  // namespace aegis::gate
