#include "proxy/tcp_socket.h"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "base/unique_fd.h"

namespace aegis::proxy {

Connecting StateOf(const base::UniqueFd& socket) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(socket.get(), SOL_TCP, TCP_INFO, &info, &size) != 0 ||
      info.tcpi_state == TCP_CLOSE) {
    return Connecting::kFailed;
  }
  return info.tcpi_state == TCP_SYN_SENT || info.tcpi_state == TCP_SYN_RECV ? Connecting::kPending
                                                                            : Connecting::kStands;
}

int ErrorOf(const base::UniqueFd& socket) {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

void SetNumber(const base::UniqueFd& socket, int level, int option, int value) {
  static_cast<void>(::setsockopt(socket.get(), level, option, &value, sizeof value));
}

void ResetWhenClosed(const base::UniqueFd& socket) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  static_cast<void>(::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
}

}  // namespace aegis::proxy
