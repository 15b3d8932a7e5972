#include "sandbox/inside_network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/test_requirements.h"
#include "base/unique_fd.h"
#include "sandbox/capabilities.h"
#include "sandbox/uapi.h"

namespace aegis::sandbox {
namespace {

std::pair<base::UniqueFd, base::UniqueFd> Packets() {
  std::array<int, 2> ends{};
  AEGIS_CHECK(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) == 0);
  return {base::UniqueFd(ends[0]), base::UniqueFd(ends[1])};
}

std::uint64_t NamespaceOf(const base::UniqueFd& socket) {
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  return ::getsockopt(socket.get(), SOL_SOCKET, uapi::kSoNetnsCookie, &cookie, &size) == 0 ? cookie
                                                                                           : 0;
}

// Text of an address and its port, as the kernel names a socket.
std::string NameOf(const base::UniqueFd& socket, bool peer = false) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  auto* const address = reinterpret_cast<sockaddr*>(&storage);
  if ((peer ? ::getpeername(socket.get(), address, &size)
            : ::getsockname(socket.get(), address, &size)) != 0) {
    return "";
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (storage.ss_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &storage, sizeof in);
    return std::string(::inet_ntop(AF_INET, &in.sin_addr, text.data(), text.size())) + " " +
           std::to_string(ntohs(in.sin_port));
  }
  sockaddr_in6 in{};
  std::memcpy(&in, &storage, sizeof in);
  return std::string(::inet_ntop(AF_INET6, &in.sin6_addr, text.data(), text.size())) + " " +
         std::to_string(ntohs(in.sin6_port));
}

// 0 or the errno of a connect to an address of this namespace or another one; datagrams send
// nothing for it.
int Reach(const std::string& host, std::uint16_t port, int type = SOCK_DGRAM) {
  sockaddr_storage storage{};
  socklen_t size = 0;
  sockaddr_in four{};
  sockaddr_in6 six{};
  if (::inet_pton(AF_INET, host.c_str(), &four.sin_addr) == 1) {
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    size = sizeof four;
    std::memcpy(&storage, &four, size);
  } else {
    AEGIS_CHECK(::inet_pton(AF_INET6, host.c_str(), &six.sin6_addr) == 1);
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(port);
    size = sizeof six;
    std::memcpy(&storage, &six, size);
  }
  const base::UniqueFd socket(::socket(storage.ss_family, type | SOCK_CLOEXEC, 0));
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&storage), size) == 0 ? 0
                                                                                         : errno;
}

// Runs `body` in a child with a user and network namespace of its own; true if it returned true.
bool InNewNamespace(const std::function<bool()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(::unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 && body() ? 0 : 1);
  }
  int status = 0;
  AEGIS_CHECK(::waitpid(child, &status, 0) == child);
  return status == 0;
}

class InsideNetworkTest : public ::testing::Test {
 protected:
  void SetUp() override { REQUIRE_USERNS(); }

  std::pair<base::UniqueFd, base::UniqueFd> pair_ = Packets();
  base::UniqueFd& outside_ = pair_.first;
  base::UniqueFd& inside_ = pair_.second;
};

