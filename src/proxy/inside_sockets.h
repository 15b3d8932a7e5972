#pragma once

#include <cstdint>

#include "base/unique_fd.h"
#include "proxy/ip_address.h"

namespace aegis::proxy {

// TCP sockets of the agent's network, for a process that lives in another one.
//
// The agent's socket is connecting to the meeting port, where a listener with a full queue leaves
// it unanswered, so that it is neither connected nor refused until it is known how the connection
// outside went. To answer, a socket that is bound to the same port connects to the agent's: a
// simultaneous open (RFC 9293, section 3.5), and the agent's connection stands at that moment.
//
// A socket belongs to the network where it was made, or where its listener was. So the listener's
// connections, dissolved again, are new sockets there.
class InsideSockets {
 public:
  // Of one family. `listener` listens at an address of the agent's network, with SO_REUSEPORT;
  // `seed` was never connected. Neither blocks: the agent may have filled the listener's queue.
  struct Source {
    base::UniqueFd listener{};
    base::UniqueFd seed{};
    std::uint16_t meeting_port = 0;

    bool valid() const { return listener.valid() && seed.valid(); }
  };

  InsideSockets(Source four, Source six)
      : four_(static_cast<Source&&>(four)), six_(static_cast<Source&&>(six)) {}

  // A socket that is connecting to `agents`, which is connecting to the meeting port, or connected
  // to it already; it does not block. Invalid, with errno, if that can't be.
  base::UniqueFd Meet(const base::UniqueFd& agents) const;

  // A socket that is connecting to this port of the network's loopback address, of AF_INET or
  // AF_INET6, or connected to it already; it does not block. Invalid, with errno, if that can't be.
  base::UniqueFd Dial(int family, std::uint16_t port) const;

  // Ends the wait of `agents`, if it still waits, as if nobody listened.
  static void Refuse(const base::UniqueFd& agents);

 private:
  const Source& SourceOf(int family) const;
  static base::UniqueFd Make(const Source& source);

  Source four_;
  Source six_;
};

}  // namespace aegis::proxy
