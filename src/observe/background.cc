#include "observe/background.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <functional>
#include <string>

#include "base/file.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace aegis::observe {
namespace {

// The descriptor that stays open beside the standard ones.
constexpr int kReadyFd = 3;

base::Result<> Detach(const base::UniqueFd& log, const base::UniqueFd& ready) {
  if (::setsid() < 0) {
    return base::FailErrno("begin a session of its own");
  }
  AEGIS_ASSIGN(base::UniqueFd opened, base::Open("/dev/null", O_RDWR));
  const int null = opened.Release();  // closed below, as everything else
  // Copies above all that is replaced.
  const int ready_copy = ::fcntl(ready.get(), F_DUPFD_CLOEXEC, kReadyFd + 1);
  if (ready_copy < 0 || ::dup2(null, STDIN_FILENO) < 0 || ::dup2(log.get(), STDOUT_FILENO) < 0 ||
      ::dup2(log.get(), STDERR_FILENO) < 0 || ::dup3(ready_copy, kReadyFd, O_CLOEXEC) < 0) {
    return base::FailErrno("replace the standard descriptors");
  }
  // A shell's or a test's pipe that stayed open would keep its reader waiting. The owners of these
  // descriptors live in the caller alone: this process never comes back to them.
  if (::syscall(SYS_close_range, kReadyFd + 1, ~0U, 0U) != 0) {
    return base::FailErrno("close the caller's descriptors");
  }
  return ::chdir("/") == 0 ? base::Result<>() : base::FailErrno("enter /");
}

void Tell(int fd, const std::string& text) {
  (void)base::WriteAll(fd, text);  // the caller may be gone; the work goes on
  ::close(fd);
}

[[noreturn]] void Child(const base::UniqueFd& log, const base::UniqueFd& ready,
                        const std::function<int(const TellReady&)>& work) {
  if (const auto detached = Detach(log, ready); !detached) {
    (void)base::WriteAll(log.get(), "aegis: " + detached.error().message() + "\n");
    ::_exit(EXIT_FAILURE);
  }
  ::_exit(work([](const std::string& text) { Tell(kReadyFd, text); }));
}

std::string ReadAll(int fd) {
  std::string text;
  std::array<char, 4096> buffer{};
  while (true) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      return text;
    }
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

base::Result<std::string> RunInBackground(const std::string& log,
                                          const std::function<int(const TellReady&)>& work) {
  AEGIS_ASSIGN(const base::UniqueFd log_fd,
               base::Open(log, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600));
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) {
    return base::FailErrno("make a pipe");
  }
  const base::UniqueFd told(pipe[0]);
  base::UniqueFd ready(pipe[1]);
  const pid_t pid = ::fork();
  if (pid < 0) {
    return base::FailErrno("fork the watcher");
  }
  if (pid == 0) {
    Child(log_fd, ready, work);
  }
  ready.Reset();
  std::string text = ReadAll(told.get());
  if (!text.empty()) {
    return text;
  }
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return base::Fail(base::Errc::kUnavailable, "the process in the background died");
}

}  // namespace aegis::observe
