#include "sandbox/state_report.h"

#include <sys/socket.h>

#include "sandbox/init.h"

namespace aegis::sandbox {

void StateReport::Tell(const Event& state) {
  untold_ = state;
  TellAgain();
}

void StateReport::TellAgain() {
  if (untold_ && ::send(control_, &*untold_, sizeof *untold_, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
    untold_.reset();
  }
}

}  // namespace aegis::sandbox
