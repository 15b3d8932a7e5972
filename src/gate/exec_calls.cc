#include "gate/exec_calls.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <vector>

#include "base/text.h"
#include "decision/decision.h"
#include "gate/call.h"
#include "gate/resolver.h"
#include "gate/tracee.h"
#include "policy/policy.h"

namespace aegis::gate {

namespace {

Reply Execute(Services& services, Call& call, const Resolved& resolved, std::uint64_t argv) {
  std::vector<std::string> arguments = ReadArguments(call.process.tid, argv);
  if (!services.listener.StillWaiting(call.id())) {
    return Reply::None();
  }
  for (std::string& argument : arguments) {
    argument = base::EscapeName(argument);
  }
  Detail detail;
  detail.argv = arguments;
  const int refused =
      resolved.aegis_state
          ? services.judge.Refuse(call.process, policy::Action::kProcessSpawn, resolved.name,
                                  decision::Reason::kAegisState, detail)
          : services.judge.Ask(call.process, policy::Action::kProcessSpawn, resolved.name, detail);
  if (refused != 0) {
    return Reply::Fail(refused);
  }
  if (resolved.error != 0) {
    return Reply::Fail(resolved.error);
  }
  services.processes.ImageChanging(call.process);
  return Reply::Continue();
}

}  // namespace

Reply HandleExecve(Services& services, Call& call) {
  PathBuffer buffer;
  const auto path = PathArgument(services, call, call.arg(0), buffer);
  if (!path) {
    return Reply::Fail(path.error());
  }
  return Execute(services, call,
                 services.resolver.ResolveObject(call.process, AT_FDCWD, *path, Leaf::kFollow),
                 call.arg(1));
}

Reply HandleExecveAt(Services& services, Call& call) {
  PathBuffer buffer;
  const auto path = PathArgument(services, call, call.arg(1), buffer);
  if (!path) {
    return Reply::Fail(path.error());
  }
  const int flags = call.int_arg(4);
  if (path->empty() && (flags & AT_EMPTY_PATH) != 0) {
    return Execute(services, call,
                   services.resolver.ResolveDescriptor(call.process, call.int_arg(0)), call.arg(2));
  }
  const Leaf leaf = (flags & AT_SYMLINK_NOFOLLOW) != 0 ? Leaf::kKeep : Leaf::kFollow;
  return Execute(services, call,
                 services.resolver.ResolveObject(call.process, call.int_arg(0), *path, leaf),
                 call.arg(2));
}

Reply HandleFileStateChange(Services& services, Call& call) {
  services.processes.FileStateChanging(call.process);
  return Reply::Continue();
}

}  // namespace aegis::gate
