#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "proxy/inside_sockets.h"
#include "proxy/outbox.h"
#include "proxy/protocol.h"
#include "proxy/relayed_connection.h"
#include "proxy/splice.h"

namespace aegis::proxy {

// The connections that are relayed between the agent's network and the host's. One thread; a part
// of its owner's poll loop.
class Relay {
 public:
  // `outbox` outlives the relay; a refused connection is told there once. More than
  // `most_connections` at a time are not met: the agent learns that nobody listens.
  static base::Result<std::unique_ptr<Relay>> Create(InsideSockets inside, Outbox& outbox,
                                                     std::size_t most_connections);

  void Take(const NewConnection& connection, RelayedConnection::Sockets sockets);

  // The agent is gone: connections end when what it has sent is passed on. Finished is told then.
  void Finish();

  const InsideSockets& inside() const { return inside_; }

  // Readable when there is something to do.
  int fd() const { return epoll_.get(); }
  std::optional<std::chrono::milliseconds> Timeout() const;
  // Does what can be done without waiting.
  void Process();

 private:
  using Clock = std::chrono::steady_clock;
  struct Relayed {
    std::unique_ptr<RelayedConnection> connection{};
    std::optional<Clock::time_point> deadline{};
  };

  Relay(base::UniqueFd epoll, InsideSockets inside, Outbox& outbox, std::size_t most_connections);

  void Watch(const base::UniqueFd& socket, std::uint64_t id) const;
  void Drive(std::uint64_t id);
  void SetDeadline(std::uint64_t id, Relayed& relayed);
  void Expire();
  void TellWhenFinished();

  base::UniqueFd epoll_;
  InsideSockets inside_;
  Pipes pipes_;
  Outbox& outbox_;
  std::size_t most_connections_;
  bool finishing_ = false;
  std::unordered_map<std::uint64_t, Relayed> connections_;
  std::set<std::uint64_t> unfinished_;  // have used up their share of a turn
  // Have ended, and are closed when the supervisor has been told all: it knows a connection until
  // its socket is gone.
  std::vector<std::unique_ptr<RelayedConnection>> ended_;
  std::set<std::pair<Clock::time_point, std::uint64_t>> deadlines_;  // those of connections_
};

}  // namespace aegis::proxy
