#pragma once

#include <linux/tcp.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/unique_fd.h"
#include "gate/judge.h"
#include "gate/outside_sockets.h"

namespace aegis::gate {

// Records the end of each connection to outside: how much it carried, and how long it lasted.
// Nobody but the agent holds its sockets, so the kernel is asked to tell when one is gone
// (sock_diag(7), SKNLGRP_INET_TCP_DESTROY).
class ConnectionEnds {
 public:
  // Before the supervisor may make no such socket any more, in the host's network namespace. One
  // that can't be had only leaves the figures unknown.
  static base::UniqueFd Subscribe();

  ConnectionEnds(base::UniqueFd events, OutsideSockets& sockets, Judge& judge)
      : events_(std::move(events)), sockets_(sockets), judge_(judge) {}

  // Becomes readable when sockets are gone; -1 if nobody tells.
  int fd() const { return events_.get(); }

  // Records what has come. While the receive loop stands still.
  void Take();

  // The run is over: waits until all sockets are gone, or `patience` is at its end, and records the
  // others without figures.
  void Finish(std::chrono::milliseconds patience);

 private:
  struct Figures {
    std::int64_t sent = 0;
    std::int64_t received = 0;
  };

  static std::optional<Figures> FiguresOf(const tcp_info& info);
  void TakeMessages(const std::vector<char>& bytes);
  void Record(const Connection& connection, const std::optional<Figures>& figures);

  base::UniqueFd events_;
  OutsideSockets& sockets_;
  Judge& judge_;
};

}  // namespace aegis::gate
