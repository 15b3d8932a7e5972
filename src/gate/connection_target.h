#pragma once

#include <string>
#include <string_view>

#include "decision/decision.h"
#include "gate/call.h"
#include "gate/inet_address.h"
#include "gate/judge.h"
#include "gate/network.h"

namespace aegis::gate {

// What a connection is judged as, and where it goes.
struct ConnectionTarget {
  InetPeer dialled;
  InetPeer real;
  std::string host;      // a name, or the address' text
  std::string resource;  // "HOST:PORT"
  bool named = false;
};

ConnectionTarget TargetOf(const Network& network, const InetPeer& peer);

// What its entries say beside the process.
Detail DetailOf(const ConnectionTarget& target, std::string_view protocol,
                std::string_view address = {});

// The answer of the policies, recorded.
struct Judged {
  int refused = 0;  // the errno; 0: the connection may be made now
  policy::Inspection inspection = policy::Inspection::kName;
};
Judged AskAboutConnection(Services& services, Call& call, const ConnectionTarget& target);

}  // namespace aegis::gate
