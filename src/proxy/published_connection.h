#pragma once

#include <cstdint>

#include "base/unique_fd.h"
#include "proxy/inside_sockets.h"
#include "proxy/splice.h"

namespace aegis::proxy {

// A connection from outside to a published port: to the server that listens at this port of the
// agent's loopback, 127.0.0.1 or else ::1. Where nobody does, the client is reset. Bytes and ends
// of streams pass in both directions.
class PublishedConnection {
 public:
  enum class State : std::uint8_t {
    kDialled,  // inner() is a new socket, to be watched
    kWaiting,  // for one of the sockets
    kMore,     // its share of this turn is used up
    kEnded,
  };

  // `client` was accepted and does not block.
  PublishedConnection(base::UniqueFd client, std::uint16_t port);

  // Goes on as far as it can without waiting.
  State Drive(const InsideSockets& inside, Pipes& pipes);

  const base::UniqueFd& outer() const { return outer_; }
  const base::UniqueFd& inner() const { return inner_; }

 private:
  enum class Phase : std::uint8_t { kFour, kSix, kNobody, kPassing };

  State Dial(const InsideSockets& inside);
  State Pass(Pipes& pipes);
  State Break();

  std::uint16_t port_;
  base::UniqueFd outer_;
  base::UniqueFd inner_;        // invalid until it is dialled
  Phase phase_ = Phase::kFour;  // before it passes: where the next attempt goes
  Splice in_;
  Splice out_;
};

}  // namespace aegis::proxy
