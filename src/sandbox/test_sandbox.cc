#include "sandbox/test_sandbox.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdlib.h>  // mkdtemp, WIFSIGNALED
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/check.h"
#include "base/file.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/builder.h"
#include "sandbox/capabilities.h"
#include "sandbox/host_view.h"
#include "sandbox/init.h"
#include "sandbox/landlock.h"
#include "sandbox/namespaces.h"
#include "sandbox/plan.h"

namespace aegis::sandbox::testing_support {
namespace {

constexpr std::string_view kErrorMark = "ERROR ";
constexpr std::string_view kEventMark = "EVENT ";

void Print(std::string_view mark, const std::string& text) {
  (void)base::WriteAll(STDOUT_FILENO, std::string(mark) + text + "\n");
}

[[noreturn]] void Give(const base::Error& error) {
  Print(kErrorMark, std::string(base::ErrcName(error.code())) + ": " + error.message());
  ::_exit(1);
}

// Lets everything continue until init is gone.
void Supervise(const Init& init, const Listener& listener) {
  while (true) {
    std::array<pollfd, 2> watched = {
        {{listener.fd.get(), POLLIN, 0}, {init.pidfd.get(), POLLIN, 0}}};
    (void)::poll(watched.data(), watched.size(), -1);
    if (watched[1].revents != 0) {
      (void)::waitpid(init.pid, nullptr, 0);
      return;
    }
    seccomp_notif call{};
    if ((watched[0].revents & POLLIN) == 0 ||
        ::ioctl(listener.fd.get(), SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) {
      continue;
    }
    seccomp_notif_resp answer{};
    answer.id = call.id;
    answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    (void)::ioctl(listener.fd.get(), SECCOMP_IOCTL_NOTIF_SEND, &answer);
  }
}

base::Result<> RunSupervisor(const Plan& plan, pid_t launcher, int sync, const InitOptions& options,
                             const RunOptions& test) {
  AEGIS_TRY(DieWithParent(launcher));
  AEGIS_ASSIGN(const base::UniqueFd host_root, base::Open("/", O_PATH | O_DIRECTORY));
  AEGIS_ASSIGN(const base::UniqueFd host_proc, base::Open("/proc", O_PATH | O_DIRECTORY));
  AEGIS_TRY(EnterUserAndMountNamespace(sync));
  AEGIS_TRY(BuildMounts(plan));
  AEGIS_ASSIGN(Init init, StartInit(plan, options));
  if (test.confined) {
    AEGIS_TRY(ConfineSupervisor(plan, host_root.get(), host_proc.get()));
  }
  AEGIS_TRY(StartCommand(plan, options, init));
  ::close(options.control_fd);
  AEGIS_TRY(LimitSupervisor(options.root));
  if (test.in_supervisor) {
    for (const auto& [what, result] : test.in_supervisor()) {
      Print(what, " " + result);
    }
  }
  AEGIS_ASSIGN(const Listener listener, ReceiveListener(plan, init));
  AEGIS_TRY(LetCommandExecute(init));
  Supervise(init, listener);
  return {};
}

struct Ends {
  base::UniqueFd first;
  base::UniqueFd second;
};

Ends Sockets(int type) {
  std::array<int, 2> ends{};
  AEGIS_CHECK(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends.data()) == 0);
  return {base::UniqueFd(ends[0]), base::UniqueFd(ends[1])};
}

void BecomeUser(uid_t user) {
  if (user != 0 && ::geteuid() == 0) {
    AEGIS_CHECK(::setgroups(0, nullptr) == 0 && ::setgid(user) == 0 && ::setuid(user) == 0);
    AEGIS_CHECK(::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
  }
}

// Standard output carries what the command says, and events and errors as marked lines.
[[noreturn]] void RunLauncher(const PlanInput& input, const RunOptions& options) {
  BecomeUser(options.user);
  if (options.prepare) {
    options.prepare();
  }
  const SignalState signals = CaptureSignals();
  const auto plan = BuildPlan(input, SystemHostView());
  if (!plan.has_value()) {
    Give(plan.error());
  }
  if (options.before_supervisor) {
    options.before_supervisor();
  }
  Ends sync = Sockets(SOCK_STREAM);
  Ends control = Sockets(SOCK_SEQPACKET);
  const pid_t launcher = ::getpid();
  const pid_t supervisor = ::fork();
  if (supervisor == 0) {
    sync.first.Reset();
    control.first.Reset();
    const auto done = RunSupervisor(
        *plan, launcher, sync.second.get(),
        {.control_fd = control.second.Release(), .root = ::geteuid() == 0, .signals = signals},
        options);
    if (!done.has_value()) {
      Give(done.error());
    }
    ::_exit(0);
  }
  sync.second.Reset();
  control.second.Reset();
  if (auto mapped = WriteIdMaps(supervisor, sync.first.get()); !mapped.has_value()) {
    (void)::waitpid(supervisor, nullptr, 0);
    Give(mapped.error());
  }
  Event event;
  while (::recv(control.first.get(), &event, sizeof event, 0) == sizeof event) {
    Print(kEventMark,
          std::to_string(static_cast<int>(event.kind)) + " " + std::to_string(event.value));
    if (options.on_event) {
      options.on_event(event, {supervisor, control.first.get()});
    }
  }
  (void)::waitpid(supervisor, nullptr, 0);
  ::_exit(0);
}

void Take(const std::string& line, Outcome& outcome) {
  if (line.starts_with(kErrorMark)) {
    outcome.error = line.substr(kErrorMark.size());
  } else if (line.starts_with(kEventMark)) {
    std::istringstream numbers(line.substr(kEventMark.size()));
    int kind = 0;
    Event event;
    numbers >> kind >> event.value;
    event.kind = static_cast<Event::Kind>(kind);
    outcome.events.push_back(event);
  } else if (const auto space = line.find(' '); space != std::string::npos) {
    outcome.said[line.substr(0, space)] = line.substr(space + 1);
  }
}

}  // namespace

int Outcome::status() const {
  return events.empty() || events.back().kind != Event::Kind::kExited ? -1 : events.back().value;
}

Workshop::Workshop() : path_("/tmp/aegis-sandbox-XXXXXX") {
  AEGIS_CHECK(::mkdtemp(path_.data()) != nullptr);
  AEGIS_CHECK(::chmod(path_.c_str(), 0755) == 0);
  hostile_ = path_ + "/hostile";
  std::filesystem::copy_file(HOSTILE_PROGRAM, hostile_);
  AEGIS_CHECK(::chmod(hostile_.c_str(), 0755) == 0);
}

Workshop::~Workshop() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string Workshop::Directory(const std::string& name) const {
  std::string path = path_ + "/" + name;
  std::filesystem::create_directories(path);
  AEGIS_CHECK(::chmod(path.c_str(), 0777) == 0);
  return path;
}

std::string Workshop::File(const std::string& name, std::string_view content) const {
  std::string path = path_ + "/" + name;
  std::ofstream(path) << content;
  AEGIS_CHECK(::chmod(path.c_str(), 0666) == 0);
  return path;
}

Outcome RunSandbox(const PlanInput& input, const RunOptions& options) {
  std::array<int, 2> output{};
  AEGIS_CHECK(::pipe2(output.data(), O_CLOEXEC) == 0);
  const pid_t launcher = ::fork();
  if (launcher == 0) {
    int input_fd = options.terminal;
    if (input_fd >= 0) {
      AEGIS_CHECK(::setsid() > 0 && ::ioctl(input_fd, TIOCSCTTY, 0) == 0);
    } else {
      (void)::setpgid(0, 0);
      input_fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    if (input_fd >= 0) {
      (void)::dup2(input_fd, STDIN_FILENO);
    }
    (void)::dup2(output[1], STDOUT_FILENO);
    RunLauncher(input, options);
  }
  ::close(output[1]);
  Outcome outcome;
  std::string pending;
  std::array<char, 4096> buffer;
  for (ssize_t size = 0; (size = ::read(output[0], buffer.data(), buffer.size())) > 0;) {
    pending.append(buffer.data(), static_cast<std::size_t>(size));
    for (std::size_t end = 0; (end = pending.find('\n')) != std::string::npos;) {
      const std::string line = pending.substr(0, end);
      pending.erase(0, end + 1);
      Take(line, outcome);
      if (options.on_line) {
        options.on_line(line, {launcher, -1});
      }
    }
  }
  ::close(output[0]);
  int status = 0;
  (void)::waitpid(launcher, &status, 0);
  if (WIFSIGNALED(status) && outcome.error.empty()) {
    outcome.error = "launcher: signal " + std::to_string(WTERMSIG(status));
  }
  return outcome;
}

std::vector<pid_t> ProcessesWith(std::string_view tag) {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) {
      continue;
    }
    std::ifstream file(entry.path() / "cmdline");
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (text.find(tag) != std::string::npos) {
      found.push_back(static_cast<pid_t>(std::stol(name)));
    }
  }
  return found;
}

}  // namespace aegis::sandbox::testing_support
