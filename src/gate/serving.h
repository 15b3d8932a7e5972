#pragma once

#include <atomic>
#include <chrono>
#include <mutex>

namespace aegis::gate {

// Held while a call is handled: whoever else holds it knows that nothing is being decided or
// appended. The receive loop takes it again at once and would leave no gap, so it makes way for who
// asks; that costs it one look at a flag.
class Serving {
 public:
  // The receive loop's, around each call.
  std::unique_lock<std::timed_mutex> Enter() {
    wanted_.wait(true, std::memory_order_acquire);
    return std::unique_lock(mutex_);
  }

  // Runs `body` while the receive loop stands still. One thread at a time.
  template <typename Body>
  auto StandStill(Body body) {
    const Want want(wanted_);
    const std::lock_guard lock(mutex_);
    return body();
  }

  // For good, unless a handler hangs for longer than `patience`.
  bool StopFor(std::chrono::seconds patience) { return mutex_.try_lock_for(patience); }

 private:
  // The flag is taken back after the lock is.
  class Want {
   public:
    explicit Want(std::atomic<bool>& flag) : flag_(flag) {
      flag_.store(true, std::memory_order_release);
    }
    ~Want() {
      flag_.store(false, std::memory_order_release);
      flag_.notify_all();
    }
    Want(const Want&) = delete;
    Want& operator=(const Want&) = delete;

   private:
    std::atomic<bool>& flag_;
  };

  std::timed_mutex mutex_;
  std::atomic<bool> wanted_ = false;
};

}  // namespace aegis::gate
