#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/unique_fd.h"
#include "gate/address_map.h"
#include "gate/epoll_registrations.h"
#include "gate/inet_address.h"
#include "gate/outside_sockets.h"
#include "gate/relays.h"
#include "gate/roots.h"
#include "sandbox/inside_network.h"

namespace aegis::gate {

// Who asks for names, as far as it is known.
struct NameAsker {
  pid_t pid = 0;
  std::string exe;
};

// The agent's network as the supervisor knows it. The receive loop's, or who holds it still, but
// for what says otherwise.
class Network {
 public:
  // `inside`: nothing under wrap, where the agent has the host's network. `launcher_socket`: where
  // the proxy is asked for.
  Network(const Roots& roots, std::optional<sandbox::InsideNetwork> inside, int launcher_socket)
      : epolls(roots), inside_(std::move(inside)), launcher_socket_(launcher_socket) {}

  bool is_private() const { return inside_.has_value(); }
  const sandbox::InsideNetwork& inside() const { return *inside_; }

  // Made outside, and given to the agent.
  bool IsOutside(const base::UniqueFd& socket) const {
    return !inside_ || NamespaceOf(socket) != inside_->cookie;
  }
  const base::UniqueFd& FreshSocket(int family) const {
    return family == AF_INET6 && inside_->fresh6.valid() ? inside_->fresh6 : inside_->fresh4;
  }

  // No names are resolved any more: who asks is refused at once, and does not wait.
  void CloseNames() {
    if (inside_) {
      inside_->name_sockets.clear();
    }
  }

  // Connections can be relayed from now on; once.
  void PrepareRelays() { relays.Prepare(std::move(inside_->tcp4), std::move(inside_->tcp6)); }

  // Whether the socket has a connection to outside of which the agent does not know yet how it
  // ended.
  bool HasUnreported(const base::UniqueFd& socket) const;

  // The address that the agent connected the socket to, where the kernel knows another one.
  std::optional<InetPeer> DialledName(const base::UniqueFd& socket) const;

  // The agent knows how the connection of this socket ended. From any thread.
  void Report(const base::UniqueFd& socket) {
    sockets.Report(socket);
    relays.Report(socket);
  }

  // As gate::ResultOf, of a socket that has a connection to outside.
  int ResultOf(const base::UniqueFd& socket) const;
  // The same for a thread that may wait: a refusal is over then, and leaves no error on the socket.
  int SettledResultOf(const base::UniqueFd& socket) const;

  // Has the launcher start the proxy, once: the agent is about to use the network.
  void WantProxy();

  // A datagram socket with this local port asks for names.
  void RememberAsker(std::uint16_t port, NameAsker asker);
  NameAsker FindAsker(std::uint16_t port) const;

  AddressMap names;
  EpollRegistrations epolls;
  OutsideSockets sockets;
  Relays relays;

 private:
  std::optional<sandbox::InsideNetwork> inside_;
  int launcher_socket_;
  bool wanted_proxy_ = false;
  std::map<std::uint16_t, NameAsker> askers_;
};

}  // namespace aegis::gate
