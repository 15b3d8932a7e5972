#include "gate/handover_choice.h"

#include <algorithm>
#include <chrono>

namespace aegis::gate {

namespace {

// One slow handover in ten is no reason yet; two at the beginning of a trial are.
constexpr int kRise = 10;
constexpr int kTooSlow = 2 * kRise;

}  // namespace

void HandoverChoice::Took(std::chrono::nanoseconds time) {
  if (together_left_ > 0) {
    --together_left_;
    return;
  }
  slowness_ = time > kSlow ? slowness_ + kRise : std::max(slowness_ - 1, 0);
  if (slowness_ >= kTooSlow) {
    slowness_ = 0;
    together_left_ = kWhile;
  }
}

}  // namespace aegis::gate
