#include "gate/live_policies.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "gate/messages.h"
#include "gate/policy_candidate.h"
#include "gate/policy_texts.h"
#include "gate/policy_update.h"
#include "gate/test_roots.h"
#include "ledger/faulty_store.h"
#include "ledger/policy_set.h"
#include "ledger/test_store.h"
#include "policy/policy.h"

namespace aegis::gate {
namespace {

constexpr const char* kFirst = "// first";
constexpr const char* kSecond = "permit(principal, action, resource in Aegis::Resource::\"/srv\");";

// With the kernel telling of edits from the beginning, and later.
class LivePoliciesTest : public ::testing::TestWithParam<std::chrono::milliseconds> {
 protected:
  void SetUp() override {
    std::array<int, 2> pair{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()), 0);
    launcher_.Reset(pair[0]);
    supervisor_.Reset(pair[1]);
    base_ = std::filesystem::canonical(files_.directory()).string();
    file_ = base_ + "/one/two/a.cedar";
    std::filesystem::create_directories(base_ + "/one/two");
    Write(kFirst);
    PolicyRules rules;
    rules.names = {.agent = "a", .home = "/home/u", .dir = "/project"};
    rules.start = {.visible = {"/opt"}, .executable = {}, .hidden = {}};
    rules.places = {file_};
    rules.read = [file = file_, held = held_]() -> base::Result<std::vector<policy::Source>> {
      while (held->load()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      return SourcesIn(file);
    };
    const auto notice = [this](bool kept, const std::string& text) {
      said_.push_back((kept ? "kept " : "") + text);
    };
    auto live = LivePolicies::Start(std::move(rules), Digest(), store_, launcher_.get(), notice,
                                    GetParam());
    ASSERT_TRUE(live);
    live_.emplace(*std::move(live));
  }

  static std::vector<policy::Source> SourcesIn(const std::string& file) {
    std::ifstream in(file);
    return {{file, std::string(std::istreambuf_iterator<char>(in), {})}};
  }
  std::vector<policy::Source> Sources() const { return SourcesIn(file_); }
  std::string Digest() const { return ledger::DigestOfPolicies(TextsOf(Sources())); }
  void Write(const std::string& text) const { std::ofstream(file_) << text; }

  void Turn() {
    std::array<pollfd, 2> sources{{{live_->watch_fd(), POLLIN, 0}, {live_->read_fd(), POLLIN, 0}}};
    (void)::poll(sources.data(), sources.size(), 5);
    live_->Look();
  }

  // What the supervisor is told next.
  PolicyUpdate Told() {
    while (true) {
      Turn();
      auto word = TakeMessage(supervisor_.get());
      if (word && *word) {
        auto update = ReadPolicyUpdate((*word)->fd.get());
        EXPECT_TRUE(update);
        return *std::move(update);
      }
    }
  }

  // Nothing is said or told for longer than an edit takes.
  void ExpectNothing() {
    const std::size_t said = said_.size();
    const auto end = LivePolicies::Clock::now() + std::chrono::milliseconds(400);
    while (LivePolicies::Clock::now() < end) {
      Turn();
      EXPECT_FALSE(TakeMessage(supervisor_.get())->has_value());
    }
    EXPECT_EQ(said_.size(), said);
  }

