#include "gate/outside_connects.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include "base/unique_fd.h"
#include "gate/call.h"
#include "gate/connection_target.h"
#include "gate/descriptors.h"
#include "gate/dialling.h"
#include "gate/inet_address.h"
#include "gate/meeting_point.h"
#include "gate/network.h"
#include "gate/outside_sockets.h"
#include "gate/socket_options.h"

namespace aegis::gate {

namespace {

bool IsBlocking(const base::UniqueFd& socket) {
  return (::fcntl(socket.get(), F_GETFL) & O_NONBLOCK) == 0;
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
  replacement.blocking = IsBlocking(socket);
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

// A socket of the host's network with the options of the agent's; invalid, with errno.
base::UniqueFd MakeOutside(Services& services, const base::UniqueFd& socket) {
  const int family = FamilyOf(socket);
  base::UniqueFd outside(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (outside.valid()) {
    CopySocketOptions(socket, services.network.FreshSocket(family), outside);
  }
  return outside;
}

// Begins to connect; what connect(2) said.
int BeginOutside(Services& services, const Call& call, const base::UniqueFd& outside,
                 const ConnectionTarget& target) {
  services.network.sockets.Add(outside, {.dialled = target.dialled,
                                         .real = target.real,
                                         .resource = target.resource,
                                         .host = target.host,
                                         .pid = call.process.tgid,
                                         .exe = call.process.exe,
                                         .begun = std::chrono::steady_clock::now()});
  return ConnectNow(outside, AddressFor(FamilyOf(outside), target.real));
}

// connect(2), AF_UNSPEC: what became of an earlier connection is forgotten.
void Dissolve(const base::UniqueFd& socket) {
  const sockaddr nowhere{};
  (void)::connect(socket.get(), &nowhere, sizeof nowhere);
}

// Who is not answered gives up after as many attempts, which may be another number in the host's
// namespace (tcp(7), TCP_SYNCNT).
void WaitAsLong(const base::UniqueFd& socket, const base::UniqueFd& outside) {
  int attempts = 0;
  socklen_t size = sizeof attempts;
  if (::getsockopt(outside.get(), IPPROTO_TCP, TCP_SYNCNT, &attempts, &size) == 0) {
    (void)::setsockopt(socket.get(), IPPROTO_TCP, TCP_SYNCNT, &attempts, sizeof attempts);
  }
}

// Takes from the proxy's end what could make it wait for the agent: a cork that the agent pulls off
// its own socket would stay on this one.
void KeepNothingBack(const base::UniqueFd& outside) {
  const linger none{};
  const int one = 1;
  const int off = 0;
  (void)::setsockopt(outside.get(), IPPROTO_TCP, TCP_CORK, &off, sizeof off);
  (void)::setsockopt(outside.get(), SOL_SOCKET, SO_LINGER, &none, sizeof none);
  (void)::setsockopt(outside.get(), SOL_SOCKET, SO_RCVLOWAT, &one, sizeof one);
}

}  // namespace

Reply ConnectDirectly(Services& services, Call& call, const base::UniqueFd& socket,
                      const ConnectionTarget& target) {
  base::UniqueFd outside = MakeOutside(services, socket);
  if (!outside.valid()) {
    return Reply::Fail(errno);
  }
  CopyOwner(socket, outside);
  int error = BeginOutside(services, call, outside, target);
  if (error != 0 && error != EINPROGRESS) {
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

Reply ConnectByProxy(Services& services, Call& call, base::UniqueFd socket,
                     const ConnectionTarget& target) {
  Network& network = services.network;
  const MeetingPoint* const point = network.relays.Point(target.dialled.host.family);
  if (point == nullptr) {
    return Reply::Fail(ENETUNREACH);  // the proxy is gone
  }
  const base::UniqueFd outside = MakeOutside(services, socket);
  if (!outside.valid()) {
    return Reply::Fail(errno);
  }
  KeepNothingBack(outside);
  const int error = BeginOutside(services, call, outside, target);
  if (error != 0 && error != EINPROGRESS) {
    return Reply::Fail(error);
  }
  if (network.relays.Find(socket)) {
    Dissolve(socket);
  }
  const int at_once = 0;  // tcp(7), TCP_FASTOPEN_CONNECT: not only with the first byte
  (void)::setsockopt(socket.get(), IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &at_once, sizeof at_once);
  WaitAsLong(socket, outside);
  const bool blocking = IsBlocking(socket);  // before the proxy has it, which sets it for itself
  const int waiting = ConnectNow(socket, AddressFor(FamilyOf(socket), point->address()));
  if (waiting != EINPROGRESS) {
    return Reply::Fail(waiting != 0 ? waiting : ECONNABORTED);
  }
  if (const int failed = network.relays.Begin(socket, outside, target.host, target.dialled)) {
    Dissolve(socket);
    return Reply::Fail(failed);
  }
  if (!blocking) {
    return Reply::Fail(EINPROGRESS);
  }
  return services.blocking_calls.Dial(call.id(), {.tid = call.process.tid,
                                                  .socket = std::move(socket),
                                                  .address = {},
                                                  .replacement = {},
                                                  .outside = true});
}

Reply ConnectAgain(Services& services, Call& call, base::UniqueFd socket) {
  const int result = services.network.ResultOf(socket);
  if (result == EALREADY && IsBlocking(socket)) {
    return services.blocking_calls.Dial(call.id(), {.tid = call.process.tid,
                                                    .socket = std::move(socket),
                                                    .address = {},
                                                    .replacement = {},
                                                    .outside = true});
  }
  if (result != EALREADY) {
    services.network.Report(socket);
  }
  return Reply::FromErrno(result);
}

}  // namespace aegis::gate
