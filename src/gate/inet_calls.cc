#include "gate/inet_calls.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/unique_fd.h"
#include "decision/decision.h"
#include "gate/address_map.h"
#include "gate/call.h"
#include "gate/connection_target.h"
#include "gate/dialling.h"
#include "gate/inet_address.h"
#include "gate/network.h"
#include "gate/outside_connects.h"
#include "policy/policy.h"

namespace aegis::gate {

namespace {

using decision::Reason;
using policy::Action;

constexpr std::uint16_t kNamePort = 53;

// A socket of the run's own namespace, and an address there.
Reply ConnectInside(Services& services, Call& call, base::UniqueFd socket, const InetPeer& peer,
                    bool& nobody_listens) {
  const SocketAddress address = AddressFor(FamilyOf(socket), peer);
  const bool blocking = (::fcntl(socket.get(), F_GETFL) & O_NONBLOCK) == 0;
  const int error = ConnectNow(socket, address);
  if (error != EINPROGRESS) {
    nobody_listens = error == ECONNREFUSED;
    return Reply::FromErrno(error);
  }
  const ConnectionState state = StateOf(socket);
  nobody_listens = state == ConnectionState::kNone;
  if (!blocking || nobody_listens) {
    return Reply::Fail(error);
  }
  if (state == ConnectionState::kConnected) {
    return Reply::FromErrno(ConnectNow(socket, address));
  }
  return services.blocking_calls.Dial(call.id(), {.tid = call.process.tid,
                                                  .socket = std::move(socket),
                                                  .address = address,
                                                  .replacement = {},
                                                  .outside = false});
}

// Where nobody listens inside, the host's own loopback is meant, if it may be reached. If not, the
// program learns what it would learn on a machine of its own: nobody listens.
Reply ConnectToOwnHost(Services& services, Call& call, const base::UniqueFd& socket,
                       const InetPeer& peer) {
  if (!services.network.IsOutside(socket)) {
    bool nobody_listens = false;
    base::UniqueFd shared(::fcntl(socket.get(), F_DUPFD_CLOEXEC, 0));
    if (!shared.valid()) {
      return Reply::Fail(EMFILE);
    }
    const Reply reply = ConnectInside(services, call, std::move(shared), peer, nobody_listens);
    if (!nobody_listens) {
      return reply;
    }
  }
  const ConnectionTarget target = TargetOf(services.network, peer);
  if (AskAboutConnection(services, call, target).refused == 0) {
    return ConnectDirectly(services, call, socket, target);
  }
  if (services.network.IsOutside(socket)) {
    return Reply::Fail(ECONNREFUSED);
  }
  if ((::fcntl(socket.get(), F_GETFL) & O_NONBLOCK) != 0) {
    return Reply::Fail(EINPROGRESS);  // and the error is the socket's (connect(2))
  }
  (void)ConnectNow(socket, AddressFor(FamilyOf(socket), peer));  // takes the error off the socket
  return Reply::Fail(ECONNREFUSED);
}

// What there is no way for, whatever the policies say: their refusal, or that it is not supported.
int RefuseInAnyCase(Services& services, Call& call, const ConnectionTarget& target,
                    std::string_view protocol, bool& permitted) {
  const Detail detail = DetailOf(target, protocol);
  const decision::Decision decision =
      services.judge.Decide(call.process, Action::kNetConnect, target.resource, detail);
  permitted = decision.allowed();
  const int refused =
      services.judge.Settle(call.process, Action::kNetConnect, target.resource,
                            permitted ? decision::Deny(Reason::kUnsupported) : decision, detail);
  return refused != 0 ? refused : EACCES;
}

// Nothing is sent by it, and what is sent later stays in the namespace.
Reply ConnectDatagrams(Services& services, Call& call, const base::UniqueFd& socket,
                       std::span<const char> address, const InetPeer& peer) {
  if (const int refused = JudgeDatagramTo(services, call, address)) {
    return Reply::Fail(refused);
  }
  SocketAddress own;
  std::ranges::copy(address, reinterpret_cast<char*>(&own.storage));
  own.size = static_cast<socklen_t>(address.size());
  const int error = ConnectNow(socket, own);
  sockaddr_storage local{};
  socklen_t size = sizeof local;
  if (error == 0 && peer.port == kNamePort &&
      ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&local), &size) == 0) {
    if (const auto bound = ParseInetPeer(&local, size)) {
      services.network.RememberAsker(bound->port, {call.process.tgid, call.process.exe});
    }
  }
  return Reply::FromErrno(error);
}

// What the agent may do with no socket that was made outside.
int RefuseOutside(Services& services, Call& call, std::string_view what) {
  return services.judge.Refuse(call.process, Action::kNetConnect, what, Reason::kNetworkClosed);
}

// Writes an address as the kernel does (getpeername(2)): cut to the caller's room, and its size.
int WriteAddress(Services& services, const Call& call, const SocketAddress& address) {
  socklen_t room = 0;
  if (const int error = MemoryArgument(services, call, call.arg(2), &room, sizeof room)) {
    return error;
  }
  socklen_t size = address.size;
  const std::size_t written = std::min<std::size_t>(room, size);
  const std::array<iovec, 2> ours = {
      {{const_cast<sockaddr_storage*>(&address.storage), written}, {&size, sizeof size}}};
  // NOLINTBEGIN(performance-no-int-to-ptr): of another process
  const std::array<iovec, 2> theirs = {{{reinterpret_cast<void*>(call.arg(1)), written},
                                        {reinterpret_cast<void*>(call.arg(2)), sizeof size}}};
  // NOLINTEND(performance-no-int-to-ptr)
  const ssize_t done = ::process_vm_writev(call.process.tid, ours.data(), ours.size(),
                                           theirs.data(), theirs.size(), 0);
  return done == static_cast<ssize_t>(written + sizeof size) ? 0 : EFAULT;
}

}  // namespace

