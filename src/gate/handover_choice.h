#pragma once

#include <chrono>
#include <cstdint>

namespace aegis::gate {

// How a descriptor reaches the caller that waits for it (handover.h).
enum class HandoverWay : std::uint8_t { kAtOnce, kTogether };

// Chooses the way by what the last handovers took. At once is the cheaper one as long as caller and
// supervisor happen to be woken on one CPU, or where waking an idle CPU costs little. A slow
// handover brings them together for a while, which is the longer the more often that happens.
class HandoverChoice {
 public:
  // More than a handover takes without waking an idle CPU.
  static constexpr std::chrono::microseconds kSlow{25};
  static constexpr int kLongest = 256;  // handovers together until at once is tried again

  HandoverWay next() const {
    return together_left_ > 0 ? HandoverWay::kTogether : HandoverWay::kAtOnce;
  }

  // The time of the handover that next() announced. Advances to the next one.
  void Took(std::chrono::nanoseconds time);

 private:
  int while_ = 1;  // handovers together after the next slow one
  int together_left_ = 0;
  int quick_ = 0;  // quick handovers at once in a row
};

}  // namespace aegis::gate
