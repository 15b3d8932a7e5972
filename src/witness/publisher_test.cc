#include "witness/publisher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "witness/sink.h"
#include "witness/submission.h"
#include "witness/target.h"
#include "witness/test_log.h"

namespace aegis::witness {
namespace {

using base::Errc;
using base::Result;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::ElementsAre;
using testing::IsEmpty;

// What a test says to its sink, and what that saw. Shared with a thread that may hang.
struct Script {
  std::mutex mutex{};
  std::condition_variable_any changed{};
  bool hang = false;         // until told otherwise, or stopped
  bool ignore_stop = false;  // hang even then
  int failures = 0;          // so many attempts fail
  std::vector<std::uint64_t> seen{};
  bool signals_blocked = true;

  void Set(bool Script::* member, bool value) {
    const std::lock_guard lock(mutex);
    this->*member = value;
    changed.notify_all();
  }
  std::vector<std::uint64_t> Seen() {
    const std::lock_guard lock(mutex);
    return seen;
  }
  // Until the sink has been asked so often.
  void AwaitSeen(std::size_t count) {
    std::unique_lock lock(mutex);
    EXPECT_TRUE(changed.wait_for(lock, milliseconds(10'000), [&] { return seen.size() >= count; }));
  }
};

class FakeSink final : public Sink {
 public:
  FakeSink(std::shared_ptr<Script> script, std::size_t capacity)
      : Sink(FileTarget{"fake"}), script_(std::move(script)), capacity_(capacity) {}

  Result<std::vector<canon::NoteSignature>> Publish(const Submission& submission,
                                                    const std::stop_token& stop) override {
    Script& script = *script_;
    std::unique_lock lock(script.mutex);
    sigset_t blocked;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
    for (const int signal : {SIGTERM, SIGINT, SIGCHLD, SIGPIPE, SIGCONT, SIGUSR1}) {
      script.signals_blocked = script.signals_blocked && ::sigismember(&blocked, signal) == 1;
    }
    script.seen.push_back(submission.size);
    script.changed.notify_all();
    const auto released = [&script] { return !script.hang; };
    if (script.ignore_stop) {
      script.changed.wait(lock, released);
    } else if (!script.changed.wait(lock, stop, released)) {
      return base::Fail(Errc::kUnavailable, "stopped");
    }
    if (script.failures > 0) {
      --script.failures;
      return base::Fail(Errc::kUnavailable, "it failed");
    }
    return std::vector<canon::NoteSignature>{{.name = "w", .id = 1, .bytes = "x"}};
  }
  std::size_t capacity() const override { return capacity_; }

 private:
  std::shared_ptr<Script> script_;
  std::size_t capacity_;
};

class PublisherTest : public testing::Test {
 protected:
  std::unique_ptr<Publisher> Start(std::size_t capacity = 1,
                                   milliseconds retry = milliseconds(100'000)) {
    std::vector<std::unique_ptr<Sink>> sinks;
    sinks.push_back(std::make_unique<FakeSink>(script_, capacity));
    return Get(Publisher::Start(std::move(sinks), {.first_retry = retry, .longest_retry = retry}));
  }
  static Submission Of(std::uint64_t size) { return {.origin = "o", .size = size}; }
  static steady_clock::time_point In(int ms) { return steady_clock::now() + milliseconds(ms); }

  std::shared_ptr<Script> script_ = std::make_shared<Script>();
};

TEST_F(PublisherTest, HandsOverAndReports) {
  const auto publisher = Start();
  EXPECT_TRUE(publisher->Flush(In(1000)));
  EXPECT_THAT(publisher->Poll(), IsEmpty());
  EXPECT_EQ(publisher->States().at(0).offered, std::nullopt);
  publisher->Offer(Of(3));
  EXPECT_TRUE(publisher->Flush(In(10'000)));
  const auto reports = publisher->Poll();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].submission->size, 3U);
  EXPECT_EQ(Get(reports[0].outcome).at(0).name, "w");
  EXPECT_EQ(TargetText(reports[0].target), "fake");
  const auto states = publisher->States();
  EXPECT_EQ(states.at(0).offered, 3U);
  EXPECT_EQ(states.at(0).published, 3U);
  EXPECT_EQ(states.at(0).error, "");
  EXPECT_THAT(publisher->Poll(), IsEmpty());
  EXPECT_TRUE(script_->signals_blocked);
}

TEST_F(PublisherTest, TheNewestWins) {
  const auto publisher = Start(1);
  script_->Set(&Script::hang, true);
  publisher->Offer(Of(1));
  script_->AwaitSeen(1);
  for (std::uint64_t size = 2; size <= 50; ++size) {
    publisher->Offer(Of(size));
  }
  script_->Set(&Script::hang, false);
  EXPECT_TRUE(publisher->Flush(In(10'000)));
  EXPECT_THAT(script_->Seen(), ElementsAre(1, 50));
}

TEST_F(PublisherTest, OneThatWantsAllGetsAll) {
  const auto publisher = Start(64);
  script_->Set(&Script::hang, true);
  publisher->Offer(Of(0));
  script_->AwaitSeen(1);
  for (std::uint64_t size = 1; size <= 100; ++size) {
    publisher->Offer(Of(size));
  }
  script_->Set(&Script::hang, false);
  EXPECT_TRUE(publisher->Flush(In(10'000)));
  const auto seen = script_->Seen();
  ASSERT_EQ(seen.size(), 65U);
  for (std::uint64_t i = 1; i <= 64; ++i) {
    EXPECT_EQ(seen[i], 36 + i);
  }
  EXPECT_EQ(publisher->Poll().size(), 64U);
}

TEST_F(PublisherTest, TriesAgain) {
  const auto publisher = Start(1, milliseconds(5));
  script_->failures = 3;
  publisher->Offer(Of(1));
  script_->AwaitSeen(4);
  EXPECT_TRUE(publisher->Flush(In(10'000)));
  EXPECT_THAT(script_->Seen(), ElementsAre(1, 1, 1, 1));
  const auto reports = publisher->Poll();
  ASSERT_EQ(reports.size(), 4U);
  EXPECT_FALSE(reports[2].outcome);
  EXPECT_TRUE(reports[3].outcome);
}

TEST_F(PublisherTest, ANewerOneTakesThePlaceOfOneThatFailed) {
  const auto publisher = Start(1);
  script_->failures = 1;
  publisher->Offer(Of(1));
  script_->AwaitSeen(1);
  publisher->Offer(Of(2));
  EXPECT_TRUE(publisher->Flush(In(10'000)));
  EXPECT_THAT(script_->Seen(), ElementsAre(1, 2));
}

TEST_F(PublisherTest, AFlushDoesNotWaitForTheRetry) {
  const auto publisher = Start(64);
  script_->failures = 1;
  publisher->Offer(Of(1));
  publisher->Offer(Of(2));
  script_->AwaitSeen(1);
  while (publisher->States().at(0).error.empty()) {
    std::this_thread::yield();
  }
  EXPECT_THAT(script_->Seen(), ElementsAre(1));
  const auto begin = steady_clock::now();
  EXPECT_TRUE(publisher->Flush(In(60'000)));
  EXPECT_LT(steady_clock::now() - begin, milliseconds(30'000));
  EXPECT_THAT(script_->Seen(), ElementsAre(1, 1, 2));
}

TEST_F(PublisherTest, AFlushEndsAtAFailure) {
  const auto publisher = Start(64);
  script_->failures = 1000;
  publisher->Offer(Of(1));
  publisher->Offer(Of(2));
  const auto begin = steady_clock::now();
  EXPECT_FALSE(publisher->Flush(In(60'000)));
  EXPECT_LT(steady_clock::now() - begin, milliseconds(30'000));
  const auto states = publisher->States();
  EXPECT_EQ(states.at(0).error, "it failed");
  EXPECT_EQ(states.at(0).published, std::nullopt);
}

TEST_F(PublisherTest, AHangingSinkHangsNobody) {
  const auto well = std::make_shared<Script>();
  script_->hang = true;
  std::vector<std::unique_ptr<Sink>> sinks;
  sinks.push_back(std::make_unique<FakeSink>(script_, 1));
  sinks.push_back(std::make_unique<FakeSink>(well, 1));
  auto publisher = Get(Publisher::Start(std::move(sinks)));
  publisher->Offer(Of(1));
  well->AwaitSeen(1);
  const auto begin = steady_clock::now();
  EXPECT_FALSE(publisher->Flush(In(50)));
  const auto states = publisher->States();
  EXPECT_EQ(states.at(0).published, std::nullopt);
  EXPECT_EQ(states.at(1).published, 1U);
  publisher.reset();
  EXPECT_LT(steady_clock::now() - begin, milliseconds(5000));
}

TEST_F(PublisherTest, LeavesOneAloneThatDoesNotStop) {
  script_->hang = true;
  script_->ignore_stop = true;
  auto publisher = Start();
  publisher->Offer(Of(1));
  script_->AwaitSeen(1);
  const auto begin = steady_clock::now();
  publisher.reset();
  EXPECT_LT(steady_clock::now() - begin, milliseconds(5000));
  script_->Set(&Script::hang, false);
}

TEST_F(PublisherTest, ReportsAreBounded) {
  const auto publisher = Start(1, milliseconds(0));
  script_->failures = 300;
  publisher->Offer(Of(1));
  script_->AwaitSeen(301);
  EXPECT_TRUE(publisher->Flush(In(10'000)));
  const auto reports = publisher->Poll();
  EXPECT_EQ(reports.size(), 64U);
  EXPECT_TRUE(reports.back().outcome);
}

TEST_F(PublisherTest, RetriesWaitLonger) {
  std::vector<std::unique_ptr<Sink>> sinks;
  sinks.push_back(std::make_unique<FakeSink>(script_, 1));
  script_->failures = 5;
  const auto publisher = Get(Publisher::Start(
      std::move(sinks), {.first_retry = milliseconds(10), .longest_retry = milliseconds(40)}));
  const auto begin = steady_clock::now();
  publisher->Offer(Of(1));
  script_->AwaitSeen(6);
  EXPECT_GE(steady_clock::now() - begin, milliseconds(10 + 20 + 40 + 40 + 40));
}

TEST_F(PublisherTest, KeepsTheSignalMaskOfItsOwner) {
  sigset_t before;
  sigset_t after;
  ::pthread_sigmask(SIG_BLOCK, nullptr, &before);
  const auto publisher = Start();
  ::pthread_sigmask(SIG_BLOCK, nullptr, &after);
  EXPECT_EQ(::sigismember(&after, SIGTERM), ::sigismember(&before, SIGTERM));
}

TEST_F(PublisherTest, WithoutSinksThereIsNothingToDo) {
  const auto publisher = Get(Publisher::Start({}));
  publisher->Offer(Of(1));
  EXPECT_TRUE(publisher->Flush(In(0)));
  EXPECT_THAT(publisher->States(), IsEmpty());
}

TEST_F(PublisherTest, RunsRealSinks) {
  const TempDirectory directory;
  const TestLog log("log.example");
  auto sinks = Get(MakeSinks({.targets = {FileTarget{directory.File("notes")}}}));
  const auto publisher = Get(Publisher::Start(std::move(sinks)));
  publisher->Offer(log.Submit(3));
  publisher->Offer(log.Submit(4));
  EXPECT_TRUE(publisher->Flush(In(10'000)));
  EXPECT_EQ(publisher->Poll().size(), 2U);
  EXPECT_FALSE(MakeSinks({.targets = {FileTarget{directory.File("no/notes")}}}));
  EXPECT_EQ(
      Get(MakeSinks({.targets = {SyslogTarget{}, HttpTarget{.host = "h", .port = 1}}})).size(), 2U);
}

}  // namespace
}  // namespace aegis::witness
