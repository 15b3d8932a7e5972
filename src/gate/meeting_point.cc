#include "gate/meeting_point.h"

#include <sys/socket.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "base/unique_fd.h"
#include "gate/address_map.h"
#include "gate/dialling.h"
#include "gate/inet_address.h"
#include "sandbox/inside_network.h"

namespace aegis::gate {

namespace {

// At a port of the kernel's choice, which others may share (SO_REUSEPORT). Where it listens.
std::optional<InetPeer> Listen(const base::UniqueFd& socket, const InetHost& host, int backlog) {
  const int on = 1;
  const SocketAddress address = AddressFor(host.family, {.host = host});
  SocketAddress bound;
  bound.size = sizeof bound.storage;
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0 ||
      ::bind(socket.get(), address.get(), address.size) != 0 ||
      ::listen(socket.get(), backlog) != 0 ||
      ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&bound.storage), &bound.size) != 0) {
    return std::nullopt;
  }
  return ParseInetPeer(&bound.storage, bound.size);
}

}  // namespace

std::optional<MeetingPoint> MeetingPoint::Open(sandbox::InsideTcp sockets, int family) {
  if (!sockets.valid()) {
    return std::nullopt;
  }
  constexpr int kBacklog = 16;
  const InetHost own = AddressMap::Own(family);
  const auto meeting = Listen(sockets.meeting, own, 0);
  if (!meeting || !Listen(sockets.listener, own, kBacklog) ||
      ConnectNow(sockets.plug, AddressFor(family, *meeting)) != EINPROGRESS ||
      StateOf(sockets.plug) != ConnectionState::kConnected) {
    return std::nullopt;
  }
  MeetingPoint point(std::move(sockets));
  point.address_ = *meeting;
  return point;
}

}  // namespace aegis::gate
