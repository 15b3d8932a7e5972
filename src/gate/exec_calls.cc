#include "gate/exec_calls.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "gate/call.h"
#include "gate/resolver.h"
#include "gate/tracee.h"
#include "policy/policy.h"
#include "sandbox/uapi.h"

namespace aegis::gate {

namespace {

constexpr int kMaxInterpreters = 5;  // as deep as the kernel goes (execve(2))

// The path after `#!`; empty if the file is no script, or can't be read.
std::string InterpreterOf(const Services& services, const Resolved& script) {
  const std::string link = std::to_string(script.object.get());
  const base::UniqueFd fd(sandbox::uapi::OpenAt2(services.roots.own_fds.get(), link.c_str(),
                                                 O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, 0));
  std::array<char, 256> head;  // BINPRM_BUF_SIZE
  const ssize_t length = fd.valid() ? ::read(fd.get(), head.data(), head.size()) : -1;
  std::string_view text(head.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
  if (!text.starts_with("#!")) {
    return {};
  }
  text = text.substr(0, text.find_first_of(std::string_view("\n\0", 2)));
  const std::size_t start = text.find_first_not_of(" \t", 2);
  if (start == std::string_view::npos) {
    return {};
  }
  text.remove_prefix(start);
  return std::string(text.substr(0, text.find_first_of(" \t")));
}

// The kernel goes on from a script to its interpreter by itself: each is judged as the program that
// it is. 0, or the errno.
int AskInterpreters(Services& services, Call& call, const Resolved& script, const Detail& detail) {
  std::string path = S_ISREG(script.st.st_mode) ? InterpreterOf(services, script) : std::string();
  for (int depth = 0; depth < kMaxInterpreters && !path.empty(); ++depth) {
    const Resolved interpreter =
        services.resolver.ResolveObject(call.process, AT_FDCWD, path, Leaf::kFollow);
    if (const int refused =
            AskAbout(services, call, policy::Action::kProcessSpawn, interpreter, detail)) {
      return refused;
    }
    path = interpreter.exists() && S_ISREG(interpreter.st.st_mode)
               ? InterpreterOf(services, interpreter)
               : std::string();
  }
  return 0;
}

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
  if (const int refused =
          AskAbout(services, call, policy::Action::kProcessSpawn, resolved, detail)) {
    return Reply::Fail(refused);
  }
  if (resolved.error != 0) {
    return Reply::Fail(resolved.error);
  }
  if (const int error = AskInterpreters(services, call, resolved, detail)) {
    return Reply::Fail(error);
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

Reply HandleSetAffinity(Services& services, Call& /*call*/) {
  services.handover.LeaveAffinityAlone();
  return Reply::Continue();
}

Reply HandleFileStateChange(Services& services, Call& call) {
  services.processes.FileStateChanging(call.process);
  return Reply::Continue();
}

}  // namespace aegis::gate
