#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/unique_fd.h"
#include "gate/inet_address.h"
#include "gate/meeting_point.h"
#include "sandbox/inside_network.h"

namespace aegis::gate {

// The agent's sockets whose connections go through the proxy, and the way to hand more of them to
// it. The receive loop's, or who holds it still, but for what says otherwise.
class Relays {
 public:
  // Older sockets are forgotten: their getpeername(2) no longer gives what was dialled.
  static constexpr std::size_t kMost = 65'536;

  struct Relayed {
    InetPeer dialled;       // as the agent named it
    bool reported = false;  // as Connection::reported
  };

  // The sockets of the run's network, once; where nothing can be relayed there are no meeting
  // points.
  void Prepare(sandbox::InsideTcp four, sandbox::InsideTcp six);
  // The proxy serves at the other end of `socket`, which is its owner's; -1: nothing does any more.
  void Attach(int socket) { proxy_ = socket; }
  void Detach();

  // Null: nothing is relayed over this family.
  const MeetingPoint* Point(int family) const;

  // Hands the connection over: `outside` is connecting to the host, `agents` to the meeting point.
  // 0 or the errno. `id` is that of the connection's entry: CookieOf(outside).
  int Begin(const base::UniqueFd& agents, const base::UniqueFd& outside, const std::string& name,
            const InetPeer& dialled);

  // Whether any was handed over. From any thread.
  bool any() const;

  // From any thread.
  std::optional<Relayed> Find(const base::UniqueFd& agents) const;
  // The agent knows how the socket's connection ended. From any thread.
  void Report(const base::UniqueFd& agents);

 private:
  int proxy_ = -1;
  std::array<std::optional<MeetingPoint>, 2> points_;  // IPv4, IPv6
  mutable std::mutex mutex_;
  std::map<std::uint64_t, Relayed> relayed_;  // by cookie: the first one is the oldest
};

}  // namespace aegis::gate
