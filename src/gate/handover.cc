#include "gate/handover.h"

#include <sys/timerfd.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>

#include "gate/listener.h"
#include "gate/shared_cpu.h"
#include "gate/sharing_choice.h"

namespace aegis::gate {

namespace {

using Clock = std::chrono::steady_clock;

// A caller that does something else for so long shares no CPU.
constexpr std::chrono::milliseconds kIdle(4);

}  // namespace

Handover::Handover(const Listener& listener, SharedCpu& cpu)
    : listener_(listener),
      cpu_(cpu),
      timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
  if (!timer_.valid()) {
    cpu_.LeaveAlone();  // nobody would tell when to part
  }
}

void Handover::SetTimer(std::chrono::milliseconds period) {
  const timespec time{0, std::chrono::nanoseconds(period).count()};
  const itimerspec timer{time, time};
  ::timerfd_settime(timer_.get(), 0, &timer, nullptr);
}

void Handover::Begin(pid_t caller) {
  ++calls_;
  switch (choice_.Called(caller)) {
    case SharingChoice::Step::kStay:
      return;
    case SharingChoice::Step::kShare:
      if (cpu_.Share(caller)) {
        SetTimer(kIdle);
      } else {
        choice_.Parted();
      }
      return;
    case SharingChoice::Step::kPart:
      cpu_.Part();
      return;
  }
}

int Handover::Give(std::uint64_t id, int fd, bool close_on_exec) {
  if (choice_.sharing()) {
    return listener_.Inject(id, fd, close_on_exec);
  }
  const Clock::time_point start = Clock::now();
  const int error = listener_.Inject(id, fd, close_on_exec);
  choice_.Took(Clock::now() - start);
  return error;
}

void Handover::Part() {
  cpu_.Part();
  choice_.Parted();
}

void Handover::LeaveAffinityAlone() {
  cpu_.LeaveAlone();
  choice_.Parted();
}

void Handover::Look() {
  std::uint64_t times = 0;
  (void)!::read(timer_.get(), &times, sizeof times);
  if (choice_.sharing() && calls_ == seen_calls_) {
    Part();
  }
  if (!choice_.sharing()) {
    SetTimer(std::chrono::milliseconds(0));
  }
  seen_calls_ = calls_;
}

}  // namespace aegis::gate
