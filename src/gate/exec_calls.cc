#include "gate/exec_calls.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "base/unique_fd.h"
#include "decision/decision.h"
#include "gate/call.h"
#include "gate/executions.h"
#include "gate/judge.h"
#include "gate/loader.h"
#include "gate/resolver.h"
#include "gate/script.h"
#include "gate/tracee.h"
#include "policy/policy.h"
#include "sandbox/mode.h"
#include "sandbox/uapi.h"

namespace aegis::gate {

namespace {

constexpr int kMaxInterpreters = 5;  // as deep as the kernel goes (execve(2))
constexpr int kCheckOnly = 0x10000;  // AT_EXECVE_CHECK, Linux 6.14
constexpr int kExecFlags = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | kCheckOnly;

// One execve(2): what was looked up, and what the kernel will make of it.
struct Executing {
  Resolved program;
  std::string path;  // as the kernel hands it to an interpreter
  Execution execution;
};

// What a file that is a script names in its first line.
std::optional<Interpreter> InterpreterOf(const Services& services, const Resolved& file) {
  if (!file.exists() || !S_ISREG(file.st.st_mode)) {
    return std::nullopt;
  }
  const std::string link = std::to_string(file.object.get());
  const base::UniqueFd fd(sandbox::uapi::OpenAt2(services.roots.own_fds.get(), link.c_str(),
                                                 O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, 0));
  std::array<char, kScriptHead> head;
  const ssize_t length = fd.valid() ? ::read(fd.get(), head.data(), head.size()) : -1;
  return ParseInterpreter({head.data(), length > 0 ? static_cast<std::size_t>(length) : 0});
}

// An interpreter gets its own name, its argument, and the script's name in the place of the first
// argument.
void HandToInterpreter(Execution& execution, const std::string& script,
                       const Interpreter& interpreter) {
  std::vector<std::string>& texts = execution.arguments.texts;
  std::vector<std::string> first = {interpreter.path};
  if (interpreter.argument) {
    first.push_back(*interpreter.argument);
  }
  first.push_back(script);
  if (!texts.empty()) {
    texts.erase(texts.begin());
  }
  texts.insert(texts.begin(), first.begin(), first.end());
  execution.script_name_at += first.size() - 1;
}

void ExpectImage(Execution& execution, const Resolved& image) {
  execution.image = image.name;
  execution.device = image.st.st_dev;
  execution.inode = image.st.st_ino;
}

// The kernel goes on from a script to its interpreter by itself: each is judged as the program that
// it is. 0, or the errno.
int AskInterpreters(Services& services, Call& call, Executing& executing, const Detail& detail) {
  auto interpreter = InterpreterOf(services, executing.program);
  std::string script = executing.path;
  for (int depth = 0; depth < kMaxInterpreters && interpreter; ++depth) {
    const Resolved image =
        services.resolver.ResolveObject(call.process, AT_FDCWD, interpreter->path, Leaf::kFollow);
    if (const int refused =
            AskAbout(services, call, policy::Action::kProcessSpawn, image, detail)) {
      return refused;
    }
    HandToInterpreter(executing.execution, script, *interpreter);
    ExpectImage(executing.execution, image);
    script = std::move(interpreter->path);
    interpreter = InterpreterOf(services, image);
  }
  return 0;
}

// `ld.so FILE` opens FILE and runs it, and at the level `writes` nobody is asked about that open.
// So a loader that is to be run as a program is refused there: what it would run can't be judged.
int RefuseLoader(Services& services, Call& call, const Execution& execution, const Detail& detail) {
  if (services.level == sandbox::Level::kFull || !IsLoader(execution.image)) {
    return 0;
  }
  return services.judge.Refuse(call.process, policy::Action::kProcessSpawn, execution.image,
                               decision::Reason::kUnsupported, detail);
}

Reply Execute(Services& services, Call& call, Executing executing, std::uint64_t argv) {
  Arguments arguments = ReadArguments(call.process.tid, argv);
  if (!services.listener.StillWaiting(call.id())) {
    return Reply::None();
  }
  const std::vector<std::string> escaped = base::EscapeNames(arguments.texts);
  Detail detail;
  detail.argv = escaped;
  const Resolved& program = executing.program;
  if (const int refused =
          AskAbout(services, call, policy::Action::kProcessSpawn, program, detail)) {
    return Reply::Fail(refused);
  }
  if (program.error != 0) {
    return Reply::Fail(program.error);
  }
  executing.execution.name = program.name;
  executing.execution.arguments = std::move(arguments);
  ExpectImage(executing.execution, program);
  if (const int error = AskInterpreters(services, call, executing, detail)) {
    return Reply::Fail(error);
  }
  if (const int error = RefuseLoader(services, call, executing.execution, detail)) {
    return Reply::Fail(error);
  }
  services.executions.Expect(call.process.tid, std::move(executing.execution));
  return Reply::Continue();
}

// How the kernel names a file for its interpreter (execveat(2)).
std::string NameForInterpreter(int dirfd, std::string_view path) {
  if (dirfd == AT_FDCWD || path.starts_with('/')) {
    return std::string(path);
  }
  std::string name = "/dev/fd/" + std::to_string(dirfd);
  if (!path.empty()) {
    name += '/';
    name += path;
  }
  return name;
}

}  // namespace

Reply HandleExecve(Services& services, Call& call) {
  PathBuffer buffer;
  const auto path = PathArgument(services, call, call.arg(0), buffer);
  if (!path) {
    return Reply::Fail(path.error());
  }
  Executing executing;
  executing.path = *path;
  executing.program = services.resolver.ResolveObject(call.process, AT_FDCWD, *path, Leaf::kFollow);
  return Execute(services, call, std::move(executing), call.arg(1));
}

Reply HandleExecveAt(Services& services, Call& call) {
  PathBuffer buffer;
  const auto path = PathArgument(services, call, call.arg(1), buffer);
  if (!path) {
    return Reply::Fail(path.error());
  }
  const int flags = call.int_arg(4);
  const int dirfd = call.int_arg(0);
  const bool names_nothing = path->empty() && (flags & AT_EMPTY_PATH) == 0;
  if (names_nothing || (flags & ~kExecFlags) != 0) {
    return Reply::Fail(names_nothing ? ENOENT : EINVAL);
  }
  Executing executing;
  executing.path = NameForInterpreter(dirfd, *path);
  if (path->empty()) {
    executing.program =
        dirfd == AT_FDCWD ? services.resolver.ResolveObject(call.process, dirfd, ".", Leaf::kFollow)
                          : services.resolver.ResolveDescriptor(call.process, dirfd);
  } else {
    const Leaf leaf = (flags & AT_SYMLINK_NOFOLLOW) != 0 ? Leaf::kKeep : Leaf::kFollow;
    executing.program = services.resolver.ResolveObject(call.process, dirfd, *path, leaf);
  }
  return Execute(services, call, std::move(executing), call.arg(2));
}

Reply HandleSetAffinity(Services& services, Call& /*call*/) {
  services.handover.LeaveAffinityAlone();
  return Reply::Continue();
}

Reply HandleGetAffinity(Services& services, Call& /*call*/) {
  services.handover.Part();
  return Reply::Continue();
}

Reply HandleFileStateChange(Services& services, Call& call) {
  services.processes.FileStateChanging(call.process);
  return Reply::Continue();
}

}  // namespace aegis::gate
