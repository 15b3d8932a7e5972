#pragma once

#include "gate/call.h"

namespace aegis::gate {

// Calls that make a socket or name a peer. In run mode the network is closed: the namespace is
// empty, each attempt is a recorded denial, and Unix sockets connect only to those bound in this
// run. In wrap mode each is recorded and continued on the host's network.
Reply HandleSocket(Services& services, Call& call);
Reply HandleSocketPair(Services& services, Call& call);
Reply HandleConnect(Services& services, Call& call);
Reply HandleBind(Services& services, Call& call);
Reply HandleSendTo(Services& services, Call& call);
Reply HandleSendMsg(Services& services, Call& call);
Reply HandleSendMmsg(Services& services, Call& call);

}  // namespace aegis::gate
