#pragma once

#include "base/unique_fd.h"
#include "gate/call.h"
#include "gate/connection_target.h"

namespace aegis::gate {

// Connections to outside that the policies have permitted.

// The agent gets a socket that was made outside in the place of its own, and the kernel's bytes.
Reply ConnectDirectly(Services& services, Call& call, const base::UniqueFd& socket,
                      const ConnectionTarget& target);

// The agent keeps its own socket, and the proxy relays: the host's name stands in what passes, and
// is looked at. The connection stands inside at the moment at which it stands outside.
Reply ConnectByProxy(Services& services, Call& call, base::UniqueFd socket,
                     const ConnectionTarget& target);

// A connection of either kind of which the agent does not know yet how it ended: says so, as a
// second connect(2) does. Nothing is connected here.
Reply ConnectAgain(Services& services, Call& call, base::UniqueFd socket);

}  // namespace aegis::gate
