#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>

namespace aegis::gate {

// When the supervisor shares a CPU with one of its callers (shared_cpu.h): with one that makes call
// after call, sooner where a handover was slow, until another one calls. After many calls it is
// parted from as well, so that the scheduler can place both anew.
class SharingChoice {
 public:
  // More than a handover takes without waking an idle CPU.
  static constexpr std::chrono::microseconds kSlow{25};
  static constexpr int kRow = 4;       // calls in a row after which a slow handover tells
  static constexpr int kLongRow = 32;  // calls in a row that tell without one
  static constexpr int kMostShared = 1024;

  enum class Step : std::uint8_t {
    kStay,   // as it was
    kShare,  // share the CPU with this caller from here on
    kPart,   // no longer share it
  };

  // A call of the thread `caller` begins.
  Step Called(pid_t caller);

  // How long the handover of a descriptor took, while no CPU was shared.
  void Took(std::chrono::nanoseconds time) { slow_ = slow_ || time > kSlow; }

  // The CPU is not shared any more, or can't be: for another reason than kPart.
  void Parted();

  bool sharing() const { return sharing_; }

 private:
  pid_t last_ = 0;
  int row_ = 0;     // further calls of `last_` in a row
  int shared_ = 0;  // calls since the CPU is shared
  bool slow_ = false;
  bool sharing_ = false;
};

}  // namespace aegis::gate
