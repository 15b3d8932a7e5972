#include "proxy/published_ports.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "proxy/channel.h"
#include "proxy/inside_sockets.h"
#include "proxy/outbox.h"
#include "proxy/protocol.h"

namespace aegis::proxy {
namespace {

// NOLINTBEGIN(cppcoreguidelines-pro-type-reinterpret-cast): the socket interface

base::UniqueFd Tcp(int family, int flags = 0) {
  return base::UniqueFd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
}

// Of loopback.
bool Bind(const base::UniqueFd& socket, int family, std::uint16_t port) {
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(port);
  six.sin6_addr = in6addr_loopback;
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_port = htons(port);
  four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return (family == AF_INET6
              ? ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&six), sizeof six)
              : ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&four), sizeof four)) == 0;
}

std::uint16_t PortOf(const base::UniqueFd& socket) {
  sockaddr_in6 address{};
  socklen_t size = sizeof address;
  EXPECT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  return ntohs(address.sin6_port);  // which stands where that of IPv4 does
}

base::UniqueFd Client(std::uint16_t port) {
  base::UniqueFd socket = Tcp(AF_INET);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  return socket;
}

// NOLINTEND(cppcoreguidelines-pro-type-reinterpret-cast)

base::UniqueFd Listening(int family, std::uint16_t port = 0, int flags = 0) {
  base::UniqueFd socket = Tcp(family, flags);
  const int on = 1;
  static_cast<void>(::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
  EXPECT_TRUE(Bind(socket, family, port));
  EXPECT_EQ(::listen(socket.get(), 1000), 0);
  return socket;
}

bool Readable(const base::UniqueFd& socket, int ms) {
  pollfd one{.fd = socket.get(), .events = POLLIN, .revents = 0};
  return ::poll(&one, 1, ms) == 1;
}

// The network inside and the one outside are the same here.
class Published : public ::testing::Test {
 protected:
  Published() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()),
              0);
    supervisor_ = base::UniqueFd(ends[0]);
    proxy_ = base::UniqueFd(ends[1]);
    outbox_ = std::make_unique<Outbox>(proxy_.get());
  }

  // The port inside is free; the server may listen there later.
  void Publish(std::size_t most = 1000) {
    base::UniqueFd listener = Listening(AF_INET, 0, SOCK_NONBLOCK);
    outer_port_ = PortOf(listener);
    inner_port_ = PortOf(Listening(AF_INET));
    std::vector<PublishedPorts::Port> ports;
    ports.push_back({.listener = std::move(listener), .inside = inner_port_});
    auto made = PublishedPorts::Create(std::move(ports), inside_, *outbox_, most);
    ASSERT_TRUE(made) << made.error().message();
    ports_ = std::move(*made);
  }

  // Until something can be read there; false if nothing comes.
  bool ServeUntilReadable(const base::UniqueFd& socket) {
    for (int i = 0; i < 500 && !Readable(socket, 0); ++i) {
      Serve();
    }
    return Readable(socket, 0);
  }
  void Serve() {
    pollfd one{.fd = ports_->fd(), .events = POLLIN, .revents = 0};
    const auto left = ports_->Timeout();
    ::poll(&one, 1, left ? std::clamp(static_cast<int>(left->count()), 0, 10) : 10);
    ports_->Process();
    static_cast<void>(outbox_->Flush());
  }
  base::UniqueFd Accepted(const base::UniqueFd& server) {
    EXPECT_TRUE(ServeUntilReadable(server));
    return base::UniqueFd(::accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }
  // The next bytes there; "end", or "reset".
  std::string Read(const base::UniqueFd& socket) {
    std::array<char, 100> bytes{};
    if (!ServeUntilReadable(socket)) {
      return "nothing";
    }
    const ssize_t got = ::recv(socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    return got > 0               ? std::string(bytes.data(), static_cast<std::size_t>(got))
           : got == 0            ? "end"
           : errno == ECONNRESET ? "reset"
                                 : "error";
  }
  static void Write(const base::UniqueFd& socket, const std::string& text) {
    EXPECT_EQ(::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  std::uint64_t Told() {
    std::uint64_t last = 0;
    while (Readable(supervisor_, 0)) {
      const auto message = DecodeFromProxy(Receive(supervisor_.get()).value().value());
      last = std::get<PublishedUse>(message.value()).connections;
    }
    return last;
  }

  InsideSockets inside_{
      {.listener = Listening(AF_INET, 0, SOCK_NONBLOCK), .seed = Tcp(AF_INET, SOCK_NONBLOCK)},
      {.listener = Listening(AF_INET6, 0, SOCK_NONBLOCK), .seed = Tcp(AF_INET6, SOCK_NONBLOCK)}};
  base::UniqueFd supervisor_;
  base::UniqueFd proxy_;
  std::unique_ptr<Outbox> outbox_;
  std::unique_ptr<PublishedPorts> ports_;
  std::uint16_t outer_port_ = 0;
  std::uint16_t inner_port_ = 0;
};

TEST_F(Published, BytesPassBothWays) {
  ASSERT_NO_FATAL_FAILURE(Publish());
  const base::UniqueFd server = Listening(AF_INET, inner_port_);
  const base::UniqueFd client = Client(outer_port_);
  Write(client, "hello");
  const base::UniqueFd inner = Accepted(server);
  EXPECT_EQ(Read(inner), "hello");
  Write(inner, "welcome");
  EXPECT_EQ(Read(client), "welcome");
  EXPECT_EQ(Told(), 1U);
}

TEST_F(Published, AServerOfIpv6IsFound) {
  ASSERT_NO_FATAL_FAILURE(Publish());
  const base::UniqueFd server = Listening(AF_INET6, inner_port_);
  const base::UniqueFd client = Client(outer_port_);
  const base::UniqueFd inner = Accepted(server);
  Write(inner, "first");
  EXPECT_EQ(Read(client), "first");
}

TEST_F(Published, WhereNobodyListensTheClientIsReset) {
  ASSERT_NO_FATAL_FAILURE(Publish());
  const base::UniqueFd early = Client(outer_port_);
  EXPECT_EQ(Read(early), "reset");
  const base::UniqueFd server = Listening(AF_INET, inner_port_);
  const base::UniqueFd client = Client(outer_port_);
  const base::UniqueFd inner = Accepted(server);
  Write(inner, "now");
  EXPECT_EQ(Read(client), "now");
  EXPECT_EQ(Told(), 2U);
}

TEST_F(Published, EachDirectionEndsForItself) {
  ASSERT_NO_FATAL_FAILURE(Publish());
  const base::UniqueFd server = Listening(AF_INET, inner_port_);
  const base::UniqueFd client = Client(outer_port_);
  const base::UniqueFd inner = Accepted(server);
  Write(client, "question");
  ASSERT_EQ(::shutdown(client.get(), SHUT_WR), 0);
  EXPECT_EQ(Read(inner), "question");
  EXPECT_EQ(Read(inner), "end");
  Write(inner, "answer");
  EXPECT_EQ(Read(client), "answer");
  ASSERT_EQ(::shutdown(inner.get(), SHUT_WR), 0);
  EXPECT_EQ(Read(client), "end");
}

TEST_F(Published, AResetIsPassedOn) {
  ASSERT_NO_FATAL_FAILURE(Publish());
  const base::UniqueFd server = Listening(AF_INET, inner_port_);
  const base::UniqueFd client = Client(outer_port_);
  base::UniqueFd inner = Accepted(server);
  Write(inner, "x");
  EXPECT_EQ(Read(client), "x");
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ASSERT_EQ(::setsockopt(inner.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
  inner.Reset();
  EXPECT_EQ(Read(client), "reset");
}

TEST_F(Published, MoreThanFitWaitTheirTurn) {
  ASSERT_NO_FATAL_FAILURE(Publish(2));
  const base::UniqueFd server = Listening(AF_INET, inner_port_);
  std::array<base::UniqueFd, 3> clients = {Client(outer_port_), Client(outer_port_),
                                           Client(outer_port_)};
  base::UniqueFd first = Accepted(server);
  const base::UniqueFd second = Accepted(server);
  for (int i = 0; i < 5; ++i) {
    Serve();
  }
  EXPECT_FALSE(Readable(server, 0));
  EXPECT_FALSE(ports_->Timeout());  // it does not turn in a circle meanwhile
  first.Reset();
  EXPECT_EQ(Read(clients[0]), "end");
  clients[0].Reset();
  const base::UniqueFd third = Accepted(server);
  Write(third, "at last");
  EXPECT_EQ(Read(clients[2]), "at last");
}

// A client that goes before its server answers leaves nothing behind.
TEST_F(Published, AClientThatGoesIsForgotten) {
  ASSERT_NO_FATAL_FAILURE(Publish(1));
  const base::UniqueFd server = Listening(AF_INET, inner_port_);
  {
    const base::UniqueFd client = Client(outer_port_);
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ASSERT_EQ(::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
  }
  const base::UniqueFd client = Client(outer_port_);
  Write(client, "next");
  std::string heard;
  for (int i = 0; i < 3 && heard != "next"; ++i) {
    heard = Read(Accepted(server));
  }
  EXPECT_EQ(heard, "next");
}

TEST_F(Published, LargeTransfersPassWhole) {
  constexpr std::size_t kSize = std::size_t{4} << 20U;
  ASSERT_NO_FATAL_FAILURE(Publish());
  const base::UniqueFd server = Listening(AF_INET, inner_port_);
  const base::UniqueFd client = Client(outer_port_);
  const base::UniqueFd inner = Accepted(server);
  ASSERT_EQ(::fcntl(client.get(), F_SETFL, O_RDWR | O_NONBLOCK), 0);
  const std::vector<char> bytes(65'536, 'x');
  std::size_t sent = 0;
  std::size_t received = 0;
  std::vector<char> got(1U << 20U);
  for (int turn = 0; turn < 100'000 && received < kSize; ++turn) {
    if (sent < kSize) {
      const ssize_t put =
          ::send(client.get(), bytes.data(), std::min(bytes.size(), kSize - sent), MSG_NOSIGNAL);
      sent += put > 0 ? static_cast<std::size_t>(put) : 0;
    }
    ports_->Process();
    const ssize_t taken = ::recv(inner.get(), got.data(), got.size(), MSG_DONTWAIT);
    received += taken > 0 ? static_cast<std::size_t>(taken) : 0;
  }
  EXPECT_EQ(received, kSize);
}

}  // namespace
}  // namespace aegis::proxy
