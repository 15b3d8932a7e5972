#pragma once

#include <signal.h>
#include <time.h>

namespace aegis::gate {

// The signal by which threads of the supervisor end a wait of another one: SIGUSR2, which every
// thread holds back but where it waits, for it would interrupt the handing over of what was opened.

// Once per process, before any other thread is made, which inherit it: it is held back, and does
// nothing but interrupt.
void InstallWakeSignal();

// Lets it through to the calling thread while it lives. Leaves errno alone.
class Wakeable {
 public:
  Wakeable();
  Wakeable(const Wakeable&) = delete;
  Wakeable& operator=(const Wakeable&) = delete;
  ~Wakeable();

 private:
  sigset_t before_{};
};

// Sends the signal to the calling thread at intervals of 25 ms while it lives.
class Waker {
 public:
  Waker();
  Waker(const Waker&) = delete;
  Waker& operator=(const Waker&) = delete;
  ~Waker();

  // If not, nothing ends a wait.
  bool armed() const { return armed_; }

 private:
  timer_t timer_{};
  bool armed_ = false;
};

}  // namespace aegis::gate
