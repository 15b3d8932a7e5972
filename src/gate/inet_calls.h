#pragma once

#include <cstddef>
#include <span>

#include "gate/call.h"

namespace aegis::gate {

// Calls on sockets of IPv4 and IPv6 under run. A socket begins in the agent's own network
// namespace, where loopback works as everywhere. One that may connect to outside is replaced, under
// its number, by a socket that was made outside and is connecting already: the program goes on with
// a socket of the kernel's, nothing is copied. What the agent holds never connects, binds or
// listens outside by itself: each of these calls is done here, on the very socket that was looked
// at.

// `address`: bytes of the caller's sockaddr, of AF_INET or AF_INET6.
Reply ConnectInet(Services& services, Call& call, std::span<const char> address);
// Any address but that of a Unix socket with a path.
Reply BindInet(Services& services, Call& call, std::span<const char> address);

// A datagram to this address, from a socket that may not be connected: 0 if the kernel may send it,
// or the errno.
int JudgeDatagramTo(Services& services, Call& call, std::span<const char> address);

// A message that would connect its socket (tcp(7), MSG_FASTOPEN): programs without it use
// connect(2).
Reply RefuseFastOpen(Services& services, Call& call, std::span<const char> address);

Reply HandleListen(Services& services, Call& call);
Reply HandleGetPeerName(Services& services, Call& call);
Reply HandleEpollCreate(Services& services, Call& call);

}  // namespace aegis::gate
