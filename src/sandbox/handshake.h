#pragma once

#include <sys/types.h>

#include "base/result.h"

// What init and the command tell the supervisor until the command executes: either that a step
// failed, or the number of the seccomp listener in the command. Messages of a SOCK_SEQPACKET pair.
// Part of init.h; not for other modules.
namespace aegis::sandbox {

struct Offer {
  int listener_fd = -1;  // in the command's table
  pid_t pid = 0;         // the command, in the receiver's namespace (from the kernel)
};

// Inside. write(2) and read(2) only: sendmsg(2) is already notified to the gate.
void SendFailure(int socket, const base::Error& error);
base::Result<> SendOffer(int socket, int listener_fd);
base::Result<> AwaitAcceptance(int socket);

// Supervisor: the offer, or the error that happened inside.
base::Result<Offer> ReceiveOffer(int socket);
base::Result<> AcceptOffer(int socket);

}  // namespace aegis::sandbox
