#pragma once

#include <linux/bpf_common.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <optional>

#include "base/check.h"
#include "base/unique_fd.h"
#include "gate/listener.h"
#include "gate/test_sockets.h"
#include "sandbox/uapi.h"

namespace aegis::gate::testing_support {

// A child that waits in a notified call: the agent of a handler. It runs `before`, then waits in
// getppid() until Finish(), then runs `after`, which gives its exit code.
class NotifiedChild {
 public:
  template <typename Before, typename After>
  NotifiedChild(Before before, After after) {
    auto [ours, theirs] = Packets();
    child_ = ::fork();
    if (child_ == 0) {
      before();
      std::array<sock_filter, 4> code{{{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
                                       {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_getppid},
                                       {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_USER_NOTIF},
                                       {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}}};
      sock_fprog program{.len = code.size(), .filter = code.data()};
      AEGIS_CHECK(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
      const int fd = sandbox::uapi::Seccomp(SECCOMP_SET_MODE_FILTER,
                                            SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
      AEGIS_CHECK(fd >= 0 && ::write(theirs.get(), &fd, sizeof fd) == sizeof fd);
      (void)::syscall(SYS_getppid);
      ::_exit(after());
    }
    int fd = -1;
    AEGIS_CHECK(::read(ours.get(), &fd, sizeof fd) == sizeof fd);
    const base::UniqueFd pidfd(sandbox::uapi::PidfdOpen(child_, 0));
    listener_.emplace(base::UniqueFd(sandbox::uapi::PidfdGetfd(pidfd.get(), fd)));
    const auto notification = listener_->Receive();
    AEGIS_CHECK(notification.has_value());
    id_ = notification->id;
  }
  template <typename After>
  explicit NotifiedChild(After after) : NotifiedChild([] {}, after) {}
  ~NotifiedChild() {
    if (child_ > 0) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, nullptr, 0);
    }
  }
  NotifiedChild(const NotifiedChild&) = delete;
  NotifiedChild& operator=(const NotifiedChild&) = delete;

  pid_t pid() const { return child_; }
  Listener& listener() { return *listener_; }
  const Listener& listener() const { return *listener_; }
  std::uint64_t id() const { return id_; }

  int Finish() {
    listener_->Answer(id_, Reply::Return(0));
    int status = 0;
    AEGIS_CHECK(::waitpid(child_, &status, 0) == child_);
    child_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t child_ = 0;
  std::optional<Listener> listener_;
  std::uint64_t id_ = 0;
};

}  // namespace aegis::gate::testing_support
