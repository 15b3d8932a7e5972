#pragma once

#include <poll.h>

#include <chrono>
#include <optional>
#include <vector>

#include "base/result.h"
#include "proxy/channel.h"
#include "proxy/name_server.h"
#include "proxy/outbox.h"
#include "proxy/published_ports.h"
#include "proxy/relay.h"

namespace aegis::proxy {

// The proxy's one loop: the supervisor's words, the agent's questions for names, the connections
// that are relayed, and those to published ports. One thread.
class Server {
 public:
  // All of them outlive the server. `supervisor` does not block.
  Server(int supervisor, Outbox& outbox, NameServer& names, Relay& relay, PublishedPorts& published)
      : supervisor_(supervisor),
        outbox_(outbox),
        names_(names),
        relay_(relay),
        published_(published) {}

  // Serves until the supervisor is gone. An error if it can't go on, as after a message that is
  // none.
  base::Result<> Run();

 private:
  std::vector<pollfd> Polls() const;
  int Wait() const;
  base::Result<bool> ServeOnce();
  base::Result<bool> ReceiveFromSupervisor();
  base::Result<> Take(PacketWithDescriptors received);

  int supervisor_;
  Outbox& outbox_;
  NameServer& names_;
  Relay& relay_;
  PublishedPorts& published_;
};

}  // namespace aegis::proxy
