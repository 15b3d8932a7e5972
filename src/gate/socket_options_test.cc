#include "gate/socket_options.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "base/unique_fd.h"
#include "gate/inet_address.h"
#include "gate/test_sockets.h"

namespace aegis::gate {
namespace {

using testing_support::MakeTcp;

int Get(const base::UniqueFd& socket, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  EXPECT_EQ(::getsockopt(socket.get(), level, name, &value, &size), 0) << level << " " << name;
  return value;
}

int Set(const base::UniqueFd& socket, int level, int name, int value) {
  return ::setsockopt(socket.get(), level, name, &value, sizeof value);
}

// The agent's socket, one as its namespace makes them, and the one that takes its place.
struct Three {
  explicit Three(int family = AF_INET)
      : from(MakeTcp(family)), fresh(MakeTcp(family)), to(MakeTcp(family)) {}
  void Copy() const { CopySocketOptions(from, fresh, to); }

  base::UniqueFd from;
  base::UniqueFd fresh;
  base::UniqueFd to;
};

struct Option {
  const char* name;
  int level;
  int option;
  int value;
  int family = AF_INET;
};

constexpr auto kOptions = std::to_array<Option>({
    {"SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE, 1},
    {"SO_OOBINLINE", SOL_SOCKET, SO_OOBINLINE, 1},
    {"SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR, 1},
    {"SO_BROADCAST", SOL_SOCKET, SO_BROADCAST, 1},
    {"SO_DONTROUTE", SOL_SOCKET, SO_DONTROUTE, 1},
    {"SO_ZEROCOPY", SOL_SOCKET, SO_ZEROCOPY, 1},
    {"SO_MAX_PACING_RATE", SOL_SOCKET, SO_MAX_PACING_RATE, 1'000'000},
    {"SO_PRIORITY", SOL_SOCKET, SO_PRIORITY, 3},
    {"SO_RCVLOWAT", SOL_SOCKET, SO_RCVLOWAT, 77},
    {"SO_TIMESTAMP", SOL_SOCKET, SO_TIMESTAMP, 1},
    {"TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY, 1},
    {"TCP_CORK", IPPROTO_TCP, TCP_CORK, 1},
    {"TCP_KEEPIDLE", IPPROTO_TCP, TCP_KEEPIDLE, 111},
    {"TCP_KEEPINTVL", IPPROTO_TCP, TCP_KEEPINTVL, 22},
    {"TCP_KEEPCNT", IPPROTO_TCP, TCP_KEEPCNT, 3},
    {"TCP_USER_TIMEOUT", IPPROTO_TCP, TCP_USER_TIMEOUT, 4321},
    {"TCP_SYNCNT", IPPROTO_TCP, TCP_SYNCNT, 2},
    {"TCP_LINGER2", IPPROTO_TCP, TCP_LINGER2, 5},
    {"TCP_THIN_LINEAR_TIMEOUTS", IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 1},
    {"TCP_NOTSENT_LOWAT", IPPROTO_TCP, TCP_NOTSENT_LOWAT, 12'345},
    {"IP_TOS", IPPROTO_IP, IP_TOS, 0x10},
    {"IP_TTL", IPPROTO_IP, IP_TTL, 9},
    {"IP_RECVERR", IPPROTO_IP, IP_RECVERR, 1},
    {"IP_BIND_ADDRESS_NO_PORT", IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1},
    {"IP_MTU_DISCOVER", IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO},
    {"IPV6_TCLASS", IPPROTO_IPV6, IPV6_TCLASS, 0x20, AF_INET6},
    {"IPV6_UNICAST_HOPS", IPPROTO_IPV6, IPV6_UNICAST_HOPS, 8, AF_INET6},
    {"IPV6_V6ONLY", IPPROTO_IPV6, IPV6_V6ONLY, 1, AF_INET6},
    {"IPV6_RECVERR", IPPROTO_IPV6, IPV6_RECVERR, 1, AF_INET6},
});

TEST(SocketOptions, WhatWasSetIsCopied) {
  for (const Option& option : kOptions) {
    const Three sockets(option.family);
    const int before = Get(sockets.to, option.level, option.option);
    ASSERT_NE(before, option.value) << option.name;
    ASSERT_EQ(Set(sockets.from, option.level, option.option, option.value), 0) << option.name;
    sockets.Copy();
    EXPECT_EQ(Get(sockets.to, option.level, option.option),
              Get(sockets.from, option.level, option.option))
        << option.name;
    // The twin: an option of a namespace is none of the agent's, and the new socket keeps its own.
    const Three same(option.family);
    ASSERT_EQ(Set(same.from, option.level, option.option, option.value), 0);
    ASSERT_EQ(Set(same.fresh, option.level, option.option, option.value), 0);
    same.Copy();
    EXPECT_EQ(Get(same.to, option.level, option.option), before) << option.name;
  }
}

// All at once: none of them takes another one back.
TEST(SocketOptions, ManyAreCopiedTogether) {
  for (const int family : {AF_INET, AF_INET6}) {
    const Three sockets(family);
    for (const Option& option : kOptions) {
      if (option.family == AF_INET || family == AF_INET6) {
        (void)Set(sockets.from, option.level, option.option, option.value);
      }
    }
    sockets.Copy();
    for (const Option& option : kOptions) {
      if (option.family == AF_INET || family == AF_INET6) {
        EXPECT_EQ(Get(sockets.to, option.level, option.option),
                  Get(sockets.from, option.level, option.option))
            << option.name;
      }
    }
  }
}

// The kernel doubles what it is asked for: a copy of a copy must not grow.
TEST(SocketOptions, BuffersKeepTheirSize) {
  for (const int option : {SO_SNDBUF, SO_RCVBUF}) {
    const Three sockets;
    const int before = Get(sockets.to, SOL_SOCKET, option);
    ASSERT_EQ(Set(sockets.from, SOL_SOCKET, option, 20'000), 0);
    ASSERT_NE(Get(sockets.from, SOL_SOCKET, option), before);
    sockets.Copy();
    EXPECT_EQ(Get(sockets.to, SOL_SOCKET, option), Get(sockets.from, SOL_SOCKET, option));
    const Three untouched;
    untouched.Copy();
    EXPECT_EQ(Get(untouched.to, SOL_SOCKET, option), before);
  }
}

TEST(SocketOptions, TimesAndLingeringAreCopied) {
  const Three sockets;
  const timeval patience{3, 500'000};
  const linger lingering{1, 7};
  for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO}) {
    ASSERT_EQ(::setsockopt(sockets.from.get(), SOL_SOCKET, option, &patience, sizeof patience), 0);
  }
  ASSERT_EQ(::setsockopt(sockets.from.get(), SOL_SOCKET, SO_LINGER, &lingering, sizeof lingering),
            0);
  sockets.Copy();
  for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO}) {
    timeval copied{};
    socklen_t size = sizeof copied;
    ASSERT_EQ(::getsockopt(sockets.to.get(), SOL_SOCKET, option, &copied, &size), 0);
    EXPECT_EQ(copied.tv_sec, 3);
    EXPECT_NEAR(static_cast<double>(copied.tv_usec), 500'000, 10'000);
  }
  linger copied{};
  socklen_t size = sizeof copied;
  ASSERT_EQ(::getsockopt(sockets.to.get(), SOL_SOCKET, SO_LINGER, &copied, &size), 0);
  EXPECT_EQ(copied.l_onoff, 1);
  EXPECT_EQ(copied.l_linger, 7);
}

TEST(SocketOptions, TheCongestionControlIsCopied) {
  const auto name = [](const base::UniqueFd& socket) {
    std::array<char, 16> text{};
    socklen_t size = text.size();
    EXPECT_EQ(::getsockopt(socket.get(), IPPROTO_TCP, TCP_CONGESTION, text.data(), &size), 0);
    return std::string(text.data());
  };
  const Three sockets;
  const std::string before = name(sockets.to);
  const std::string other = before == "reno" ? "cubic" : "reno";  // reno is always there
  if (::setsockopt(sockets.from.get(), IPPROTO_TCP, TCP_CONGESTION, other.data(),
                   static_cast<socklen_t>(other.size())) != 0) {
    GTEST_SKIP() << "needs a second congestion control";
  }
  sockets.Copy();
  EXPECT_EQ(name(sockets.to), other);
  const Three untouched;
  untouched.Copy();
  EXPECT_EQ(name(untouched.to), before);
}

// A source route leads a connection that was judged by its address elsewhere.
TEST(SocketOptions, RoutesAreNotCopied) {
  const Three sockets;
  // LSRR by way of 10.0.0.1, closed by an end of options.
  const std::array<unsigned char, 8> route = {131, 7, 4, 10, 0, 0, 1, 0};
  if (::setsockopt(sockets.from.get(), IPPROTO_IP, IP_OPTIONS, route.data(), route.size()) != 0) {
    // Without CAP_NET_RAW: a record of the route, which anybody may ask for.
    const std::array<unsigned char, 8> record = {7, 7, 4, 0, 0, 0, 0, 0};
    ASSERT_EQ(
        ::setsockopt(sockets.from.get(), IPPROTO_IP, IP_OPTIONS, record.data(), record.size()), 0);
  }
  sockets.Copy();
  std::array<unsigned char, 44> options{};
  socklen_t size = options.size();
  ASSERT_EQ(::getsockopt(sockets.from.get(), IPPROTO_IP, IP_OPTIONS, options.data(), &size), 0);
  EXPECT_GT(size, 0U);
  size = options.size();
  ASSERT_EQ(::getsockopt(sockets.to.get(), IPPROTO_IP, IP_OPTIONS, options.data(), &size), 0);
  EXPECT_EQ(size, 0U);
}

// Nor where it leads or what it is bound to.
TEST(SocketOptions, PlacesAreNotCopied) {
  const Three sockets;
  ASSERT_EQ(Set(sockets.from, SOL_SOCKET, SO_INCOMING_CPU, 0), 0);
  const SocketAddress local = AddressFor(AF_INET, {.host = testing_support::Loopback(), .port = 0});
  ASSERT_EQ(::bind(sockets.from.get(), local.get(), local.size), 0);
  const char loopback[] = "lo";
  const bool bound = ::setsockopt(sockets.from.get(), SOL_SOCKET, SO_BINDTODEVICE, &loopback[0],
                                  sizeof loopback) == 0;
  sockets.Copy();
  const auto copied = ParseInetPeer(testing_support::LocalAddress(sockets.to).get(),
                                    testing_support::LocalAddress(sockets.to).size);
  ASSERT_TRUE(copied);
  EXPECT_TRUE(copied->host.IsUnspecified());
  EXPECT_EQ(copied->port, 0);
  if (bound) {
    std::array<char, 16> device{};
    socklen_t size = device.size();
    ASSERT_EQ(::getsockopt(sockets.to.get(), SOL_SOCKET, SO_BINDTODEVICE, device.data(), &size), 0);
    EXPECT_EQ(size, 0U);
  }
}

// An option that one of the sockets does not have is nobody's.
TEST(SocketOptions, SocketsOfOtherKindsDoNoHarm) {
  const Three sockets;
  const base::UniqueFd none;
  const auto [packets, other] = testing_support::Packets();
  CopySocketOptions(none, sockets.fresh, sockets.to);
  CopySocketOptions(sockets.from, none, sockets.to);
  CopySocketOptions(packets, sockets.fresh, sockets.to);
  EXPECT_EQ(Get(sockets.to, IPPROTO_TCP, TCP_NODELAY), 0);
  EXPECT_EQ(Get(sockets.to, IPPROTO_IP, IP_TTL), Get(sockets.fresh, IPPROTO_IP, IP_TTL));
}

}  // namespace
}  // namespace aegis::gate
