#include "gate/socket_options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <type_traits>

#include "base/unique_fd.h"

namespace aegis::gate {

namespace {

struct Option {
  int level;
  int name;
};

// Numbers, as most options are.
constexpr auto kNumbers = std::to_array<Option>({
    {SOL_SOCKET, SO_KEEPALIVE},
    {SOL_SOCKET, SO_OOBINLINE},
    {SOL_SOCKET, SO_REUSEADDR},
    {SOL_SOCKET, SO_BROADCAST},
    {SOL_SOCKET, SO_DONTROUTE},
    {SOL_SOCKET, SO_ZEROCOPY},
    {SOL_SOCKET, SO_MAX_PACING_RATE},
    {SOL_SOCKET, SO_PRIORITY},
    {SOL_SOCKET, SO_RCVLOWAT},
    {SOL_SOCKET, SO_TIMESTAMP},
    {IPPROTO_TCP, TCP_NODELAY},
    {IPPROTO_TCP, TCP_CORK},
    {IPPROTO_TCP, TCP_QUICKACK},
    {IPPROTO_TCP, TCP_KEEPIDLE},
    {IPPROTO_TCP, TCP_KEEPINTVL},
    {IPPROTO_TCP, TCP_KEEPCNT},
    {IPPROTO_TCP, TCP_USER_TIMEOUT},
    {IPPROTO_TCP, TCP_SYNCNT},
    {IPPROTO_TCP, TCP_LINGER2},
    {IPPROTO_TCP, TCP_MAXSEG},
    {IPPROTO_TCP, TCP_WINDOW_CLAMP},
    {IPPROTO_TCP, TCP_DEFER_ACCEPT},
    {IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS},
    {IPPROTO_TCP, TCP_NOTSENT_LOWAT},
    {IPPROTO_IP, IP_TOS},
    {IPPROTO_IP, IP_TTL},
    {IPPROTO_IP, IP_RECVERR},
    {IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT},
    {IPPROTO_IP, IP_MTU_DISCOVER},
    {IPPROTO_IPV6, IPV6_TCLASS},
    {IPPROTO_IPV6, IPV6_UNICAST_HOPS},
    {IPPROTO_IPV6, IPV6_V6ONLY},
    {IPPROTO_IPV6, IPV6_RECVERR},
});

// The kernel tells twice what was asked for (socket(7)).
constexpr auto kBuffers = std::to_array<Option>({{SOL_SOCKET, SO_SNDBUF}, {SOL_SOCKET, SO_RCVBUF}});

struct SocketPair {
  const base::UniqueFd& from;
  const base::UniqueFd& fresh;
};

template <typename Value>
bool Get(const base::UniqueFd& socket, const Option& option, Value& value) {
  socklen_t size = sizeof value;
  return ::getsockopt(socket.get(), option.level, option.name, &value, &size) == 0;
}

template <typename Value>
void Copy(const SocketPair& sockets, const base::UniqueFd& to, const Option& option,
          int divisor = 1) {
  Value wanted{};
  Value fresh{};
  if (!Get(sockets.from, option, wanted) || !Get(sockets.fresh, option, fresh) ||
      std::memcmp(&wanted, &fresh, sizeof wanted) == 0) {
    return;
  }
  if constexpr (std::is_same_v<Value, int>) {
    wanted /= divisor;
  }
  (void)::setsockopt(to.get(), option.level, option.name, &wanted, sizeof wanted);
}

}  // namespace

void CopySocketOptions(const base::UniqueFd& from, const base::UniqueFd& fresh,
                       const base::UniqueFd& to) {
  const SocketPair sockets{from, fresh};
  for (const Option& option : kNumbers) {
    Copy<int>(sockets, to, option);
  }
  for (const Option& option : kBuffers) {
    Copy<int>(sockets, to, option, 2);
  }
  Copy<linger>(sockets, to, {SOL_SOCKET, SO_LINGER});
  Copy<timeval>(sockets, to, {SOL_SOCKET, SO_RCVTIMEO});
  Copy<timeval>(sockets, to, {SOL_SOCKET, SO_SNDTIMEO});
  constexpr std::size_t kLongestName = 16;  // TCP_CA_NAME_MAX
  Copy<std::array<char, kLongestName>>(sockets, to, {IPPROTO_TCP, TCP_CONGESTION});
}

}  // namespace aegis::gate
