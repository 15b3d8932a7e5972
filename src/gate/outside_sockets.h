#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "gate/inet_address.h"

namespace aegis::gate {

// A connection to outside, from its connect(2) to the end of its socket.
struct Connection {
  InetPeer dialled;      // as the agent named it
  InetPeer real;         // where it leads
  std::string resource;  // "api.example.com:443"
  std::string host;
  pid_t pid = 0;  // who connected
  std::string exe;
  std::chrono::steady_clock::time_point begun{};
  // connect(2) has said how it ended, or the agent has dissolved it: the next one is another
  // connection.
  bool reported = false;
};

// The sockets that were made outside for the agent, by their cookies (SO_COOKIE: unique until the
// next boot). From any thread.
class OutsideSockets {
 public:
  // More are not told apart any more: their ends are not recorded.
  static constexpr std::size_t kMost = 65'536;

  void Add(const base::UniqueFd& socket, Connection connection);

  // The address that the agent connected the socket to.
  std::optional<Connection> Find(const base::UniqueFd& socket) const;
  std::optional<Connection> Find(std::uint64_t cookie) const;

  // The agent knows how the socket's connection ended.
  void Report(const base::UniqueFd& socket);

  // The connection of a socket that is gone.
  std::optional<Connection> Take(std::uint64_t cookie);
  // All that are left.
  std::vector<Connection> TakeAll();

  bool empty() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::uint64_t, Connection> connections_;
};

// SO_COOKIE; 0 if it can't be had.
std::uint64_t CookieOf(const base::UniqueFd& socket);
// The cookie of a socket's network namespace; 0 if it can't be had.
std::uint64_t NamespaceOf(const base::UniqueFd& socket);

}  // namespace aegis::gate
