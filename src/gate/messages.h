#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace aegis::gate {

// What supervisor and launcher tell each other, one message each on a SOCK_SEQPACKET socket.
enum class Message : std::uint8_t {
  kReady = 'R',      // supervisor: the mount tree stands and init runs
  kGo = 'G',         // launcher: the ledger is open, the command may be executed
  kListening = 'L',  // supervisor: the command's execve is the first call it will judge
  kFailed = 'F',     // supervisor: nothing ran; code and text follow
  kEnded = 'E',      // supervisor: everything inside is dead, and nothing more will be appended
};

base::Result<> Send(int socket, Message message);
base::Result<> SendFailure(int socket, const base::Error& error);

// Waits for one message. kFailed comes back as the supervisor's error; a closed socket is an error
// that says the peer died.
base::Result<Message> ReceiveMessage(int socket);

}  // namespace aegis::gate
