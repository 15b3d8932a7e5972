#pragma once

#include <optional>
#include <utility>

#include "base/unique_fd.h"
#include "gate/inet_address.h"
#include "sandbox/inside_network.h"

namespace aegis::gate {

// Where the agent's sockets wait for connections that are relayed: an address of the run's own
// network whose listener has a full queue (backlog 0, and one connection that nobody takes), so
// that the kernel drops what asks for more. proxy/inside_sockets.h says how such a socket is met.
class MeetingPoint {
 public:
  // At the namespace's own address of the family. Nothing if that can't be.
  static std::optional<MeetingPoint> Open(sandbox::InsideTcp sockets, int family);

  const InetPeer& address() const { return address_; }

  // What the proxy makes its sockets of.
  const base::UniqueFd& listener() const { return sockets_.listener; }
  const base::UniqueFd& seed() const { return sockets_.seed; }

 private:
  explicit MeetingPoint(sandbox::InsideTcp sockets) : sockets_(std::move(sockets)) {}

  sandbox::InsideTcp sockets_;
  InetPeer address_;
};

}  // namespace aegis::gate
