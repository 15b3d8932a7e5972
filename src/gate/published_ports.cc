#include "gate/published_ports.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "gate/inet_address.h"
#include "policy/host_name.h"
#include "proxy/proxy.h"

namespace aegis::gate {

namespace {

base::Error ErrorOf(int error, const std::string& attempted) {
  switch (error) {
    case EADDRINUSE:
      return {base::Errc::kExists, attempted + ": the port is taken"};
    case EACCES:
    case EPERM:
      return {base::Errc::kDenied, attempted + ": the port is one that only root may have"};
    case EADDRNOTAVAIL:
      return {base::Errc::kInvalid, attempted + ": this machine has no such address"};
    default:
      return base::Error::FromErrno(attempted, error);
  }
}

bool Listen(const base::UniqueFd& socket, const SocketAddress& address) {
  const int on = 1;
  // Connections of an earlier run that the kernel still remembers don't keep the port from this
  // one. 0.0.0.0 and [::] are two published ports, whatever the machine's default says.
  return ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
         (address.storage.ss_family != AF_INET6 ||
          ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0) &&
         ::bind(socket.get(), address.get(), address.size) == 0 &&
         ::listen(socket.get(), SOMAXCONN) == 0;
}

base::Result<OpenPort> Open(const PublishedPort& published) {
  const int family = published.address.six ? AF_INET6 : AF_INET;
  const std::string attempted =
      "publish " + policy::HostAndPort(policy::AddressText(published.address), published.host_port);
  OpenPort open{.where = published,
                .listener = base::UniqueFd(
                    ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP))};
  const SocketAddress wanted = AddressFor(
      family,
      {.host = CanonicalHost(family, published.address.bytes), .port = published.host_port});
  if (!open.listener.valid() || !Listen(open.listener, wanted)) {
    return base::Fail(ErrorOf(errno, attempted));
  }
  SocketAddress bound;
  bound.size = sizeof bound.storage;
  if (::getsockname(open.listener.get(), reinterpret_cast<sockaddr*>(&bound.storage),
                    &bound.size) != 0) {
    return base::FailErrno(attempted);
  }
  const auto peer = ParseInetPeer(&bound.storage, bound.size);
  open.where.host_port = peer ? peer->port : published.host_port;
  return open;
}

}  // namespace

std::string TextOf(const PublishedPort& published) {
  return policy::HostAndPort(policy::AddressText(published.address), published.host_port) + ":" +
         std::to_string(published.port);
}

base::Result<std::vector<OpenPort>> OpenPublishedPorts(std::span<const PublishedPort> ports) {
  if (ports.size() > proxy::kMostPublishedPorts) {
    return base::Fail(base::Errc::kInvalid, "publish ports: a run has at most " +
                                                std::to_string(proxy::kMostPublishedPorts));
  }
  std::vector<OpenPort> all;
  for (const PublishedPort& published : ports) {
    AEGIS_ASSIGN(OpenPort open, Open(published));
    all.push_back(std::move(open));
  }
  return all;
}

}  // namespace aegis::gate
