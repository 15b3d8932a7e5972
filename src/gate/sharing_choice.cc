#include "gate/sharing_choice.h"

#include <sys/types.h>

#include <algorithm>

namespace aegis::gate {

SharingChoice::Step SharingChoice::Called(pid_t caller) {
  if (caller != last_) {
    const bool shared = sharing_;
    Parted();
    last_ = caller;
    return shared ? Step::kPart : Step::kStay;
  }
  row_ = std::min(row_ + 1, kLongRow);
  if (sharing_) {
    sharing_ = ++shared_ < kMostShared;
    return sharing_ ? Step::kStay : Step::kPart;
  }
  if (row_ >= kLongRow || (slow_ && row_ >= kRow)) {
    sharing_ = true;
    shared_ = 0;
    return Step::kShare;
  }
  return Step::kStay;
}

void SharingChoice::Parted() {
  sharing_ = false;
  slow_ = false;
  row_ = 0;
}

}  // namespace aegis::gate
