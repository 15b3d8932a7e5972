#include "gate/terminal.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"

namespace aegis::gate {

Foreground::Foreground() {
  base::UniqueFd terminal(::open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (terminal.valid() && ::tcgetpgrp(terminal.get()) == ::getpgrp()) {
    terminal_ = std::move(terminal);
    group_ = ::getpgrp();
  }
}

Foreground::~Foreground() {
  if (!terminal_.valid() || ::tcgetpgrp(terminal_.get()) == group_) {
    return;
  }
  struct sigaction ignore{};
  struct sigaction before{};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGTTOU, &ignore, &before);  // the write below comes from a background group
  ::tcsetpgrp(terminal_.get(), group_);
  ::sigaction(SIGTTOU, &before, nullptr);
}

std::string TerminalDevice() {
  for (int fd = 0; fd <= 2; ++fd) {
    std::array<char, PATH_MAX> name{};
    if (::ttyname_r(fd, name.data(), name.size()) == 0 &&
        std::string_view(name.data()).starts_with("/dev/pts/")) {
      return name.data();
    }
  }
  return {};
}

base::Result<> CheckStandardSockets() {
  for (int fd = 0; fd <= 2; ++fd) {
    int domain = 0;
    int type = 0;
    socklen_t size = sizeof(domain);
    if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0) {
      continue;  // not a socket
    }
    size = sizeof(type);
    const bool known = ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
    if (!known || domain != AF_UNIX || (type != SOCK_STREAM && type != SOCK_SEQPACKET)) {
      return base::Fail(base::Errc::kInvalid,
                        "descriptor " + std::to_string(fd) +
                            " is a network or datagram socket, by which the agent would reach a "
                            "peer unasked: put a pipe between");
    }
  }
  return {};
}

void FillStandardDescriptors() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) < 0) {
      const int opened = ::open(
          "/dev/null",
          fd == 0 ? O_RDONLY
                  : O_WRONLY);  // NOLINT(android-cloexec-open): becomes a standard descriptor
      if (opened >= 0 && opened != fd) {
        ::dup2(opened, fd);
        ::close(opened);
      }
    }
  }
}

}  // namespace aegis::gate
