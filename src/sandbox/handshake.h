#pragma once

#include <sys/types.h>

#include "base/result.h"

// What init and the command tell the supervisor until the command executes: that a step is done or
// failed, or the number of the seccomp listener in the command. Messages of a SOCK_SEQPACKET pair.
// Part of init.h; not for other modules.
namespace aegis::sandbox {

struct Offer {
  int listener_fd = -1;  // in the command's table
  pid_t pid = 0;         // the command, in the receiver's namespace (from the kernel)
};

// Inside. write(2) and read(2) only: sendmsg(2) is already notified to the gate.
void SendFailure(int socket, const base::Error& error);
base::Result<> SendMounted(int socket);  // init: /proc is there
base::Result<> SendSettled(
    int socket);  // init: the command is its child, and it has no rights left
base::Result<> SendOffer(int socket, int listener_fd);
base::Result<> AwaitAcceptance(int socket);

// Supervisor: what comes next, or the error that happened inside. ReceiveOffer waits for init too.
base::Result<> AwaitMounted(int socket);
base::Result<Offer> ReceiveOffer(int socket);
base::Result<> AcceptOffer(int socket);

}  // namespace aegis::sandbox
