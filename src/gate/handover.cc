#include "gate/handover.h"

#include <sys/types.h>

#include <chrono>
#include <cstdint>

#include "gate/handover_choice.h"
#include "gate/listener.h"

namespace aegis::gate {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kRow = 4;  // handovers to one caller before it counts as one that goes on so

}  // namespace

bool Handover::MayShare(pid_t caller) {
  in_a_row_ = caller == last_caller_ ? in_a_row_ + 1 : 0;
  last_caller_ = caller;
  return may_share_ && cpu_.possible() && in_a_row_ >= kRow;
}

int Handover::Give(pid_t caller, std::uint64_t id, int fd, bool close_on_exec) {
  if (!MayShare(caller)) {
    cpu_.Leave();
    return listener_.Inject(id, fd, close_on_exec);
  }
  const Clock::time_point start = Clock::now();
  if (choice_.next() == HandoverWay::kTogether && cpu_.Bring(caller)) {
    return Together(start, id, fd, close_on_exec);
  }
  const int error = listener_.Inject(id, fd, close_on_exec);
  Learn(Clock::now() - start);
  return error;
}

void Handover::Learn(Clock::duration time) {
  choice_.Took(time);
  if (time > HandoverChoice::kSlow) {
    cpu_.Leave();  // the caller is on another CPU: its next wake-up brings this thread there
  }
}

int Handover::Together(Clock::time_point start, std::uint64_t id, int fd, bool close_on_exec) {
  const auto given = listener_.AddDescriptor(id, fd, close_on_exec);
  cpu_.Release();
  // The answer is not in this time: the caller may run before it returns.
  Learn(Clock::now() - start);
  if (!given) {
    return given.error();
  }
  listener_.Answer(id, Reply::Return(*given));
  return 0;
}

}  // namespace aegis::gate
