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
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/unique_fd.h"
#include "decision/decision.h"
#include "gate/address_map.h"
#include "gate/call.h"
#include "gate/descriptors.h"
#include "gate/dialling.h"
#include "gate/inet_address.h"
#include "gate/network.h"
#include "gate/outside_sockets.h"
#include "gate/socket_options.h"
#include "policy/host_name.h"
#include "policy/policy.h"

namespace aegis::gate {

namespace {

using decision::Reason;
using policy::Action;

constexpr std::uint16_t kNamePort = 53;

// What a connection is judged as, and where it goes.
struct Target {
  InetPeer dialled;
  InetPeer real;
  std::string host;      // a name, or the address' text
  std::string resource;  // "HOST:PORT"
  bool named = false;
};

policy::Address PolicyAddress(const InetHost& host) {
  return {.bytes = host.bytes, .six = host.family == AF_INET6};
}

// What an address means outside: the unspecified one is the own host (ip(7)).
InetHost Loopback(InetHost host) {
  if (host.IsUnspecified()) {
    host.bytes[0] = host.family == AF_INET ? IN_LOOPBACKNET : 0;
    host.bytes[host.family == AF_INET ? 3 : 15] = 1;
  }
  return host;
}

Target TargetOf(const Network& network, const InetPeer& peer) {
  Target target{.dialled = peer, .real = peer, .host = {}, .resource = {}};
  const NamedAddress* const named = network.names.Find(peer.host);
  if (named != nullptr) {
    target.real.host = named->real;
    target.host = named->name;
    target.named = true;
  } else {
    target.host = policy::AddressText(PolicyAddress(Loopback(target.real.host)));
  }
  target.real.host = Loopback(target.real.host);
  target.resource = policy::HostAndPort(target.host, peer.port);
  return target;
}

Detail DetailOf(const Target& target, std::string_view protocol, const std::string& address) {
  Detail detail;
  detail.host = target.host;
  detail.port = target.dialled.port;
  detail.protocol = protocol;
  detail.address = address;
  return detail;
}

// A name that leads to this machine or a private network needs a rule for that address as well:
// who may resolve a name must not choose what is reached in there. The refusal names the address.
int AskAboutSpecialAddress(Services& services, Call& call, const Target& target) {
  const policy::Address address = PolicyAddress(target.real.host);
  if (!target.named || !policy::IsSpecial(address)) {
    return 0;
  }
  const std::string text = policy::AddressText(address);
  const std::string resource = policy::HostAndPort(text, target.real.port);
  Detail detail = DetailOf(target, "tcp", text);
  detail.host = text;
  const decision::Decision decision =
      services.judge.Decide(call.process, Action::kNetConnect, resource, detail);
  if (decision.allowed()) {
    return 0;  // the connection's own entry follows
  }
  return services.judge.Settle(call.process, Action::kNetConnect, resource, decision, detail);
}

// 0, or the errno.
int AskAboutConnection(Services& services, Call& call, const Target& target) {
  if (AddressMap::IsInRange(target.dialled.host) && !target.named) {
    // It stands for no name: nothing is there, whatever the policies permit.
    return services.judge.Refuse(call.process, Action::kNetConnect, target.resource,
                                 Reason::kNoPermit, DetailOf(target, "tcp", {}));
  }
  if (const int refused = AskAboutSpecialAddress(services, call, target)) {
    return refused;
  }
  const std::string address = target.named ? target.real.host.Text() : std::string();
  return services.judge.Ask(call.process, Action::kNetConnect, target.resource,
                            DetailOf(target, "tcp", address));
}

// Gives the socket that was made outside what belongs to the open file and not to the socket: who
// is told of it by signals (fcntl(2), F_SETOWN).
void CopyOwner(const base::UniqueFd& from, const base::UniqueFd& to) {
  f_owner_ex owner{};
  if (::fcntl(from.get(), F_GETOWN_EX, &owner) != 0 || owner.pid == 0) {
    return;
  }
  (void)::fcntl(to.get(), F_SETOWN_EX, &owner);
  (void)::fcntl(to.get(), F_SETSIG, ::fcntl(from.get(), F_GETSIG));
  (void)::fcntl(to.get(), F_SETFL,
                ::fcntl(to.get(), F_GETFL) | (::fcntl(from.get(), F_GETFL) & O_ASYNC));
}

Replacement ReplacementOf(Services& services, Call& call, const base::UniqueFd& socket) {
  Replacement replacement;
  replacement.blocking = (::fcntl(socket.get(), F_GETFL) & O_NONBLOCK) == 0;
  replacement.replaced.Reset(::fcntl(socket.get(), F_DUPFD_CLOEXEC, 0));
  struct stat st{};
  if (!replacement.replaced.valid() || ::fstat(socket.get(), &st) != 0) {
    return replacement;
  }
  for (const int number : NumbersOf(services.roots, call.process.tid, call.int_arg(0))) {
    replacement.places.push_back(
        {.number = number,
         .close_on_exec = ClosesOnExec(services.roots, call.process.tid, number),
         .registrations =
             services.network.epolls.Find(call.process, services.processes, number, st.st_ino)});
  }
  return replacement;
}

// A socket that begins to connect to the target; what connect(2) said is in `error`.
base::UniqueFd BeginOutside(Services& services, const Call& call, const base::UniqueFd& socket,
                            const Target& target, int& error) {
  const int family = FamilyOf(socket);
  base::UniqueFd outside(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (!outside.valid()) {
    error = errno;
    return outside;
  }
  CopySocketOptions(socket, services.network.FreshSocket(family), outside);
  CopyOwner(socket, outside);
  services.network.sockets.Add(outside, {.dialled = target.dialled,
                                         .real = target.real,
                                         .resource = target.resource,
                                         .host = target.host,
                                         .pid = call.process.tgid,
                                         .exe = call.process.exe,
                                         .begun = std::chrono::steady_clock::now()});
  error = ConnectNow(outside, AddressFor(family, target.real));
  return outside;
}

// The target was judged.
Reply Dial(Services& services, Call& call, const base::UniqueFd& socket, const Target& target) {
  int error = 0;
  base::UniqueFd outside = BeginOutside(services, call, socket, target, error);
  if (!outside.valid() || (error != 0 && error != EINPROGRESS)) {
    return Reply::Fail(error);
  }
  Replacement replacement = ReplacementOf(services, call, socket);
  const SocketAddress address = AddressFor(FamilyOf(socket), target.real);
  if (replacement.blocking && error == EINPROGRESS) {
    if (StateOf(outside) == ConnectionState::kPending) {
      return services.blocking_calls.Dial(call.id(), {.tid = call.process.tid,
                                                      .socket = std::move(outside),
                                                      .address = address,
                                                      .replacement = std::move(replacement),
                                                      .outside = true});
    }
    error = ConnectNow(outside, address);  // how it ended
    if (error != 0) {
      return Reply::Fail(error);
    }
  }
  if (error == 0) {
    services.network.sockets.Report(outside);
  }
  const int failed =
      Replace(services.listener, call.id(), services.network.epolls, replacement, outside);
  return Reply::FromErrno(failed != 0 ? failed : error);
}

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
  const Target target = TargetOf(services.network, peer);
  if (AskAboutConnection(services, call, target) == 0) {
    return Dial(services, call, socket, target);
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

// A socket that was made outside, of whose connection the agent does not know yet how it ended:
// says so, as a second connect(2) does. Nothing is connected here.
Reply ConnectAgain(Services& services, Call& call, base::UniqueFd socket) {
  const int result = ResultOf(socket);
  const bool blocking = (::fcntl(socket.get(), F_GETFL) & O_NONBLOCK) == 0;
  if (result == EALREADY && blocking) {
    return services.blocking_calls.Dial(call.id(), {.tid = call.process.tid,
                                                    .socket = std::move(socket),
                                                    .address = {},
                                                    .replacement = {},
                                                    .outside = true});
  }
  if (result != EALREADY) {
    services.network.sockets.Report(socket);
  }
  return Reply::FromErrno(result);
}

// What there is no way for, whatever the policies say: their refusal, or that it is not supported.
int RefuseInAnyCase(Services& services, Call& call, const Target& target, std::string_view protocol,
                    bool& permitted) {
  const Detail detail = DetailOf(target, protocol, {});
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
  if (services.network.IsOutside(socket)) {
    const auto connection = services.network.sockets.Find(socket);
    if (connection && !connection->reported) {
      return ConnectAgain(services, call, std::move(socket));
    }
    if (StateOf(socket) != ConnectionState::kNone) {
      return Reply::Fail(EISCONN);
    }
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
  const Target target = TargetOf(services.network, *peer);
  const int refused = AskAboutConnection(services, call, target);
  return refused != 0 ? Reply::Fail(refused) : Dial(services, call, socket, target);
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
  if (!socket.valid() || FamilyOf(socket) == 0 || !services.network.IsOutside(socket)) {
    return Reply::Continue();
  }
  const auto connection = services.network.sockets.Find(socket);
  sockaddr_storage real{};
  socklen_t size = sizeof real;
  if (!connection || connection->dialled.host == connection->real.host ||
      connection->dialled.host.IsUnspecified() ||
      ::getpeername(socket.get(), reinterpret_cast<sockaddr*>(&real), &size) != 0) {
    return Reply::Continue();
  }
  const SocketAddress dialled = AddressFor(FamilyOf(socket), connection->dialled);
  return Reply::FromErrno(WriteAddress(services, call, dialled));
}

Reply HandleEpollCreate(Services& services, Call&) {
  services.network.epolls.Announce();
  return Reply::Continue();
}

}  // namespace aegis::gate
