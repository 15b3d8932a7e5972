#include "proxy/relay.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/unique_fd.h"
#include "proxy/bytes.h"
#include "proxy/channel.h"
#include "proxy/inside_sockets.h"
#include "proxy/outbox.h"
#include "proxy/protocol.h"
#include "proxy/test_client_hello.h"

namespace aegis::proxy {
namespace {

using testing_support::HelloWith;
using testing_support::ServerNameExtension;

constexpr int kSoon = 5'000;  // ms
constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: api.test\r\n\r\n";
constexpr std::string_view kResponse = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// NOLINTBEGIN(cppcoreguidelines-pro-type-reinterpret-cast): the socket interface

sockaddr_in AddressOf(const base::UniqueFd& socket) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  EXPECT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  return address;
}

base::UniqueFd Tcp() {
  return base::UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

base::UniqueFd Listener(int backlog) {
  base::UniqueFd socket = Tcp();
  const int on = 1;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on), 0);
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(::listen(socket.get(), backlog), 0);
  return socket;
}

base::UniqueFd Dial(const sockaddr_in& address) {
  base::UniqueFd socket = Tcp();
  EXPECT_NE(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
            0);
  EXPECT_EQ(errno, EINPROGRESS);
  return socket;
}

// NOLINTEND(cppcoreguidelines-pro-type-reinterpret-cast)

int ErrorOf(const base::UniqueFd& socket) {
  int error = 0;
  socklen_t size = sizeof error;
  EXPECT_EQ(::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size), 0);
  return error;
}

std::string Hello(std::string_view name) {
  const Bytes bytes = HelloWith({ServerNameExtension(name)});
  return {bytes.begin(), bytes.end()};
}

