#include "sandbox/command.h"

#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "sandbox/capabilities.h"
#include "sandbox/filter.h"
#include "sandbox/handshake.h"
#include "sandbox/init.h"
#include "sandbox/landlock.h"
#include "sandbox/plan.h"
#include "sandbox/syscall_table.h"
#include "sandbox/uapi.h"

namespace aegis::sandbox {
namespace {

constexpr int kSetupFailed = 125;
constexpr int kNotExecutable = 126;
constexpr int kNotFound = 127;

void RestoreSignals(const SignalState& state) {
  for (std::size_t number = 1; number < state.ignored.size(); ++number) {
    struct sigaction action{};
    action.sa_handler = state.ignored[number] ? SIG_IGN : SIG_DFL;
    ::sigaction(static_cast<int>(number), &action, nullptr);
  }
  ::sigprocmask(SIG_SETMASK, &state.mask, nullptr);
}

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const std::string& string : strings) {
    pointers.push_back(const_cast<char*>(string.c_str()));
  }
  pointers.push_back(nullptr);
  return pointers;
}

base::Result<> Confine(const Plan& plan, const InitOptions& options, int handshake) {
  const auto program = BuildFilter(plan.mode, kNativeArch, plan.level);
  if (::chdir(plan.command.cwd.c_str()) != 0) {
    return base::FailErrno("enter the working directory " + base::EscapeName(plan.command.cwd));
  }
  AEGIS_TRY(LimitCommand(options.root));
  // The supervisor takes the listener with pidfd_getfd(2), which an undumpable memory would refuse.
  if (::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0) {
    return base::FailErrno("make the command dumpable");
  }
  if (uapi::CloseRange(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) != 0) {
    return base::FailErrno("close what the command must not inherit");
  }
  AEGIS_TRY(RestrictWithLandlock(plan));
  AEGIS_ASSIGN(base::UniqueFd listener, InstallFilter(program));
  AEGIS_TRY(SendOffer(handshake, listener.get()));
  AEGIS_TRY(AwaitAcceptance(handshake));
  // From here on the supervisor alone holds the listener: were there a second holder, notified
  // calls would wait for ever instead of failing when the supervisor dies.
  return {};
}

}  // namespace

void RunCommand(const Plan& plan, const InitOptions& options, int handshake) {
  const std::vector<char*> argv = Pointers(plan.command.argv);
  const std::vector<char*> env = Pointers(plan.command.env);
  if (auto confined = Confine(plan, options, handshake); !confined.has_value()) {
    SendFailure(handshake, confined.error());
    ::_exit(kSetupFailed);
  }
  RestoreSignals(options.signals);
  ::execve(plan.command.program.c_str(), argv.data(), env.data());
  const int error = errno;
  const Event event{Event::Kind::kExecFailed, error};
  (void)!::write(options.control_fd, &event, sizeof event);
  ::_exit(error == ENOENT ? kNotFound : kNotExecutable);
}

}  // namespace aegis::sandbox
