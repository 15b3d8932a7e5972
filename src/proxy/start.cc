#include <fcntl.h>
#include <signal.h>  // SIGKILL
#include <spawn.h>
#include <stdlib.h>  // WEXITED
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "proxy/channel.h"
#include "proxy/protocol.h"
#include "proxy/stage.h"
#include "sandbox/uapi.h"

namespace aegis::proxy {
namespace {

constexpr const char* kAttempt = "start the proxy";

// How a child begins; the first error sticks.
class SpawnPlan {
 public:
  SpawnPlan() {
    Keep(::posix_spawn_file_actions_init(&actions_));
    Keep(::posix_spawnattr_init(&attributes_));
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    ::posix_spawnattr_destroy(&attributes_);
    ::posix_spawn_file_actions_destroy(&actions_);
  }

  void StandardDescriptors(int input) {
    Keep(::posix_spawn_file_actions_adddup2(&actions_, input, STDIN_FILENO));
    for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
      Keep(::posix_spawn_file_actions_addopen(&actions_, fd, "/dev/null", O_WRONLY, 0));
    }
  }
  // A session of its own, so that no terminal reaches it; no signal blocked or ignored.
  void OwnSession() {
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    Keep(::posix_spawnattr_setsigmask(&attributes_, &none));
    Keep(::posix_spawnattr_setsigdefault(&attributes_, &all));
    Keep(::posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
  }
  // The child's id.
  base::Result<pid_t> Run(const ProxyProgram& program) {
    std::vector<std::string> words = program.argv;
    std::vector<char*> argv;
    argv.reserve(words.size() + 1);
    for (std::string& word : words) {
      argv.push_back(word.data());
    }
    argv.push_back(nullptr);
    std::array<char*, 1> no_environment{nullptr};
    pid_t pid = 0;
    if (error_ == 0) {
      Keep(::posix_spawn(&pid, program.program.c_str(), &actions_, &attributes_, argv.data(),
                         no_environment.data()));
    }
    return error_ == 0 ? base::Result<pid_t>(pid)
                       : base::Fail(base::Error::FromErrno(kAttempt, error_));
  }

 private:
  void Keep(int error) { error_ = error_ != 0 ? error_ : error; }

  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
  int error_ = 0;
};

}  // namespace

ProxyProcess::ProxyProcess(base::UniqueFd pidfd, base::UniqueFd socket)
    : pidfd_(std::move(pidfd)), socket_(std::move(socket)) {}

ProxyProcess::~ProxyProcess() {
  if (!pidfd_.valid()) {
    return;
  }
  static_cast<void>(::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0U));
  siginfo_t info{};
  while (::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED) != 0 &&
         errno == EINTR) {
  }
}

base::Result<ProxyProcess> StartProxy(const ProxyProgram& program) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return base::FailErrno(kAttempt);
  }
  base::UniqueFd ours(ends[0]);
  const base::UniqueFd theirs(ends[1]);
  SpawnPlan plan;
  plan.StandardDescriptors(theirs.get());
  plan.OwnSession();
  AEGIS_ASSIGN(const pid_t pid, plan.Run(program));
  base::UniqueFd pidfd(sandbox::uapi::PidfdOpen(pid, 0));
  if (!pidfd.valid()) {
    return base::FailErrno(kAttempt);  // without its socket it ends
  }
  return ProxyProcess(std::move(pidfd), std::move(ours));
}

base::Result<> SendStart(int socket, const Start& start, std::span<const int> sockets) {
  AEGIS_CHECK(start.sockets() == sockets.size());
  return Send(socket, Encode(start), sockets);
}

}  // namespace aegis::proxy
