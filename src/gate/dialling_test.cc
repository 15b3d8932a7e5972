#include "gate/dialling.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <optional>

#include "base/unique_fd.h"
#include "gate/epoll_registrations.h"
#include "gate/inet_address.h"
#include "gate/listener.h"
#include "gate/test_notified_child.h"
#include "gate/test_roots.h"
#include "gate/test_sockets.h"
#include "gate/wake_signal.h"

namespace aegis::gate {
namespace {

using testing_support::Connect;
using testing_support::Connected;
using testing_support::MakeTcp;
using testing_support::NotifiedChild;
using testing_support::Packets;
using testing_support::TestServer;
using testing_support::WaitFor;

class Dialling : public ::testing::Test {
 protected:
  void SetUp() override { InstallWakeSignal(); }
};

// A server with one place in its backlog, taken: who connects then waits for ever.
class FullServer {
 public:
  FullServer() {
    for (base::UniqueFd& socket : waiting_) {
      (void)ConnectNow(socket, server_.address());
    }
  }
  const SocketAddress& address() const { return server_.address(); }

 private:
  TestServer server_{0};
  std::array<base::UniqueFd, 3> waiting_ = {MakeTcp(), MakeTcp(), MakeTcp()};
};

TEST_F(Dialling, AConnectionHasThreeStates) {
  const base::UniqueFd fresh = MakeTcp();
  EXPECT_EQ(StateOf(fresh), ConnectionState::kNone);
  TestServer server;
  EXPECT_EQ(StateOf(server.socket()), ConnectionState::kConnected);  // listens
  Connected ends = Connect(server);
  EXPECT_EQ(StateOf(ends.client), ConnectionState::kConnected);
  EXPECT_EQ(StateOf(ends.server), ConnectionState::kConnected);
  ends.server.Reset();
  EXPECT_EQ(StateOf(ends.client), ConnectionState::kConnected);  // half closed: no new one yet
  const FullServer full;
  const base::UniqueFd pending = MakeTcp();
  EXPECT_EQ(ConnectNow(pending, full.address()), EINPROGRESS);
  EXPECT_EQ(StateOf(pending), ConnectionState::kPending);
}

TEST_F(Dialling, WhatIsNoTcpSocketHasNoConnection) {
  const auto [one, other] = Packets();
  EXPECT_EQ(StateOf(one), ConnectionState::kNone);
  EXPECT_EQ(StateOf(base::UniqueFd()), ConnectionState::kNone);
  const base::UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_EQ(StateOf(null), ConnectionState::kNone);
}

TEST_F(Dialling, ConnectingNeverWaits) {
  const FullServer full;
  const base::UniqueFd socket = MakeTcp();
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(ConnectNow(socket, full.address()), EINPROGRESS);
  EXPECT_EQ(ConnectNow(socket, full.address()), EALREADY);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(1));
  // The program's own flag is as it was.
  EXPECT_EQ(::fcntl(socket.get(), F_GETFL) & O_NONBLOCK, 0);
  const base::UniqueFd own = MakeTcp(AF_INET, SOCK_NONBLOCK);
  EXPECT_EQ(ConnectNow(own, full.address()), EINPROGRESS);
  EXPECT_NE(::fcntl(own.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(Dialling, ASecondLookTellsHowItEnded) {
  TestServer server;
  const base::UniqueFd socket = MakeTcp();
  const int first = ConnectNow(socket, server.address());
  EXPECT_TRUE(first == 0 || first == EINPROGRESS) << first;
  ASSERT_TRUE(WaitFor(socket, POLLOUT));
  EXPECT_EQ(ConnectNow(socket, server.address()), first == 0 ? EISCONN : 0);
  EXPECT_EQ(ConnectNow(socket, server.address()), EISCONN);
  const SocketAddress address = server.address();
  server.Close();
  const base::UniqueFd refused = MakeTcp();
  int error = ConnectNow(refused, address);
  if (error == EINPROGRESS) {
    ASSERT_TRUE(WaitFor(refused, POLLOUT));
    error = ConnectNow(refused, address);
  }
  EXPECT_EQ(error, ECONNREFUSED);
  EXPECT_EQ(StateOf(refused), ConnectionState::kNone);
}

TEST_F(Dialling, FamiliesAndTypes) {
  EXPECT_EQ(FamilyOf(MakeTcp(AF_INET)), AF_INET);
  EXPECT_EQ(FamilyOf(MakeTcp(AF_INET6)), AF_INET6);
  EXPECT_EQ(TypeOf(MakeTcp()), SOCK_STREAM);
  const base::UniqueFd datagrams(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(FamilyOf(datagrams), AF_INET);
  EXPECT_EQ(TypeOf(datagrams), SOCK_DGRAM);
  const auto [one, other] = Packets();
  EXPECT_EQ(FamilyOf(one), 0);
  const base::UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_EQ(FamilyOf(null), 0);
  EXPECT_EQ(FamilyOf(base::UniqueFd()), 0);
}

TEST_F(Dialling, PatienceIsTheSocketsOwn) {
  const base::UniqueFd socket = MakeTcp();
  EXPECT_EQ(SendPatience(socket), std::nullopt);
  timeval time{2, 500'000};
  ASSERT_EQ(::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time), 0);
  ASSERT_TRUE(SendPatience(socket));
  EXPECT_NEAR(std::chrono::duration<double>(*SendPatience(socket)).count(), 2.5, 0.01);
  // Longer than a clock can count.
  time = {INT64_MAX / 2000, 0};
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time) == 0 &&
      SendPatience(socket)) {
    EXPECT_LE(*SendPatience(socket), std::chrono::seconds(1'000'000'001));
  }
  EXPECT_EQ(SendPatience(base::UniqueFd()), std::nullopt);
}

// What it says to another end, to be told from its predecessor.
int Says(int fd, bool close_on_exec, bool blocking) {
  const bool closes = (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
  const bool waits = (::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0;
  return closes == close_on_exec && waits == blocking && ::write(fd, "x", 1) == 1 ? 0 : 1;
}

class ReplaceTest : public ::testing::Test {
 protected:
  TestRoots files_;
  EpollRegistrations epolls_{files_.roots};
  TestServer server_;
  Connected ends_ = Connect(server_);
};

TEST_F(ReplaceTest, TheCallerFindsTheOtherSocketInEachPlace) {
  const base::UniqueFd own = MakeTcp();
  const int first = own.get();
  const int second = ::fcntl(first, F_DUPFD, 0);  // NOLINT: inherited
  const base::UniqueFd duplicate(second);
  for (const bool blocking : {true, false}) {
    NotifiedChild child(
        [&] { return Says(first, true, blocking) + 2 * Says(second, false, blocking); });
    Replacement replacement;
    replacement.places.push_back({.number = first, .close_on_exec = true});
    replacement.places.push_back({.number = second, .close_on_exec = false});
    replacement.blocking = blocking;
    EXPECT_EQ(Replace(child.listener(), child.id(), epolls_, replacement, ends_.client), 0);
    EXPECT_EQ(child.Finish(), 0) << blocking;
    std::array<char, 8> bytes{};
    EXPECT_EQ(::read(ends_.server.get(), bytes.data(), bytes.size()), 2);
  }
  // The twin: ours is as it was.
  EXPECT_EQ(StateOf(own), ConnectionState::kNone);
}

TEST_F(ReplaceTest, WithoutAPlaceNothingChanges) {
  const base::UniqueFd own = MakeTcp();
  const int number = own.get();
  NotifiedChild child([&] {
    return StateOf(base::UniqueFd(::dup(number))) ==  // NOLINT
                   ConnectionState::kNone
               ? 0
               : 1;
  });
  ASSERT_EQ(::fcntl(ends_.client.get(), F_SETFL, O_NONBLOCK), 0);
  EXPECT_EQ(Replace(child.listener(), child.id(), epolls_, {}, ends_.client), 0);
  EXPECT_NE(::fcntl(ends_.client.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(child.Finish(), 0);
}

// A number beyond the caller's limit, and a caller that is gone.
TEST_F(ReplaceTest, AFailureIsTold) {
  const auto replace = [&](const Listener& listener, std::uint64_t id, int number) {
    Replacement replacement;
    replacement.places.push_back({.number = number});
    return Replace(listener, id, epolls_, replacement, ends_.client);
  };
  NotifiedChild child([] { return 0; });
  EXPECT_EQ(replace(child.listener(), child.id(), 1 << 30), EBADF);
  EXPECT_EQ(replace(child.listener(), child.id() + 1, 0), ENOENT);
  EXPECT_EQ(child.Finish(), 0);
  EXPECT_EQ(replace(child.listener(), child.id(), 0), ENOENT);
}

}  // namespace
}  // namespace aegis::gate
