#include "witness/publisher.h"

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "witness/sink.h"
#include "witness/submission.h"

namespace aegis::witness {
namespace {

using Clock = std::chrono::steady_clock;
using SharedSubmission = std::shared_ptr<const Submission>;
using Outcome = base::Result<std::vector<canon::NoteSignature>>;

constexpr std::size_t kMostReports = 64;
// A witness over HTTP stops at once; a file or the system's log does as a rule.
constexpr std::chrono::milliseconds kGrace(250);

// While it lives, threads that are started block all signals.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace

// One sink and what waits for it. All but the sink is guarded by the mutex, which nobody holds for
// longer than it takes to move some pointers.
class Publisher::Worker {
 public:
  Worker(std::unique_ptr<Sink> sink, const PublisherOptions& options)
      : sink_(std::move(sink)), options_(options), retry_wait_(options.first_retry) {
    state_.target = sink_->target();
  }

  void Offer(const SharedSubmission& submission) {
    const std::lock_guard lock(mutex_);
    state_.offered = submission->size;
    waiting_.push_back(submission);
    DropOldest(waiting_, sink_->capacity());
    changed_.notify_all();
  }

  void TakeReports(std::vector<Report>& reports) {
    const std::lock_guard lock(mutex_);
    std::ranges::move(reports_, std::back_inserter(reports));
    reports_.clear();
  }

  SinkState State() const {
    const std::lock_guard lock(mutex_);
    return state_;
  }

  void BeginFlush() {
    const std::lock_guard lock(mutex_);
    flushing_ = true;
    changed_.notify_all();
  }

  bool AwaitFlush(Clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, deadline,
                        [this] { return !flushing_ || (!busy_ && waiting_.empty()); });
    flushing_ = false;
    return !busy_ && waiting_.empty();
  }

  void RequestStop() { stop_.request_stop(); }

  bool AwaitEnd(Clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, deadline, [this] { return ended_; });
  }

  // The thread.
  void Run() {
    std::unique_lock lock(mutex_);
    while (AwaitWork(lock)) {
      const SharedSubmission submission = waiting_.front();
      waiting_.pop_front();
      const bool for_flush = flushing_;
      busy_ = true;
      lock.unlock();
      Outcome outcome = sink_->Publish(*submission, stop_.get_token());
      lock.lock();
      busy_ = false;
      Take(submission, std::move(outcome), for_flush);
      changed_.notify_all();
    }
    ended_ = true;
    changed_.notify_all();
  }

  std::thread& thread() { return thread_; }

 private:
  template <typename T>
  static void DropOldest(std::deque<T>& queue, std::size_t capacity) {
    while (queue.size() > capacity) {
      queue.pop_front();
    }
  }

  // Until there is something to try, and it is time to; false at a stop.
  bool AwaitWork(std::unique_lock<std::mutex>& lock) {
    const std::stop_token stop = stop_.get_token();
    const auto ready = [this] {
      return !waiting_.empty() && (flushing_ || Clock::now() >= retry_at_);
    };
    while (!stop.stop_requested() && !ready()) {
      if (waiting_.empty()) {
        changed_.wait(lock, stop, [this] { return !waiting_.empty(); });
      } else {
        changed_.wait_until(lock, stop, retry_at_, ready);
      }
    }
    return !stop.stop_requested();
  }

  void Take(const SharedSubmission& submission, Outcome outcome, bool for_flush) {
    if (outcome) {
      state_.published = submission->size;
      state_.error.clear();
      retry_wait_ = options_.first_retry;
      retry_at_ = {};
    } else {
      state_.error = outcome.error().message();
      waiting_.push_front(submission);
      DropOldest(waiting_, sink_->capacity());
      retry_at_ = Clock::now() + retry_wait_;
      retry_wait_ = std::min(2 * retry_wait_, options_.longest_retry);
      flushing_ = flushing_ && !for_flush;
    }
    reports_.push_back(
        {.target = state_.target, .submission = submission, .outcome = std::move(outcome)});
    DropOldest(reports_, kMostReports);
  }

  const std::unique_ptr<Sink> sink_;
  const PublisherOptions options_;
  std::stop_source stop_;
  std::thread thread_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<SharedSubmission> waiting_;
  std::deque<Report> reports_;
  SinkState state_;
  Clock::time_point retry_at_{};
  std::chrono::milliseconds retry_wait_;
  bool busy_ = false;
  bool flushing_ = false;  // until an attempt that began in the flush has failed
  bool ended_ = false;
};

base::Result<std::unique_ptr<Publisher>> Publisher::Start(std::vector<std::unique_ptr<Sink>> sinks,
                                                          const PublisherOptions& options) {
  std::unique_ptr<Publisher> publisher(new Publisher());
  const SignalsBlocked blocked;
  for (std::unique_ptr<Sink>& sink : sinks) {
    auto worker = std::make_shared<Worker>(std::move(sink), options);
    try {
      worker->thread() = std::thread([worker] { worker->Run(); });
    } catch (const std::system_error& error) {
      return base::Fail(base::Errc::kExhausted,
                        std::string("start a thread for a witness: ") + error.what());
    }
    publisher->workers_.push_back(std::move(worker));
  }
  return publisher;
}

Publisher::~Publisher() {
  for (const auto& worker : workers_) {
    worker->RequestStop();
  }
  const Clock::time_point deadline = Clock::now() + kGrace;
  for (const auto& worker : workers_) {
    if (worker->AwaitEnd(deadline)) {
      worker->thread().join();
    } else {
      worker->thread().detach();
    }
  }
}

void Publisher::Offer(Submission submission) {
  const auto shared = std::make_shared<const Submission>(std::move(submission));
  for (const auto& worker : workers_) {
    worker->Offer(shared);
  }
}

std::vector<Report> Publisher::Poll() {
  std::vector<Report> reports;
  for (const auto& worker : workers_) {
    worker->TakeReports(reports);
  }
  return reports;
}

std::vector<SinkState> Publisher::States() const {
  std::vector<SinkState> states;
  states.reserve(workers_.size());
  for (const auto& worker : workers_) {
    states.push_back(worker->State());
  }
  return states;
}

bool Publisher::Flush(Clock::time_point deadline) {
  for (const auto& worker : workers_) {
    worker->BeginFlush();
  }
  bool all = true;
  for (const auto& worker : workers_) {
    all = worker->AwaitFlush(deadline) && all;
  }
  return all;
}

}  // namespace aegis::witness
