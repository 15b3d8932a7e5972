#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "proxy/inside_sockets.h"
#include "proxy/outbox.h"
#include "proxy/published_connection.h"
#include "proxy/splice.h"

namespace aegis::proxy {

// Ports of the machine that lead to servers inside. One thread; a part of its owner's poll loop.
class PublishedPorts {
 public:
  struct Port {
    base::UniqueFd listener{};  // of the host's network; does not block
    std::uint16_t inside = 0;   // where the server listens
  };

  // `inside` and `outbox` outlive it; how many connections came is told there. More than
  // `most_connections` at a time wait until others have ended.
  static base::Result<std::unique_ptr<PublishedPorts>> Create(std::vector<Port> ports,
                                                              const InsideSockets& inside,
                                                              Outbox& outbox,
                                                              std::size_t most_connections);

  // Readable when there is something to do.
  int fd() const { return epoll_.get(); }
  std::optional<std::chrono::milliseconds> Timeout() const;
  // Does what can be done without waiting.
  void Process();

 private:
  using Clock = std::chrono::steady_clock;
  struct Listening {
    Port port{};
    bool ready = false;  // may have connections to accept
  };

  PublishedPorts(base::UniqueFd epoll, const InsideSockets& inside, Outbox& outbox,
                 std::size_t most_connections);

  bool Watch(const base::UniqueFd& socket, std::uint64_t id) const;
  bool MayAccept(const Listening& listening) const;
  void Accept(Listening& listening);
  void Take(base::UniqueFd client, std::uint16_t port);
  void Drive(std::uint64_t id);
  void TellCount();

  base::UniqueFd epoll_;
  const InsideSockets& inside_;
  Outbox& outbox_;
  Pipes pipes_;
  std::size_t most_connections_;
  std::vector<Listening> listeners_;  // the first ids are theirs
  std::unordered_map<std::uint64_t, PublishedConnection> connections_;
  std::vector<std::uint64_t> unfinished_;      // have used up their share of a turn
  std::optional<Clock::time_point> paused_{};  // the machine lacked something: until then
  std::uint64_t accepted_ = 0;
  std::uint64_t told_ = 0;  // of accepted_
};

}  // namespace aegis::proxy