// The relay between this test as the agent and this test as the host, all on one loopback.
class Relaying : public ::testing::Test {
 protected:
  void SetUp() override {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()),
              0);
    supervisor_.Reset(ends[0]);
    proxy_end_.Reset(ends[1]);
    outbox_.emplace(proxy_end_.get());
    auto relay = Relay::Create(InsideSockets({.listener = Listener(16),
                                              .seed = Tcp(),
                                              .meeting_port = ntohs(AddressOf(meeting_).sin_port)},
                                             {}),
                               *outbox_, 4);
    ASSERT_TRUE(relay);
    relay_ = *std::move(relay);
    Turn();
  }

  // A connection of the agent to the host, as the supervisor begins it.
  base::UniqueFd Begin(const sockaddr_in& where) {
    base::UniqueFd agent = Dial(AddressOf(meeting_));
    base::UniqueFd copy(::fcntl(agent.get(), F_DUPFD_CLOEXEC, 0));
    relay_->Take({.id = ++last_id_, .name = "api.test", .port = 80},
                 {.outside = Dial(where), .inside = std::move(copy)});
    return agent;
  }
  base::UniqueFd Begin() { return Begin(AddressOf(host_)); }

  base::UniqueFd Accept() {
    EXPECT_TRUE(WaitFor(host_, POLLIN));
    return base::UniqueFd(::accept4(host_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  }

  void Turn() {
    relay_->Process();
    EXPECT_TRUE(outbox_->Flush());
  }

  // Lets the relay work until then.
  bool WaitFor(const base::UniqueFd& socket, short events, int milliseconds = kSoon) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
    do {
      Turn();
      std::array<pollfd, 2> polls{{{.fd = socket.get(), .events = events, .revents = 0},
                                   {.fd = relay_->fd(), .events = POLLIN, .revents = 0}}};
      if (::poll(polls.data(), polls.size(), 5) > 0 && polls[0].revents != 0) {
        return true;
      }
    } while (std::chrono::steady_clock::now() < end);
    return false;
  }

  static void Say(const base::UniqueFd& socket, std::string_view bytes) {
    ASSERT_EQ(::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // What comes: so many bytes, or all until the end.
  std::string Hear(const base::UniqueFd& socket, std::size_t bytes = std::string::npos) {
    std::string heard;
    std::array<char, 4096> buffer{};
    while (heard.size() < bytes && WaitFor(socket, POLLIN)) {
      const ssize_t got = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
      if (got <= 0) {
        break;
      }
      heard.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return heard;
  }
  std::optional<ConnectionRefused> Refused() {
    if (!WaitFor(supervisor_, POLLIN)) {
      return std::nullopt;
    }
    const auto packet = Receive(supervisor_.get());
    const auto message = DecodeFromProxy(packet && *packet ? **packet : Bytes{});
    const auto* const refused = message ? std::get_if<ConnectionRefused>(&*message) : nullptr;
    return refused != nullptr ? std::optional(*refused) : std::nullopt;
  }
  // The host hears nothing but the end.
  void ExpectSilence(const base::UniqueFd& accepted) { EXPECT_EQ(Hear(accepted), ""); }

  base::UniqueFd host_ = Listener(16);
  base::UniqueFd supervisor_;

 private:
  base::UniqueFd meeting_ = Listener(0);
  base::UniqueFd plug_ = Dial(AddressOf(meeting_));
  base::UniqueFd proxy_end_;
  std::optional<Outbox> outbox_;
  std::unique_ptr<Relay> relay_;
  std::uint64_t last_id_ = 0;
};

TEST_F(Relaying, BothWaysOfTls) {
  const base::UniqueFd agent = Begin();
  ASSERT_TRUE(WaitFor(agent, POLLOUT));
  EXPECT_EQ(ErrorOf(agent), 0);
  const base::UniqueFd accepted = Accept();
  const std::string hello = Hello("API.test");
  Say(agent, hello.substr(0, 20));
  EXPECT_FALSE(WaitFor(accepted, POLLIN, 50)) << "nothing is known of the host yet";
  Say(agent, hello.substr(20));
  EXPECT_EQ(Hear(accepted, hello.size()), hello);
  Say(accepted, "server");
  EXPECT_EQ(Hear(agent, 6), "server");
  Say(agent, "more");
  ASSERT_EQ(::shutdown(agent.get(), SHUT_WR), 0);
  EXPECT_EQ(Hear(accepted), "more");
  Say(accepted, "last");
  ASSERT_EQ(::shutdown(accepted.get(), SHUT_WR), 0);
  EXPECT_EQ(Hear(agent), "last");
}

// As the agent would see it of the host itself.
TEST_F(Relaying, AHostThatNobodyListensAt) {
  sockaddr_in nobody{};
  {
    const base::UniqueFd gone = Listener(1);
    nobody = AddressOf(gone);
  }
  const base::UniqueFd agent = Begin(nobody);
  ASSERT_TRUE(WaitFor(agent, POLLOUT));
  EXPECT_EQ(ErrorOf(agent), ECONNREFUSED);
}

// The kernel keeps the error for who waits.
TEST_F(Relaying, AHostThatNobodyListensAtForASocketThatBlocks) {
  const base::UniqueFd full = Listener(0);
  const base::UniqueFd plug = Dial(AddressOf(full));
  const base::UniqueFd agent = Dial(AddressOf(full));
  const int flags = ::fcntl(agent.get(), F_GETFL);
  ASSERT_EQ(::fcntl(agent.get(), F_SETFL, flags & ~O_NONBLOCK), 0);
  InsideSockets::Refuse(agent);
  EXPECT_EQ(ErrorOf(agent), ECONNREFUSED);
  EXPECT_EQ(::fcntl(agent.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(Relaying, WhoDoesNotWaitAnyMoreIsNotRefused) {
  const base::UniqueFd agent = Dial(AddressOf(host_));
  const base::UniqueFd accepted = Accept();
  InsideSockets::Refuse(agent);
  Say(agent, "still");
  EXPECT_EQ(Hear(accepted, 5), "still");
}

TEST_F(Relaying, AConnectionThatIsPendingOutsideIsPendingInside) {
  const base::UniqueFd full = Listener(0);
  const base::UniqueFd first = Dial(AddressOf(full));
  const base::UniqueFd agent = Begin(AddressOf(full));
  EXPECT_FALSE(WaitFor(agent, POLLIN | POLLOUT, 100));
}

TEST_F(Relaying, OtherNamesAndNone) {
  struct Case {
    std::string bytes{};
    Objection objection{};
    std::string seen{};
    std::string_view answer{};
  };
  const std::array<Case, 6> cases{{
      {Hello("other.test"), Objection::kOtherName, "other.test", {"\x15\x03\x03\0\2\2\x70", 7}},
      {Hello(""), Objection::kMalformed, "", {"\x15\x03\x03\0\2\2\x31", 7}},
      {"SSH-2.0-x\r\n", Objection::kOtherProtocol, "", ""},
      {"GET / HTTP/1.1\r\nHost: other.test\r\n\r\n", Objection::kOtherName, "other.test",
       "HTTP/1.1 403 Forbidden\r\n"},
      {"GET / HTTP/1.1\r\nHost: api.test:81\r\n\r\n", Objection::kOtherName, "api.test:81",
       "HTTP/1.1 403 Forbidden\r\n"},
      {"GET / HTTP/1.1\nHost: api.test\n\n", Objection::kMalformed, "",
       "HTTP/1.1 400 Bad Request\r\n"},
  }};
  for (const Case& one : cases) {
    base::UniqueFd agent = Begin();
    const base::UniqueFd accepted = Accept();
    Say(agent, one.bytes);
    const auto refused = Refused();
    ASSERT_TRUE(refused) << one.bytes;
    EXPECT_EQ(refused->objection, one.objection) << one.bytes;
    if (!one.seen.empty()) {
      EXPECT_EQ(refused->seen, one.seen);
    }
    const std::string answer = Hear(agent);
    EXPECT_TRUE(answer.starts_with(one.answer)) << answer;
    EXPECT_EQ(answer.empty(), one.answer.empty());
    agent.Reset();
    ExpectSilence(accepted);
  }
}

TEST_F(Relaying, AServerThatEndsFirst) {
  const base::UniqueFd agent = Begin();
  const base::UniqueFd accepted = Accept();
  ASSERT_EQ(::shutdown(accepted.get(), SHUT_WR), 0);
  EXPECT_EQ(Hear(agent), "");
  Say(agent, kRequest);
  EXPECT_EQ(Hear(accepted, kRequest.size()), kRequest);
}

// Servers take that for a client that is gone.
TEST_F(Relaying, TheLastRequestIsNotTheEndOfTheStream) {
  const base::UniqueFd agent = Begin();
  const base::UniqueFd accepted = Accept();
  constexpr std::string_view kLast =
      "GET / HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n";
  Say(agent, kLast);
  EXPECT_EQ(Hear(accepted, kLast.size()), kLast);
  EXPECT_FALSE(WaitFor(accepted, POLLIN | POLLRDHUP, 50));
  Say(agent, "GET / HTTP/1.1\r\nHost: other.test\r\n\r\n");
  EXPECT_FALSE(WaitFor(accepted, POLLIN | POLLRDHUP, 50)) << "nothing follows the last request";
  Say(accepted, kResponse);
  EXPECT_EQ(Hear(agent), kResponse);
  EXPECT_EQ(Hear(accepted), "");
}

TEST_F(Relaying, AClientThatIsGoneBeforeTheLastResponse) {
  base::UniqueFd agent = Begin();
  const base::UniqueFd accepted = Accept();
  constexpr std::string_view kLast = "GET / HTTP/1.0\r\nHost: api.test\r\n\r\n";
  Say(agent, kLast);
  EXPECT_EQ(Hear(accepted, kLast.size()), kLast);
  agent.Reset();
  EXPECT_EQ(Hear(accepted), "");
}

TEST_F(Relaying, AServerThatSpeaksFirst) {
  const base::UniqueFd agent = Begin();
  const base::UniqueFd accepted = Accept();
  Say(accepted, "220 hello\r\n");
  const auto refused = Refused();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->objection, Objection::kOtherProtocol);
  EXPECT_EQ(Hear(agent), "");
}

TEST_F(Relaying, WhoSaysTooLittleIsRefusedInTheEnd) {
  base::UniqueFd agent = Begin();
  const base::UniqueFd accepted = Accept();
  Say(agent, "ping");
  const auto refused = Refused();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->objection, Objection::kOtherProtocol);
  agent.Reset();
  ExpectSilence(accepted);
}

TEST_F(Relaying, EachRequestIsJudged) {
  base::UniqueFd agent = Begin();
  const base::UniqueFd accepted = Accept();
  Say(agent, kRequest);
  EXPECT_EQ(Hear(accepted, kRequest.size()), kRequest);
  Say(agent, "GET /2 HTTP/1.1\r\nHost: other.test\r\n\r\n");
  const auto refused = Refused();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->objection, Objection::kOtherName);
  Say(accepted, kResponse);  // to the first one
  const std::string heard = Hear(agent);
  EXPECT_TRUE(heard.starts_with(kResponse)) << heard;
  EXPECT_TRUE(heard.substr(kResponse.size()).starts_with("HTTP/1.1 403 ")) << heard;
  agent.Reset();
  ExpectSilence(accepted);
}

TEST_F(Relaying, AResetIsPassedOn) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  for (const bool from_host : {false, true}) {
    base::UniqueFd agent = Begin();
    base::UniqueFd accepted = Accept();
    const std::string hello = Hello("api.test");
    Say(agent, hello);
    EXPECT_EQ(Hear(accepted, hello.size()), hello);
    base::UniqueFd& one = from_host ? accepted : agent;
    const base::UniqueFd& other = from_host ? agent : accepted;
    ASSERT_EQ(::setsockopt(one.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    one.Reset();
    ASSERT_TRUE(WaitFor(other, POLLIN));
    char byte = 0;
    // The host is told by an end: a reset would lose the figures of the connection.
    EXPECT_EQ(::recv(other.get(), &byte, 1, 0), from_host ? -1 : 0);
    EXPECT_TRUE(!from_host || errno == ECONNRESET);
  }
}

TEST_F(Relaying, WhatEndsTooSoonIsRefused) {
  const std::string hello = Hello("api.test");
  for (const std::string_view words :
       {std::string_view("ping"), std::string_view(hello).substr(0, 40)}) {
    const base::UniqueFd agent = Begin();
    const base::UniqueFd accepted = Accept();
    Say(agent, words);
    ASSERT_EQ(::shutdown(agent.get(), SHUT_WR), 0);
    const auto refused = Refused();
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->objection, Objection::kOtherProtocol);
    ExpectSilence(accepted);
  }
}

TEST_F(Relaying, MoreThanItMayHaveFindNobody) {
  std::array<base::UniqueFd, 4> agents;
  std::array<base::UniqueFd, 4> hosts;
  for (std::size_t i = 0; i < agents.size(); ++i) {
    agents[i] = Begin();
    hosts[i] = Accept();
  }
  const base::UniqueFd one_more = Begin();
  ASSERT_TRUE(WaitFor(one_more, POLLOUT));
  EXPECT_EQ(ErrorOf(one_more), ECONNREFUSED);
  agents[0].Reset();
  ASSERT_TRUE(WaitFor(hosts[0], POLLIN)) << "the end";
  const base::UniqueFd another = Begin();
  ASSERT_TRUE(WaitFor(another, POLLOUT));
  EXPECT_EQ(ErrorOf(another), 0);
}

}  // namespace
}  // namespace aegis::proxy
