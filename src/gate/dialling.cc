#include "gate/dialling.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <optional>

#include "base/unique_fd.h"
#include "gate/epoll_registrations.h"
#include "gate/inet_address.h"
#include "gate/listener.h"
#include "gate/wake_signal.h"

namespace aegis::gate {

namespace {

int IntegerOption(const base::UniqueFd& socket, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(socket.get(), SOL_SOCKET, name, &value, &size) == 0 ? value : 0;
}

// The agent shares the socket, and could make it block in between: the receive loop would wait.
int ConnectUntilWoken(const base::UniqueFd& socket, const SocketAddress& address) {
  const Waker waker;
  if (!waker.armed()) {
    return EAGAIN;
  }
  const Wakeable wakeable;
  return ::connect(socket.get(), address.get(), address.size) == 0 ? 0 : errno;
}

}  // namespace

ConnectionState StateOf(const base::UniqueFd& socket) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(socket.get(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
      info.tcpi_state == TCP_CLOSE) {
    return ConnectionState::kNone;
  }
  return info.tcpi_state == TCP_SYN_SENT || info.tcpi_state == TCP_SYN_RECV
             ? ConnectionState::kPending
             : ConnectionState::kConnected;
}

int ConnectNow(const base::UniqueFd& socket, const SocketAddress& address) {
  const int flags = ::fcntl(socket.get(), F_GETFL);
  ::fcntl(socket.get(), F_SETFL, flags | O_NONBLOCK);
  const int error = ConnectUntilWoken(socket, address);
  ::fcntl(socket.get(), F_SETFL, flags);
  return error == EINTR ? EINPROGRESS : error;
}

int ResultOf(const base::UniqueFd& socket) {
  switch (StateOf(socket)) {
    case ConnectionState::kPending:
      return EALREADY;
    case ConnectionState::kConnected:
      return 0;
    case ConnectionState::kNone:
      break;
  }
  const int error = IntegerOption(socket, SO_ERROR);
  return error != 0 ? error : ECONNABORTED;
}

int FamilyOf(const base::UniqueFd& socket) {
  const int family = IntegerOption(socket, SO_DOMAIN);
  return family == AF_INET || family == AF_INET6 ? family : 0;
}

int TypeOf(const base::UniqueFd& socket) { return IntegerOption(socket, SO_TYPE); }

int Replace(const Listener& listener, std::uint64_t id, EpollRegistrations& epolls,
            const Replacement& replacement, const base::UniqueFd& socket) {
  if (replacement.places.empty()) {
    return 0;
  }
  const int flags = ::fcntl(socket.get(), F_GETFL);
  ::fcntl(socket.get(), F_SETFL, replacement.blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
  for (const Replacement::Place& place : replacement.places) {
    const int error = listener.Replace(id, socket.get(), place.number, place.close_on_exec);
    if (error != 0) {
      return error;
    }
    epolls.Restore(place.registrations, place.number, {replacement.replaced, socket});
  }
  return 0;
}

std::optional<std::chrono::steady_clock::duration> SendPatience(const base::UniqueFd& socket) {
  timeval time{};
  socklen_t size = sizeof time;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &time, &size) != 0 ||
      (time.tv_sec == 0 && time.tv_usec == 0)) {
    return std::nullopt;
  }
  constexpr std::int64_t kLongest = 1'000'000'000;  // seconds; beyond it a clock would overflow
  return std::chrono::seconds(std::min<std::int64_t>(time.tv_sec, kLongest)) +
         std::chrono::microseconds(time.tv_usec);
}

}  // namespace aegis::gate
