#include "sandbox/inside_network.h"

#include <linux/ipv6.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/uapi.h"

namespace aegis::sandbox {
namespace {

constexpr std::uint16_t kNamePort = 53;
// Of one family: for names, a fresh one, those of InsideTcp.
constexpr std::size_t kFamilySockets = 6;
constexpr std::size_t kMostSockets = 2 * kFamilySockets;

base::UniqueFd Datagrams(int family) {
  return base::UniqueFd(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

ifreq Interface(std::string_view name) {
  ifreq request{};
  name.copy(&request.ifr_name[0], sizeof request.ifr_name - 1);
  return request;
}

sockaddr_in InetAddress(in_addr_t network_order, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = network_order;
  return address;
}

base::Result<> BringUpLoopback(const base::UniqueFd& socket) {
  ifreq loopback = Interface("lo");
  loopback.ifr_flags = IFF_UP | IFF_RUNNING;
  if (::ioctl(socket.get(), SIOCSIFFLAGS, &loopback) != 0) {
    return base::FailErrno("bring the sandbox's loopback up");
  }
  return {};
}

// An address other than 127.0.0.1: without one, getaddrinfo(3) with AI_ADDRCONFIG takes the machine
// for one without a network. The prefix makes the whole range local, as loopback's own.
base::Result<> AddRange4(const base::UniqueFd& socket) {
  std::array<std::uint8_t, 4> first = kNamesRange4;
  first.back() = 1;
  in_addr_t address = 0;
  std::memcpy(&address, first.data(), sizeof address);
  ifreq alias = Interface("lo:0");
  const sockaddr_in named = InetAddress(address, 0);
  std::memcpy(&alias.ifr_addr, &named, sizeof named);
  if (::ioctl(socket.get(), SIOCSIFADDR, &alias) != 0) {
    return base::FailErrno("give the sandbox's loopback an address for names");
  }
  const sockaddr_in mask = InetAddress(htonl(~0U << (32U - kNamesPrefix4)), 0);
  std::memcpy(&alias.ifr_netmask, &mask, sizeof mask);
  if (::ioctl(socket.get(), SIOCSIFNETMASK, &alias) != 0) {
    return base::FailErrno("give the sandbox's loopback a range for names");
  }
  return {};
}

void AddRange6(const base::UniqueFd& socket) {
  ifreq loopback = Interface("lo");
  if (::ioctl(socket.get(), SIOCGIFINDEX, &loopback) != 0) {
    return;
  }
  std::array<std::uint8_t, 16> first = kNamesRange6;
  first.back() = 1;
  in6_ifreq request{};
  std::ranges::copy(first, &request.ifr6_addr.s6_addr[0]);
  request.ifr6_prefixlen = kNamesPrefix6;
  request.ifr6_ifindex = loopback.ifr_ifindex;
  (void)::ioctl(socket.get(), SIOCSIFADDR, &request);
}

base::UniqueFd BindNames4() {
  base::UniqueFd socket = Datagrams(AF_INET);
  const sockaddr_in address = InetAddress(htonl(INADDR_LOOPBACK), kNamePort);
  if (socket.valid() &&
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    socket.Reset();
  }
  return socket;
}

base::UniqueFd BindNames6() {
  base::UniqueFd socket = Datagrams(AF_INET6);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(kNamePort);
  address.sin6_addr = in6addr_loopback;
  const int on = 1;
  if (socket.valid() &&
      (::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0 ||
       ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)) {
    socket.Reset();
  }
  return socket;
}

void AppendFamily(std::vector<base::UniqueFd>& sockets, int family, base::UniqueFd names) {
  sockets.push_back(std::move(names));
  for (std::size_t i = 1; i < kFamilySockets; ++i) {
    sockets.emplace_back(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  }
}

InsideTcp TakeTcp(std::span<base::UniqueFd, 4> sockets) {
  return {.meeting = std::move(sockets[0]),
          .plug = std::move(sockets[1]),
          .listener = std::move(sockets[2]),
          .seed = std::move(sockets[3])};
}

// Room for the descriptors that go with one message.
struct Control {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMostSockets * sizeof(int))> bytes{};
};

base::Result<> SendSockets(int socket, std::span<const base::UniqueFd> sockets) {
  std::vector<int> numbers;
  for (const base::UniqueFd& one : sockets) {
    if (!one.valid()) {
      return base::Fail(base::Errc::kUnavailable, "make the sandbox's sockets");
    }
    numbers.push_back(one.get());
  }
  const std::span<const int> fds = numbers;
  auto count = static_cast<char>(fds.size());
  iovec data{&count, 1};
  Control control;
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control.bytes.data();
  header.msg_controllen = CMSG_SPACE(fds.size_bytes());
  cmsghdr* const rights = CMSG_FIRSTHDR(&header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(fds.size_bytes());
  std::memcpy(CMSG_DATA(rights), fds.data(), fds.size_bytes());
  if (::sendmsg(socket, &header, MSG_NOSIGNAL) != 1) {
    return base::FailErrno("hand the sandbox's name sockets out");
  }
  return {};
}

}  // namespace

base::Result<> SetUpInsideNetwork(int socket) {
  const base::UniqueFd any = Datagrams(AF_INET);
  if (!any.valid()) {
    return base::FailErrno("make a socket in the sandbox");
  }
  AEGIS_TRY(BringUpLoopback(any));
  AEGIS_TRY(AddRange4(any));
  base::UniqueFd four = BindNames4();
  if (!four.valid()) {
    return base::FailErrno("bind the sandbox's name socket");
  }
  base::UniqueFd six = BindNames6();
  if (six.valid()) {
    AddRange6(six);
  }
  std::vector<base::UniqueFd> sockets;
  AppendFamily(sockets, AF_INET, std::move(four));
  if (six.valid()) {
    AppendFamily(sockets, AF_INET6, std::move(six));
  }
  return SendSockets(socket, sockets);
}

base::Result<InsideNetwork> ReceiveInsideNetwork(int socket) {
  char count = 0;
  iovec data{&count, 1};
  Control control;
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control.bytes.data();
  header.msg_controllen = control.bytes.size();
  ssize_t length = 0;
  do {
    length = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  } while (length < 0 && errno == EINTR);
  const cmsghdr* const rights = length == 1 ? CMSG_FIRSTHDR(&header) : nullptr;
  if (rights == nullptr || rights->cmsg_type != SCM_RIGHTS) {
    return base::Fail(base::Errc::kInternal, "the sandbox's network was not set up");
  }
  std::vector<base::UniqueFd> sockets;
  const std::size_t size = rights->cmsg_len - CMSG_LEN(0);
  for (std::size_t at = 0; at + sizeof(int) <= size; at += sizeof(int)) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(rights) + at, sizeof fd);
    sockets.emplace_back(fd);
  }
  if (sockets.size() != kMostSockets && sockets.size() != kFamilySockets) {
    return base::Fail(base::Errc::kInternal, "the sandbox's network was not set up");
  }
  InsideNetwork network;
  network.name_sockets.push_back(std::move(sockets[0]));
  network.fresh4 = std::move(sockets[1]);
  network.tcp4 = TakeTcp(std::span(sockets).subspan<2, 4>());
  if (sockets.size() == kMostSockets) {
    network.name_sockets.push_back(std::move(sockets[kFamilySockets]));
    network.fresh6 = std::move(sockets[kFamilySockets + 1]);
    network.tcp6 = TakeTcp(std::span(sockets).subspan<kFamilySockets + 2, 4>());
  }
  socklen_t cookie_size = sizeof network.cookie;
  if (::getsockopt(network.name_sockets.front().get(), SOL_SOCKET, uapi::kSoNetnsCookie,
                   &network.cookie, &cookie_size) != 0) {
    return base::FailErrno("tell the sandbox's network namespace");
  }
  return network;
}

}  // namespace aegis::sandbox