Reply ConnectInet(Services& services, Call& call, std::span<const char> address) {
  base::UniqueFd socket = services.processes.Descriptor(call.process, call.int_arg(0));
  if (!socket.valid()) {
    return Reply::Fail(EBADF);
  }
  const auto peer = ParseInetPeer(address.data(), address.size());
  sa_family_t named = AF_UNSPEC;
  std::memcpy(&named, address.data(), sizeof named);
  const int family = FamilyOf(socket);
  if (family == 0) {
    struct stat st{};
    return Reply::Fail(::fstat(socket.get(), &st) == 0 && S_ISSOCK(st.st_mode) ? EINVAL : ENOTSOCK);
  }
  if (!peer || named != family) {
    const bool whole = family == AF_INET ? address.size() >= sizeof(sockaddr_in) : peer.has_value();
    return Reply::Fail(whole ? EAFNOSUPPORT : EINVAL);
  }
  if (TypeOf(socket) != SOCK_STREAM) {
    return ConnectDatagrams(services, call, socket, address, *peer);
  }
  if (services.network.HasUnreported(socket)) {
    return ConnectAgain(services, call, std::move(socket));
  }
  if (services.network.IsOutside(socket) && StateOf(socket) != ConnectionState::kNone) {
    return Reply::Fail(EISCONN);
  }
  if (AddressMap::IsOwn(peer->host) && !services.network.IsOutside(socket)) {
    bool nobody_listens = false;
    return ConnectInside(services, call, std::move(socket), *peer, nobody_listens);
  }
  if (peer->host.IsOwnHost()) {
    return ConnectToOwnHost(services, call, socket, *peer);
  }
  if (StateOf(socket) != ConnectionState::kNone) {
    return Reply::Fail(EISCONN);
  }
  const ConnectionTarget target = TargetOf(services.network, *peer);
  const Judged judged = AskAboutConnection(services, call, target);
  if (judged.refused != 0) {
    return Reply::Fail(judged.refused);
  }
  const bool checked = target.named && judged.inspection == policy::Inspection::kName;
  return checked ? ConnectByProxy(services, call, std::move(socket), target)
                 : ConnectDirectly(services, call, socket, target);
}

Reply BindInet(Services& services, Call& call, std::span<const char> address) {
  const base::UniqueFd socket = services.processes.Descriptor(call.process, call.int_arg(0));
  if (!socket.valid()) {
    return Reply::Fail(EBADF);
  }
  if (FamilyOf(socket) != 0 && services.network.IsOutside(socket)) {
    const int refused = RefuseOutside(services, call, "socket:bind");
    return Reply::Fail(refused != 0 ? refused : EINVAL);
  }
  sockaddr_storage storage{};
  std::ranges::copy(address, reinterpret_cast<char*>(&storage));
  const int bound = ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&storage),
                           static_cast<socklen_t>(address.size()));
  return Reply::FromErrno(bound == 0 ? 0 : errno);
}

Reply RefuseFastOpen(Services& services, Call& call, std::span<const char> address) {
  const auto peer = ParseInetPeer(address.data(), address.size());
  if (!peer) {
    return Reply::Fail(EINVAL);
  }
  bool permitted = false;
  const int refused =
      RefuseInAnyCase(services, call, TargetOf(services.network, *peer), "tcp", permitted);
  return Reply::Fail(permitted || refused == 0 ? EOPNOTSUPP : refused);
}

int JudgeDatagramTo(Services& services, Call& call, std::span<const char> address) {
  const auto peer = ParseInetPeer(address.data(), address.size());
  if (!peer) {
    return EINVAL;
  }
  if (peer->host.IsOwnHost() || AddressMap::IsInRange(peer->host)) {
    if (peer->port == kNamePort) {
      services.network.WantProxy();
    }
    return 0;  // of the run's own namespace
  }
  bool permitted = false;
  return RefuseInAnyCase(services, call, TargetOf(services.network, *peer), "udp", permitted);
}

Reply HandleListen(Services& services, Call& call) {
  const base::UniqueFd socket = services.processes.Descriptor(call.process, call.int_arg(0));
  if (!socket.valid()) {
    return Reply::Fail(EBADF);
  }
  if (FamilyOf(socket) != 0 && services.network.IsOutside(socket)) {
    const int refused = RefuseOutside(services, call, "socket:listen");
    return Reply::Fail(refused != 0 ? refused : EINVAL);
  }
  return Reply::FromErrno(::listen(socket.get(), call.int_arg(1)) == 0 ? 0 : errno);
}

Reply HandleGetPeerName(Services& services, Call& call) {
  const base::UniqueFd socket = services.processes.Descriptor(call.process, call.int_arg(0));
  if (!socket.valid() || FamilyOf(socket) == 0) {
    return Reply::Continue();
  }
  const auto dialled = services.network.DialledName(socket);
  sockaddr_storage real{};
  socklen_t size = sizeof real;
  if (!dialled || ::getpeername(socket.get(), reinterpret_cast<sockaddr*>(&real), &size) != 0) {
    return Reply::Continue();
  }
  return Reply::FromErrno(WriteAddress(services, call, AddressFor(FamilyOf(socket), *dialled)));
}

Reply HandleEpollCreate(Services& services, Call&) {
  services.network.epolls.Announce();
  return Reply::Continue();
}

}  // namespace aegis::gate
