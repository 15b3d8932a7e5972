#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <utility>

#include "base/check.h"
#include "base/unique_fd.h"
#include "gate/inet_address.h"

// Sockets on the loopback of whoever runs the tests.
namespace aegis::gate::testing_support {

inline base::UniqueFd MakeTcp(int family = AF_INET, int flags = 0) {
  base::UniqueFd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  AEGIS_CHECK(socket.valid());
  return socket;
}

inline InetHost Loopback() { return {.family = AF_INET, .bytes = {127, 0, 0, 1}}; }

inline SocketAddress LocalAddress(const base::UniqueFd& socket) {
  SocketAddress address;
  address.size = sizeof address.storage;
  AEGIS_CHECK(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address.storage),
                            &address.size) == 0);
  return address;
}

inline bool WaitFor(const base::UniqueFd& socket, short events, int milliseconds = 5000) {
  pollfd one{socket.get(), events, 0};
  return ::poll(&one, 1, milliseconds) == 1;
}

// A server of 127.0.0.1 on a free port.
class TestServer {
 public:
  explicit TestServer(int backlog = 16) {
    const SocketAddress any = AddressFor(AF_INET, {.host = Loopback(), .port = 0});
    AEGIS_CHECK(::bind(socket_.get(), any.get(), any.size) == 0);
    AEGIS_CHECK(::listen(socket_.get(), backlog) == 0);
    address_ = LocalAddress(socket_);
  }

  const SocketAddress& address() const { return address_; }
  InetPeer peer() const { return *ParseInetPeer(address_.get(), address_.size); }
  const base::UniqueFd& socket() const { return socket_; }
  base::UniqueFd Accept() const {
    base::UniqueFd accepted(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    AEGIS_CHECK(accepted.valid());
    return accepted;
  }
  // Nobody listens there any more.
  void Close() { socket_.Reset(); }

 private:
  base::UniqueFd socket_ = MakeTcp();
  SocketAddress address_;
};

// Both ends of a connection.
struct Connected {
  base::UniqueFd client;
  base::UniqueFd server;
};

inline Connected Connect(const TestServer& server) {
  Connected ends{.client = MakeTcp(), .server = {}};
  AEGIS_CHECK(::connect(ends.client.get(), server.address().get(), server.address().size) == 0);
  ends.server = server.Accept();
  return ends;
}

// A connected pair of Unix sockets that keep packets apart.
inline std::pair<base::UniqueFd, base::UniqueFd> Packets() {
  std::array<int, 2> ends{};
  AEGIS_CHECK(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) == 0);
  return {base::UniqueFd(ends[0]), base::UniqueFd(ends[1])};
}

}  // namespace aegis::gate::testing_support
