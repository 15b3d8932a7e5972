#pragma once

#include <chrono>
#include <cstdint>

namespace aegis::gate {

// How a descriptor reaches the caller that waits for it (handover.h).
enum class HandoverWay : std::uint8_t { kAtOnce, kTogether };

// Chooses the way by what the last handovers took. At once is the cheaper one as long as caller and
// supervisor happen to be woken on one CPU, or where waking an idle CPU costs little; when it turns
// slow, they go together for a while, and then at once is tried again.
class HandoverChoice {
 public:
  // More than a handover takes without waking an idle CPU.
  static constexpr std::chrono::microseconds kSlow{25};
  static constexpr int kWhile = 256;  // handovers

  HandoverWay next() const {
    return together_left_ > 0 ? HandoverWay::kTogether : HandoverWay::kAtOnce;
  }

  // The time of the handover that next() announced. Advances to the next one.
  void Took(std::chrono::nanoseconds time);

 private:
  int slowness_ = 0;  // rises with each slow handover at once, falls with each quick one
  int together_left_ = 0;
};

}  // namespace aegis::gate
