#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/unique_fd.h"
#include "gate/epoll_registrations.h"
#include "gate/inet_address.h"
#include "gate/listener.h"

namespace aegis::gate {

// How far a TCP socket has come with its connection; one that listens counts as connected.
enum class ConnectionState : std::uint8_t { kNone, kPending, kConnected };
ConnectionState StateOf(const base::UniqueFd& socket);

// How the connection of a socket that the agent has ended, or EALREADY; never begins another one.
// SO_ERROR is taken off the socket.
int ResultOf(const base::UniqueFd& socket);

// connect(2) that never waits; needs InstallWakeSignal(). Again on a socket that is connecting: how
// it ended. Never upon a
// socket outside that the agent has: the agent could have ended its connection, and this would be
// another one that nobody has judged.
int ConnectNow(const base::UniqueFd& socket, const SocketAddress& address);

// AF_INET or AF_INET6, as the socket was made; 0 for another kind of socket.
int FamilyOf(const base::UniqueFd& socket);
// SOCK_STREAM or SOCK_DGRAM.
int TypeOf(const base::UniqueFd& socket);

// The places of a caller's descriptor, and of its duplicates, that another socket is to take.
struct Replacement {
  struct Place {
    int number = -1;
    bool close_on_exec = false;
    std::vector<EpollRegistration> registrations{};
  };
  std::vector<Place> places{};  // the caller's own first; none: the caller has the socket already
  base::UniqueFd replaced{};    // the socket that stands there
  bool blocking = true;
};

// Puts `socket` there, for a call that waits. 0 or the errno. From any thread.
int Replace(const Listener& listener, std::uint64_t id, EpollRegistrations& epolls,
            const Replacement& replacement, const base::UniqueFd& socket);

// How long a socket waits for its connection (socket(7), SO_SNDTIMEO); nothing: as long as TCP
// does.
std::optional<std::chrono::steady_clock::duration> SendPatience(const base::UniqueFd& socket);

}  // namespace aegis::gate
