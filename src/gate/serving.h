#pragma once

#include <atomic>
#include <chrono>
#include <mutex>

namespace aegis::gate {

// Held while a call is handled: whoever else holds it knows that nothing is being decided or
// appended. The receive loop takes it again at once and would leave no gap, so it makes way for who
// asks; that costs it one look at a number.
class Serving {
 public:
  // The receive loop's, around each call.
  std::unique_lock<std::timed_mutex> Enter() {
    for (int others = wanted_.load(); others != 0; others = wanted_.load()) {
      wanted_.wait(others);
    }
    return std::unique_lock(mutex_);
  }

  // Runs `body` while the receive loop stands still.
  template <typename Body>
  auto StandStill(Body body) {
    const Want want(wanted_);
    const std::lock_guard lock(mutex_);
    return body();
  }

  // For good, unless a handler hangs for longer than `patience`.
  bool StopFor(std::chrono::seconds patience) { return mutex_.try_lock_for(patience); }

 private:
  // Taken back after the lock is.
  class Want {
   public:
    explicit Want(std::atomic<int>& threads) : threads_(threads) { ++threads_; }
    ~Want() {
      --threads_;
      threads_.notify_all();
    }
    Want(const Want&) = delete;
    Want& operator=(const Want&) = delete;

   private:
    std::atomic<int>& threads_;
  };

  std::timed_mutex mutex_;
  std::atomic<int> wanted_ = 0;  // threads
};

}  // namespace aegis::gate
