#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace aegis::gate {

// What supervisor and launcher tell each other, one message each on a SOCK_SEQPACKET socket.
enum class Message : std::uint8_t {
  kReady = 'R',        // supervisor: the mount tree stands and init runs
  kGo = 'G',           // launcher: the ledger is open, the command may be executed
  kListening = 'L',    // supervisor: the command's execve is the first call it will judge
  kFailed = 'F',       // supervisor: nothing ran; code and text follow
  kEnded = 'E',        // supervisor: everything inside is dead, and nothing more will be appended;
                       // the number of connections to published ports follows, in decimal
  kPolicies = 'P',     // launcher: the policies were edited; with a descriptor (policy_update.h)
  kTaken = 'T',        // supervisor: they are in force, or what was to be recorded is
  kProxyWanted = 'W',  // supervisor: the agent is about to use the network
  kProxy = 'X',        // launcher: the proxy runs; with the socket to it, or none if it does not
  kKept = 'K',         // supervisor: those before stay in force; the reason follows
};

base::Result<> Send(int socket, Message message);
base::Result<> SendFailure(int socket, const base::Error& error);
base::Result<> SendKept(int socket, const std::string& reason);
base::Result<> SendEnded(int socket, std::uint64_t published_connections);
base::Result<> SendWithFd(int socket, Message message, int fd);

// Waits for one message. kFailed comes back as the supervisor's error; a closed socket is an error
// that says the peer died.
base::Result<Message> ReceiveMessage(int socket);

// A message with what came along, as it is: for those that are not awaited.
struct Word {
  Message message{};
  std::string text{};
  base::UniqueFd fd{};
};
// One that is there now; an empty optional if none is. kNotFound: the peer is gone.
base::Result<std::optional<Word>> TakeMessage(int socket);

}  // namespace aegis::gate
