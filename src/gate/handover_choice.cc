#include "gate/handover_choice.h"

#include <algorithm>
#include <chrono>

namespace aegis::gate {

void HandoverChoice::Took(std::chrono::nanoseconds time) {
  constexpr int kGrowth = 16;
  if (together_left_ > 0) {
    --together_left_;
  } else if (time > kSlow) {
    quick_ = 0;
    together_left_ = while_;
    while_ = std::min(while_ * kGrowth, kLongest);
  } else if (++quick_ >= while_) {
    quick_ = 0;
    while_ = std::max(while_ / 2, 1);
  }
}

}  // namespace aegis::gate
