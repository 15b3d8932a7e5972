#pragma once

#include <signal.h>  // sigset_t

#include <chrono>

namespace aegis::cli {

// While it lives, SIGINT and SIGTERM end nothing by themselves but are waited for, so that a
// command that runs until it is told to stop can stop in order. One thread, one object.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();  // whatever came and was not taken takes effect now
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // Waits so long; true as soon as there is a reason to stop: a signal came, or nobody reads `fd`,
  // a pipe or socket, any more.
  bool Wait(std::chrono::milliseconds time, int fd);

 private:
  sigset_t signals_{};
  sigset_t before_{};
  bool came_ = false;
};

}  // namespace aegis::cli
