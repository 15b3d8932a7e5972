#pragma once

#include <deque>

#include "base/result.h"
#include "proxy/bytes.h"
#include "proxy/protocol.h"

namespace aegis::proxy {

// What the supervisor is to be told. It never waits: what does not fit now goes with a later
// Flush().
class Outbox {
 public:
  // `supervisor`: the socket of the protocol, which does not block; it outlives the outbox.
  explicit Outbox(int supervisor) : supervisor_(supervisor) {}

  void Tell(const FromProxy& message) { messages_.push_back(Encode(message)); }
  bool empty() const { return messages_.empty(); }
  // An error if nothing can be told any more. That nobody is there is none: the next receive tells.
  base::Result<> Flush();

 private:
  int supervisor_;
  std::deque<Bytes> messages_;
};

}  // namespace aegis::proxy
