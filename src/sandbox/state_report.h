#pragma once

#include <optional>

#include "sandbox/init.h"

namespace aegis::sandbox {

// Tells whether the command is stopped, to a side that may not read for a while. A state that finds
// no room waits, and the next one takes its place: whatever is lost in between, the last state
// arrives, so who reads ends up with the truth. One thread.
class StateReport {
 public:
  // `control`: SOCK_SEQPACKET; borrowed.
  explicit StateReport(int control) : control_(control) {}

  // kStopped or kContinued. Never blocks.
  void Tell(const Event& state);

  // The state that waits, if there is room for it now. Never blocks.
  void TellAgain();

  // Call TellAgain when `control` can be written to.
  bool waiting() const { return untold_.has_value(); }

 private:
  int control_;
  std::optional<Event> untold_;
};

}  // namespace aegis::sandbox
