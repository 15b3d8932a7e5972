#include "gate/live_policies.h"

#include <fcntl.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"
#include "gate/policy_candidate.h"
#include "gate/policy_places.h"
#include "gate/policy_texts.h"
#include "gate/policy_update.h"
#include "gate/policy_watch.h"
#include "ledger/store.h"

namespace aegis::gate {

namespace {

using std::chrono::milliseconds;

// An edit is often several steps, and a burst of them one edit; but one that never ends counts too.
constexpr milliseconds kSettle(100);
constexpr milliseconds kLongestSettle(1000);
// When what could not be recorded is tried again.
constexpr milliseconds kAgain(1000);
// How often the places are looked at for what no event told of: one whose directory was renamed
// further up, or that could not be watched.
constexpr milliseconds kLookAtPlaces(1000);
// How often as long as no event is told.
constexpr milliseconds kLookUnwatched(40);

// Enough of a digest for people to tell sets apart.
std::string Short(std::string_view digest) { return std::string(digest.substr(0, 12)); }

}  // namespace

base::Result<LivePolicies> LivePolicies::Start(PolicyRules rules, std::string in_force,
                                               ledger::Store& store, int supervisor_socket,
                                               PolicyNotice notice, milliseconds watch_after) {
  base::UniqueFd read(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!read.valid()) {
    return base::FailErrno("make an event descriptor");
  }
  return LivePolicies(std::move(rules), std::move(in_force), store, supervisor_socket,
                      std::move(notice), std::move(read), Clock::now() + watch_after);
}

// Due at first: an edit between the run's own reading and the first look is like any other.
LivePolicies::LivePolicies(PolicyRules rules, std::string in_force, ledger::Store& store,
                           int supervisor_socket, PolicyNotice notice, base::UniqueFd read,
                           Clock::time_point watch_at)
    : rules_(std::move(rules)),
      in_force_(std::move(in_force)),
      store_(store),
      supervisor_socket_(supervisor_socket),
      notice_(std::move(notice)),
      watch_at_(watch_at),
      read_(std::move(read)),
      due_(Clock::now() + kSettle),
      first_(Clock::now()) {}

bool LivePolicies::WaitsNoLonger() const { return Clock::now() >= first_ + kLongestSettle; }

bool LivePolicies::MayRead() const {
  return due_ && *due_ <= Clock::now() && !reading_.valid() && !sent_ &&
         (!IsBeingWritten() || WaitsNoLonger());
}

// Where that can't be had, looking at the places is all there is, as it was before.
void LivePolicies::Watch() {
  if (auto watch = PolicyWatch::Start(rules_.places)) {
    watch_ = *std::move(watch);
    next_look_ = {};  // for what has happened since the last look
  } else {
    watch_at_ = Clock::now() + kAgain;
  }
}

void LivePolicies::Notice() {
  const Clock::time_point now = Clock::now();
  first_ = due_ ? first_ : now;
  due_ = std::min(now + kSettle, first_ + kLongestSettle);
}

void LivePolicies::LookAtPlaces() {
  if (Clock::now() < next_look_ || due_ || reading_.valid()) {
    return;
  }
  next_look_ = Clock::now() + (watch_ ? kLookAtPlaces : kLookUnwatched);
  if (StateOfPlaces(rules_.places) != state_) {
    if (watch_) {
      watch_->Renew();
    } else {
      Watch();
    }
    Notice();
  }
}

void LivePolicies::Look() {
  if (!watch_ && Clock::now() >= watch_at_) {
    Watch();
  }
  if (watch_ && watch_->Take()) {
    Notice();
  }
  LookAtPlaces();
  if (reading_.valid()) {
    TakeReading();
  }
  if (MayRead()) {
    BeginReading();
  }
}

LivePolicies::Reading LivePolicies::Read(const PolicyRules& rules, const std::string& in_force) {
  Reading reading{.state = StateOfPlaces(rules.places)};
  try {
    reading.update = ReadCandidate(rules, in_force);
  } catch (const std::system_error& error) {  // parsing takes a thread, too
    reading.failed = "they can't be read: " + error.code().message();
  }
  return reading;
}

// The thread is never waited for: files can be large and far away, and the run may end meanwhile.
// So it owns what it uses.
void LivePolicies::BeginReading() {
  base::UniqueFd done(::fcntl(read_.get(), F_DUPFD_CLOEXEC, 0));
  if (!done.valid()) {
    TryAgain(base::FailErrno("read the policies").error().message());
    return;
  }
  std::promise<Reading> promise;
  auto reading = promise.get_future();
  try {
    std::thread([rules = rules_, in_force = in_force_, done = std::move(done),
                 promise = std::move(promise)]() mutable {
      promise.set_value(Read(rules, in_force));
      (void)::eventfd_write(done.get(), 1);  // can't overflow: one at a time
    }).detach();
  } catch (const std::system_error& error) {
    TryAgain("they can't be read: " + error.code().message());
    return;
  }
  reading_ = std::move(reading);
  // No stream of events, however long, keeps an edit from being taken.
  reading_counts_ = overtaken_ || WaitsNoLonger();
  if (IsBeingWritten()) {
    watch_->Renew();
  }
  due_.reset();
}

void LivePolicies::TakeReading() {
  eventfd_t done = 0;
  if (::eventfd_read(read_.get(), &done) != 0) {
    return;
  }
  auto [update, state, failed] = reading_.get();
  state_ = std::move(state);
  overtaken_ = due_ && !reading_counts_;
  if (overtaken_) {
    return;  // edited meanwhile: what was read may be half of it
  }
  if (!failed.empty()) {
    TryAgain(failed);
  } else if (!update) {
    refused_.clear();  // they are what is in force
    said_.clear();
  } else if (!update->refused.empty()) {
    Refuse(std::move(update->refused));
  } else {
    Hand(*std::move(update));
  }
}

// Stored first: a set that an entry names is in the ledger, whoever dies in between.
void LivePolicies::Hand(PolicyUpdate update) {
  const auto texts = TextsOf(update.sources);
  if (const auto stored = store_.PutPolicySet(texts); !stored) {
    TryAgain("they can't be stored: " + stored.error().message());
  } else if (const auto sent = SendPolicyUpdate(supervisor_socket_, update); !sent) {
    TryAgain(sent.error().message());
  } else {
    update.sources.clear();
    for (const auto& [path, target] : update.links) {
      if (!target.empty()) {
        rules_.links[path] = target;
      }
    }
    sent_ = std::move(update);
  }
}

// Recorded once, however often the same edit is saved.
void LivePolicies::Refuse(std::string why) {
  Say(why);
  if (why == refused_) {
    return;
  }
  PolicyUpdate update{.refused = std::move(why)};
  if (const auto sent = SendPolicyUpdate(supervisor_socket_, update); !sent) {
    TryAgain(sent.error().message());
  } else {
    sent_ = std::move(update);
  }
}

void LivePolicies::Say(const std::string& why) {
  if (said_ != why) {
    said_ = why;
    notice_(true, "the policies were edited, those before stay in force (" + Short(in_force_) +
                      "): " + why);
  }
}

// What keeps an edit from being stored or recorded ends by itself, or with the run.
void LivePolicies::TryAgain(std::string_view why) {
  Say(std::string(why));
  first_ = Clock::now();
  due_ = first_ + kAgain;
}

void LivePolicies::TakeAnswer(bool taken, std::string_view why) {
  if (!sent_) {
    return;
  }
  const PolicyUpdate answered = *std::exchange(sent_, std::nullopt);
  if (!taken) {
    TryAgain(why);
  } else if (!answered.refused.empty()) {
    refused_ = answered.refused;
  } else {
    notice_(false, "the policies were edited and are in force now (" + Short(in_force_) + " -> " +
                       Short(answered.digest) + ")");
    if (!answered.outside.empty()) {
      notice_(false, "they permit " + answered.outside +
                         ", which is out of this run's reach: that takes the next one");
    }
    in_force_ = answered.digest;
    refused_.clear();
    said_.clear();
  }
}

}  // namespace aegis::gate