TEST_F(InsideNetworkTest, TheSupervisorGetsTheNameSockets) {
  ASSERT_TRUE(InNewNamespace([&] { return SetUpInsideNetwork(inside_.get()).has_value(); }));
  const auto network = ReceiveInsideNetwork(outside_.get());
  ASSERT_TRUE(network.has_value()) << network.error().message();
  const base::UniqueFd here(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  EXPECT_NE(network->cookie, 0U);
  EXPECT_NE(network->cookie, NamespaceOf(here));
  ASSERT_GE(network->name_sockets.size(), 1U);
  EXPECT_EQ(NameOf(network->name_sockets[0]), "127.0.0.1 53");
  EXPECT_EQ(NamespaceOf(network->fresh4), network->cookie);
  for (const base::UniqueFd& socket : network->name_sockets) {
    EXPECT_EQ(NamespaceOf(socket), network->cookie);
    EXPECT_NE(::fcntl(socket.get(), F_GETFD) & FD_CLOEXEC, 0);
  }
  for (const base::UniqueFd* socket : {&network->tcp4.meeting, &network->tcp4.plug,
                                       &network->tcp4.listener, &network->tcp4.seed}) {
    EXPECT_EQ(NamespaceOf(*socket), network->cookie);
  }
  EXPECT_EQ(network->fresh6.valid(), network->name_sockets.size() == 2);
  EXPECT_EQ(network->tcp6.valid(), network->fresh6.valid());
  if (network->fresh6.valid()) {
    EXPECT_EQ(NameOf(network->name_sockets[1]), "::1 53");
    EXPECT_EQ(NamespaceOf(network->fresh6), network->cookie);
  }
}

TEST_F(InsideNetworkTest, TwoRunsHaveTwoNetworks) {
  std::array<std::uint64_t, 2> cookies{};
  std::array<InsideNetwork, 2> networks;
  for (std::size_t i = 0; i < cookies.size(); ++i) {
    ASSERT_TRUE(InNewNamespace([&] { return SetUpInsideNetwork(inside_.get()).has_value(); }));
    auto network = ReceiveInsideNetwork(outside_.get());
    ASSERT_TRUE(network.has_value());
    cookies.at(i) = network->cookie;
    networks.at(i) = std::move(*network);
  }
  EXPECT_NE(cookies[0], cookies[1]);
}

// Loopback and both ranges are there, and nothing else.
TEST_F(InsideNetworkTest, NothingLeadsOutside) {
  EXPECT_TRUE(InNewNamespace([&] {
    // The twin first: without it there is nothing at all.
    return Reach("127.0.0.1", 53) == ENETUNREACH;
  }));
  for (const char* host :
       {"127.0.0.1", "127.9.9.9", "198.18.0.1", "198.18.0.2", "198.18.255.255", "198.19.255.254"}) {
    EXPECT_TRUE(InNewNamespace([&] {
      return SetUpInsideNetwork(inside_.get()).has_value() && Reach(host, 53) == 0;
    })) << host;
  }
  for (const char* host :
       {"198.17.255.255", "198.20.0.1", "10.0.0.1", "192.168.0.1", "8.8.8.8", "169.254.169.254",
        "224.0.0.1", "2001:db8::1", "fe80::1", "fd61:6567:6974::1"}) {
    EXPECT_TRUE(InNewNamespace([&] {
      return SetUpInsideNetwork(inside_.get()).has_value() && Reach(host, 53) != 0;
    })) << host;
  }
}

TEST_F(InsideNetworkTest, TheIpv6RangeIsTheNamespacesOwn) {
  EXPECT_TRUE(InNewNamespace([&] {
    if (!SetUpInsideNetwork(inside_.get()).has_value()) {
      return false;
    }
    const base::UniqueFd six(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    return !six.valid() || (Reach("::1", 53) == 0 && Reach("fd61:6567:6973::1", 53) == 0 &&
                            Reach("fd61:6567:6973:1::1", 53) != 0);
  }));
}

// A program's datagram to the name server arrives at the supervisor's socket, and the answer there.
TEST_F(InsideNetworkTest, AQuestionArrivesAndIsAnswered) {
  auto [ours, theirs] = Packets();
  const pid_t child = ::fork();
  if (child == 0) {
    const bool ready = ::unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 &&
                       SetUpInsideNetwork(inside_.get()).has_value();
    sockaddr_in server{};
    server.sin_family = AF_INET;
    server.sin_port = htons(53);
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const base::UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    std::array<char, 8> answer{};
    const bool answered =
        ready &&
        ::connect(socket.get(), reinterpret_cast<sockaddr*>(&server), sizeof server) == 0 &&
        ::send(socket.get(), "who", 3, 0) == 3 &&
        ::recv(socket.get(), answer.data(), answer.size(), 0) == 4;
    ::_exit(answered && std::string_view(answer.data()) == "you!" ? 0 : 1);
  }
  pollfd network_there{outside_.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&network_there, 1, 10'000), 1);
  const auto network = ReceiveInsideNetwork(outside_.get());
  ASSERT_TRUE(network.has_value());
  const int names = network->name_sockets.front().get();
  pollfd question{names, POLLIN, 0};
  ASSERT_EQ(::poll(&question, 1, 10'000), 1);
  std::array<char, 8> bytes{};
  sockaddr_storage from{};
  socklen_t size = sizeof from;
  ASSERT_EQ(
      ::recvfrom(names, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&from), &size),
      3);
  ASSERT_EQ(::sendto(names, "you!", 4, 0, reinterpret_cast<const sockaddr*>(&from), size), 4);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

// Nobody but who has capabilities over the namespace changes it.
TEST_F(InsideNetworkTest, WithoutCapabilitiesItFails) {
  EXPECT_TRUE(InNewNamespace([&] {
    return DropAllCapabilities().has_value() && !SetUpInsideNetwork(inside_.get()).has_value();
  }));
  EXPECT_FALSE(ReceiveInsideNetwork(outside_.get()).has_value());
}

// What arrives is that many sockets, or no network.
class ReceivedTest : public ::testing::Test {
 protected:
  void Send(const std::vector<int>& fds, std::string_view text = "x") const {
    iovec data{const_cast<char*>(text.data()), text.size()};  // NOLINT: only read
    alignas(cmsghdr) std::array<char, CMSG_SPACE(kMost * sizeof(int))> control{};
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    if (!fds.empty()) {
      const std::size_t bytes = fds.size() * sizeof(int);
      header.msg_control = control.data();
      header.msg_controllen = CMSG_SPACE(bytes);
      cmsghdr* const rights = CMSG_FIRSTHDR(&header);
      rights->cmsg_level = SOL_SOCKET;
      rights->cmsg_type = SCM_RIGHTS;
      rights->cmsg_len = CMSG_LEN(bytes);
      std::memcpy(CMSG_DATA(rights), fds.data(), bytes);
    }
    ASSERT_EQ(::sendmsg(pair_.second.get(), &header, 0), static_cast<ssize_t>(text.size()));
  }
  bool Received() const { return ReceiveInsideNetwork(pair_.first.get()).has_value(); }

  std::pair<base::UniqueFd, base::UniqueFd> pair_ = Packets();
  static constexpr std::size_t kOneFamily = 6;
  static constexpr std::size_t kMost = 2 * kOneFamily;

  base::UniqueFd socket_{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

TEST_F(ReceivedTest, TheSocketsOfOneFamilyOrOfBoth) {
  for (std::size_t count = 0; count <= kMost; ++count) {
    Send(std::vector<int>(count, socket_.get()));
    EXPECT_EQ(Received(), count == kOneFamily || count == kMost) << count;
  }
}

TEST_F(ReceivedTest, NothingIsNotWaitedFor) {
  EXPECT_FALSE(Received());
  pair_.second.Reset();
  EXPECT_FALSE(Received());
}

TEST_F(ReceivedTest, WhatIsNoSocketHasNoNetwork) {
  const base::UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  Send(std::vector<int>(kOneFamily, null.get()));
  EXPECT_FALSE(Received());
  Send(std::vector<int>(kOneFamily, socket_.get()));
  EXPECT_TRUE(Received());
}

// Descriptors that are refused are not kept.
TEST_F(ReceivedTest, NoDescriptorIsLeftOver) {
  const base::UniqueFd before(::fcntl(socket_.get(), F_DUPFD_CLOEXEC, 0));
  for (const std::size_t count : {1U, 3U}) {
    Send(std::vector<int>(count, socket_.get()));
    EXPECT_FALSE(Received());
  }
  const base::UniqueFd after(::fcntl(socket_.get(), F_DUPFD_CLOEXEC, 0));
  EXPECT_EQ(after.get(), before.get() + 1);
}

}  // namespace
}  // namespace aegis::sandbox