  TestRoots files_;
  std::string base_;
  std::string file_;
  // The thread that reads may outlive what it reads for.
  std::shared_ptr<std::atomic<bool>> held_ = std::make_shared<std::atomic<bool>>(false);
  ledger::MemoryStore memory_;
  ledger::FaultyStore store_{memory_};
  base::UniqueFd launcher_;
  base::UniqueFd supervisor_;
  std::vector<std::string> said_;
  std::optional<LivePolicies> live_;
};

TEST_P(LivePoliciesTest, AnEditIsStoredHandedOverAndSaid) {
  const std::string before = Digest();
  ExpectNothing();
  Write(kSecond);
  const PolicyUpdate update = Told();
  EXPECT_EQ(update.digest, Digest());
  EXPECT_EQ(update.outside, "/srv");
  EXPECT_EQ(store_.calls(ledger::FaultyStore::Call::kPutPolicySet), 1);
  EXPECT_TRUE(said_.empty());
  live_->TakeAnswer(true, "");
  ASSERT_EQ(said_.size(), 2U);
  EXPECT_NE(said_[0].find(before.substr(0, 12) + " -> " + Digest().substr(0, 12)),
            std::string::npos);
  EXPECT_NE(said_[1].find("/srv"), std::string::npos);
  // And back.
  Write(kFirst);
  EXPECT_EQ(Told().digest, before);
}

TEST_P(LivePoliciesTest, ABrokenEditIsSaidAndRecordedOnce) {
  Write("permit(");
  EXPECT_NE(Told().refused.find("a.cedar:1:"), std::string::npos);
  live_->TakeAnswer(true, "");
  ASSERT_EQ(said_.size(), 1U);
  EXPECT_TRUE(said_[0].starts_with("kept "));
  EXPECT_NE(said_[0].find("a.cedar:1:"), std::string::npos);
  Write("permit(");
  ExpectNothing();
  // What is in force comes back: no news. Broken again: news.
  Write(kFirst);
  ExpectNothing();
  Write("permit(");
  EXPECT_FALSE(Told().refused.empty());
}

TEST_P(LivePoliciesTest, OfABurstTheLastOneCounts) {
  for (int i = 0; i < 50; ++i) {
    Write("// " + std::to_string(i));
    Turn();
  }
  Write(kSecond);
  PolicyUpdate update = Told();
  while (update.digest != Digest()) {
    live_->TakeAnswer(true, "");
    update = Told();
  }
  live_->TakeAnswer(true, "");
  ExpectNothing();
}

TEST_P(LivePoliciesTest, WhatCantBeStoredIsNotHandedOverAndTriedAgain) {
  store_.Arrange({.call = ledger::FaultyStore::Call::kPutPolicySet, .times = 1});
  Write(kSecond);
  EXPECT_EQ(Told().digest, Digest());
  EXPECT_EQ(store_.calls(ledger::FaultyStore::Call::kPutPolicySet), 2);
  ASSERT_EQ(said_.size(), 1U);
  EXPECT_TRUE(said_[0].starts_with("kept "));
}

TEST_P(LivePoliciesTest, WhatTheSupervisorCouldNotRecordIsTriedAgain) {
  Write(kSecond);
  (void)Told();
  live_->TakeAnswer(false, "disk full");
  EXPECT_NE(said_.at(0).find("disk full"), std::string::npos);
  EXPECT_EQ(Told().digest, Digest());
  live_->TakeAnswer(false, "disk full");
  EXPECT_EQ(said_.size(), 1U);
  EXPECT_EQ(Told().digest, Digest());
  live_->TakeAnswer(true, "");
  EXPECT_EQ(said_.size(), 3U);
}

TEST_P(LivePoliciesTest, AWriteThatNobodyClosesIsTaken) {
  Write(std::string(kSecond) + "\npermit(");
  EXPECT_FALSE(Told().refused.empty());
  live_->TakeAnswer(true, "");
  ASSERT_EQ(::truncate(file_.c_str(), std::ssize(std::string_view(kSecond))), 0);
  EXPECT_EQ(Told().digest, Digest());
}

TEST_P(LivePoliciesTest, AStreamOfEventsKeepsNoEditBack) {
  ExpectNothing();
  const std::string comment = "\n// written again";
  std::atomic<bool> end = false;
  std::thread writer([&] {
    for (int i = 0; !end.load(); ++i) {
      Write(kSecond + comment + std::to_string(i));
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  });
  (void)Told();  // whichever of them, while they go on
  end = true;
  writer.join();
}

TEST_P(LivePoliciesTest, WhatNoEventTellsOfIsFound) {
  ExpectNothing();
  std::filesystem::rename(base_ + "/one", base_ + "/other");
  EXPECT_NE(Told().refused.find("one/two/a.cedar"), std::string::npos);
  live_->TakeAnswer(true, "");
  std::ofstream(base_ + "/other/two/a.cedar") << kSecond;
  std::filesystem::rename(base_ + "/other", base_ + "/one");
  EXPECT_EQ(Told().digest, Digest());
}

TEST_P(LivePoliciesTest, TheEndWaitsForNoReading) {
  ExpectNothing();
  *held_ = true;
  Write(kSecond);
  const auto end = LivePolicies::Clock::now() + std::chrono::milliseconds(400);
  while (LivePolicies::Clock::now() < end) {
    Turn();
  }
  live_.reset();  // hangs, if it waits
  *held_ = false;
}

TEST_P(LivePoliciesTest, WithoutThreadsItIsTriedAgain) {
  pthread_attr_t usual{};
  pthread_attr_t huge{};
  ASSERT_EQ(::pthread_getattr_default_np(&usual), 0);
  ASSERT_EQ(::pthread_getattr_default_np(&huge), 0);
  ASSERT_EQ(::pthread_attr_setstacksize(&huge, std::size_t{1} << 50U), 0);
  ASSERT_EQ(::pthread_setattr_default_np(&huge), 0);
  Write(kSecond);
  while (said_.empty()) {
    Turn();
  }
  EXPECT_EQ(::pthread_setattr_default_np(&usual), 0);
  EXPECT_NE(said_[0].find("they can't be read"), std::string::npos);
  EXPECT_EQ(Told().digest, Digest());
}

// No answer was asked for.
TEST_P(LivePoliciesTest, AStrayAnswerIsNone) {
  live_->TakeAnswer(true, "");
  live_->TakeAnswer(false, "x");
  EXPECT_TRUE(said_.empty());
}

// A run that ends at once pays for no watch; whatever happens to the files begins one.
TEST_P(LivePoliciesTest, TheFirstEditBeginsAWatch) {
  ExpectNothing();
  EXPECT_EQ(live_->watch_fd() >= 0, GetParam() == std::chrono::milliseconds(0));
  Write(kSecond);
  EXPECT_EQ(Told().digest, Digest());
  EXPECT_GE(live_->watch_fd(), 0);
}

INSTANTIATE_TEST_SUITE_P(Watched, LivePoliciesTest,
                         ::testing::Values(std::chrono::milliseconds(0),
                                           LivePolicies::kWatchAfter));

}  // namespace
}  // namespace aegis::gate
