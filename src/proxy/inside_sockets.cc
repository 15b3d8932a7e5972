#include "proxy/inside_sockets.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "base/unique_fd.h"
#include "proxy/tcp_socket.h"

namespace aegis::proxy {
namespace {

// NOLINTBEGIN(cppcoreguidelines-pro-type-reinterpret-cast): the socket interface

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  std::uint16_t& port() {
    return storage.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(storage).sin6_port
                                         : reinterpret_cast<sockaddr_in&>(storage).sin_port;
  }
};

SocketAddress OwnAddress(const base::UniqueFd& socket) {
  SocketAddress address;
  if (::getsockname(socket.get(), address.get(), &address.size) != 0) {
    address.storage.ss_family = AF_UNSPEC;
  }
  return address;
}

// An IPv6 socket that is connected over IPv4 has an address of IPv4.
SocketAddress WithoutMapping(SocketAddress address) {
  const auto& six = reinterpret_cast<const sockaddr_in6&>(address.storage);
  if (address.storage.ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&six.sin6_addr)) {
    return address;
  }
  SocketAddress four;
  auto& plain = reinterpret_cast<sockaddr_in&>(four.storage);
  plain.sin_family = AF_INET;
  plain.sin_port = six.sin6_port;
  constexpr std::size_t kPrefix = 12;
  std::memcpy(&plain.sin_addr, &six.sin6_addr.s6_addr[kPrefix], sizeof plain.sin_addr);
  four.size = sizeof plain;
  return four;
}

// The loopback address of the family.
SocketAddress Loopback(int family, std::uint16_t port) {
  SocketAddress address;
  address.storage.ss_family = static_cast<sa_family_t>(family);
  if (family == AF_INET6) {
    reinterpret_cast<sockaddr_in6&>(address.storage).sin6_addr = in6addr_loopback;
    address.size = sizeof(sockaddr_in6);
  } else {
    reinterpret_cast<sockaddr_in&>(address.storage).sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.size = sizeof(sockaddr_in);
  }
  address.port() = htons(port);
  return address;
}

// connect(2), AF_UNSPEC.
bool Dissolve(const base::UniqueFd& socket) {
  const sockaddr nowhere{};
  return ::connect(socket.get(), &nowhere, sizeof nowhere) == 0;
}

// NOLINTEND(cppcoreguidelines-pro-type-reinterpret-cast)

bool IsConnecting(const base::UniqueFd& socket) {
  tcp_info info{};
  socklen_t size = sizeof info;
  return ::getsockopt(socket.get(), IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
         (info.tcpi_state == TCP_SYN_SENT || info.tcpi_state == TCP_SYN_RECV);
}

}  // namespace

const InsideSockets::Source& InsideSockets::SourceOf(int family) const {
  return family == AF_INET6 ? six_ : four_;
}

base::UniqueFd InsideSockets::Make(const Source& source) {
  if (!source.valid()) {
    errno = EAFNOSUPPORT;
    return {};
  }
  SocketAddress listening = OwnAddress(source.listener);
  if (::connect(source.seed.get(), listening.get(), listening.size) != 0 && errno != EINPROGRESS) {
    return {};
  }
  base::UniqueFd made(
      ::accept4(source.listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  const int error = errno;
  if (!Dissolve(source.seed) || (made.valid() && !Dissolve(made))) {
    made.Reset();
  }
  errno = error;
  return made;
}

base::UniqueFd InsideSockets::Meet(const base::UniqueFd& agents) const {
  SocketAddress theirs = WithoutMapping(OwnAddress(agents));
  const Source& source = SourceOf(theirs.storage.ss_family);
  base::UniqueFd socket = Make(source);
  if (!socket.valid()) {
    return socket;
  }
  SocketAddress meeting = OwnAddress(source.listener);
  meeting.port() = htons(source.meeting_port);
  if (::bind(socket.get(), meeting.get(), meeting.size) != 0 ||
      (::connect(socket.get(), theirs.get(), theirs.size) != 0 && errno != EINPROGRESS)) {
    return {};
  }
  return socket;
}

// The socket has the address of its listener, and a server may ask who connects to it: loopback, as
// of a client inside. The port is found when it connects, so that it only has to differ from those
// of other connections to this server.
base::UniqueFd InsideSockets::Dial(int family, std::uint16_t port) const {
  base::UniqueFd socket = Make(SourceOf(family));
  if (!socket.valid()) {
    return socket;
  }
  SetNumber(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
  SocketAddress own = Loopback(family, 0);
  SocketAddress server = Loopback(family, port);
  if (::bind(socket.get(), own.get(), own.size) != 0 ||
      (::connect(socket.get(), server.get(), server.size) != 0 && errno != EINPROGRESS)) {
    return {};
  }
  return socket;
}

// A connect(2) that waits would take the error off the socket, and the agent would not see it.
void InsideSockets::Refuse(const base::UniqueFd& agents) {
  if (!IsConnecting(agents)) {
    return;  // the agent has given up, and may use it otherwise
  }
  SocketAddress nobody = OwnAddress(agents);
  nobody.port() = htons(1);  // which nobody can listen at inside: it is below 1024
  const int flags = ::fcntl(agents.get(), F_GETFL);
  static_cast<void>(::fcntl(agents.get(), F_SETFL, flags | O_NONBLOCK));
  if (Dissolve(agents)) {
    static_cast<void>(::connect(agents.get(), nobody.get(), nobody.size));
  }
  static_cast<void>(::fcntl(agents.get(), F_SETFL, flags));
}

}  // namespace aegis::proxy
