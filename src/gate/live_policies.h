#pragma once

#include <chrono>
#include <functional>
#include <future>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "gate/policy_candidate.h"
#include "gate/policy_update.h"
#include "gate/policy_watch.h"
#include "ledger/store.h"

namespace aegis::gate {

// What is said of an edit to the people at the terminal. `kept`: it was not taken.
using PolicyNotice = std::function<void(bool kept, const std::string& text)>;

// The launcher's side of edits of the policies while a run goes on: notices them, reads and checks
// the set on a thread of its own, stores it in the ledger, hands it to the supervisor, and says how
// that went. One edit after the other; of several in a row the last one counts. What the kernel
// tells of is read at once; about once a second the files are looked at all the same, for what it
// does not tell of. One thread.
class LivePolicies {
 public:
  using Clock = std::chrono::steady_clock;

  // To end a watch the kernel waits for 5 to 20 ms, longer than many a run takes. So the first
  // seconds go without, as long as nothing happens to the files.
  static constexpr std::chrono::milliseconds kWatchAfter{2000};

  // `in_force`: digest of the set that the run began with. The store must outlive it.
  static base::Result<LivePolicies> Start(PolicyRules rules, std::string in_force,
                                          ledger::Store& store, int supervisor_socket,
                                          PolicyNotice notice,
                                          std::chrono::milliseconds watch_after = kWatchAfter);
  LivePolicies(LivePolicies&&) = default;
  LivePolicies& operator=(LivePolicies&&) = delete;
  LivePolicies(const LivePolicies&) = delete;
  LivePolicies& operator=(const LivePolicies&) = delete;
  ~LivePolicies() =
      default;  // a thread that still reads goes on alone: it has copies of all it uses

  // Readable when there is something to do; -1 as long as the kernel is not asked to tell.
  int watch_fd() const { return watch_ ? watch_->fd() : -1; }
  int read_fd() const { return read_.get(); }

  // Does what there is to do. Call it then, and several times a second: an edit is read when it has
  // settled. Never waits.
  void Look();

  // The supervisor's answer to what was sent: taken, or why not.
  void TakeAnswer(bool taken, std::string_view why);

 private:
  LivePolicies(PolicyRules rules, std::string in_force, ledger::Store& store, int supervisor_socket,
               PolicyNotice notice, base::UniqueFd read, Clock::time_point watch_at);

  // What a thread has read, and how the places stood before.
  struct Reading {
    std::optional<PolicyUpdate> update{};
    std::string state{};
    std::string failed{};  // why nothing could be read at all; empty if it could
  };

  static Reading Read(const PolicyRules& rules, const std::string& in_force);

  void Watch();
  void Notice();
  void LookAtPlaces();
  bool IsBeingWritten() const { return watch_ && watch_->writing(); }
  bool WaitsNoLonger() const;
  bool MayRead() const;
  void BeginReading();
  void TakeReading();
  void Hand(PolicyUpdate update);
  void Refuse(std::string why);
  void Say(const std::string& why);
  void TryAgain(std::string_view why);

  PolicyRules rules_;
  std::string in_force_;
  ledger::Store& store_;
  int supervisor_socket_;
  PolicyNotice notice_;
  std::optional<PolicyWatch> watch_;
  Clock::time_point watch_at_;  // when to begin with it
  base::UniqueFd read_;         // an event descriptor, written when the reading is done
  std::future<Reading> reading_;
  bool reading_counts_ = false;           // whatever happened since it began
  bool overtaken_ = false;                // the last one did not count for what happened then
  std::string state_;                     // of the places, at the last reading
  Clock::time_point next_look_{};         // at the places
  std::optional<PolicyUpdate> sent_;      // and not answered yet
  std::optional<Clock::time_point> due_;  // when to read
  Clock::time_point first_{};             // the first of the events that are not read yet
  std::string refused_;                   // what stands in the ledger of the last edit
  std::string said_;                      // of it
};

}  // namespace aegis::gate
