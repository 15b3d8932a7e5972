#include "gate/policy_change.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "decision/decision.h"
#include "gate/judge.h"
#include "gate/messages.h"
#include "gate/policy_texts.h"
#include "gate/policy_update.h"
#include "gate/process_table.h"
#include "gate/run.h"
#include "gate/serving.h"
#include "gate/test_roots.h"
#include "ledger/entry.h"
#include "ledger/journal.h"
#include "ledger/masker.h"
#include "ledger/policy_set.h"
#include "policy/policy.h"

namespace aegis::gate {
namespace {

using policy::Action;

std::vector<policy::Source> Permitting(const std::string& place) {
  return {{"p/a.cedar", "@id(\"may " + place +
                            "\") permit(principal, action, resource in Aegis::Resource::\"" +
                            place + "\");"}};
}

class PolicyChangeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::array<int, 2> pair{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()), 0);
    launcher_.Reset(pair[0]);
    supervisor_.Reset(pair[1]);
    auto policies = policy::PolicySet::Load(Permitting("/srv"), {"agent", "/home/u", "/srv"});
    ASSERT_TRUE(policies);
    first_ = policies->digest();
    decision::Guards guards;
    guards.aegis_state = {"/home/u/.aegis"};
    auto journal = ledger::JournalWriter::Create(files_.Path("journal"), {"local", "u", "s1"},
                                                 {.max_bytes = 1U << 20U});
    ASSERT_TRUE(journal) << journal.error().message();
    journal_.emplace(std::move(*journal));
    judge_.emplace(decision::Decider(std::move(*policies), std::move(guards)), *journal_,
                   ledger::Masker(), Mode::kRun);
    process_.tgid = 7;
    process_.exe = "/usr/bin/cat";
  }

  static PolicyUpdate Update(const std::string& place) {
    auto sources = Permitting(place);
    const std::string digest = ledger::DigestOfPolicies(TextsOf(sources));
    return {.digest = digest,
            .sources = std::move(sources),
            .agent = "agent",
            .home = "/home/u",
            .dir = "/srv"};
  }

  base::Result<> Apply(const PolicyUpdate& update) {
    EXPECT_TRUE(SendPolicyUpdate(launcher_.get(), update));
    auto word = TakeMessage(supervisor_.get());
    return ApplyPolicyUpdate((*word)->fd, *judge_, serving_);
  }

  std::vector<std::string> Recorded() {
    std::vector<std::string> payloads;
    auto reader = ledger::JournalReader::Open(files_.Path("journal"));
    EXPECT_TRUE(reader->Read(reader->marks()->committed,
                             [&payloads](const ledger::EntryView& entry) -> base::Result<bool> {
                               payloads.push_back(std::string(entry.event_type) + " " +
                                                  std::string(entry.payload));
                               return true;
                             }));
    return payloads;
  }

  TestRoots files_;
  base::UniqueFd launcher_;
  base::UniqueFd supervisor_;
  std::optional<ledger::JournalWriter> journal_;
  std::optional<Judge> judge_;
  Serving serving_;
  Process process_;
  std::string first_;
};

TEST_F(PolicyChangeTest, ASetTakesThePlaceOfTheOneBefore) {
  EXPECT_EQ(judge_->Ask(process_, Action::kFileRead, "/srv/a"), 0);
  EXPECT_EQ(judge_->Ask(process_, Action::kFileRead, "/opt/a"), EACCES);
  PolicyUpdate update = Update("/opt");
  update.outside = "/opt";
  ASSERT_TRUE(Apply(update));
  EXPECT_EQ(judge_->Ask(process_, Action::kFileRead, "/srv/a"), EACCES);
  EXPECT_EQ(judge_->Ask(process_, Action::kFileRead, "/opt/a"), 0);
  EXPECT_EQ(judge_->Ask(process_, Action::kFileRead, "/home/u/.aegis/x"), EACCES);
  const auto recorded = Recorded();
  ASSERT_EQ(recorded.size(), 6U);
  EXPECT_EQ(recorded[2], R"(POLICY_CHANGED {"files":["p/a.cedar"],"from":")" + first_ +
                             R"(","outside":"/opt","to":")" + update.digest + "\"}");
  EXPECT_NE(recorded[4].find(R"("policies":["may /opt"])"), std::string::npos);
  EXPECT_NE(recorded[5].find("AEGIS_STATE"), std::string::npos);
}

TEST_F(PolicyChangeTest, ARefusedEditIsRecordedAndChangesNothing) {
  ASSERT_TRUE(Apply({.refused = "a.cedar:1:1: no --token=abcdefghij"}));
  EXPECT_EQ(judge_->Ask(process_, Action::kFileRead, "/srv/a"), 0);
  EXPECT_EQ(
      Recorded()[0],
      R"(POLICY_KEPT {"detail":"a.cedar:1:1: no --token=[masked]","digest":")" + first_ + "\"}");
}

TEST_F(PolicyChangeTest, WhatDoesNotLoadChangesNothing) {
  PolicyUpdate broken = Update("/opt");
  broken.sources[0].text = "permit(";
  EXPECT_FALSE(Apply(broken));
  PolicyUpdate other = Update("/opt");
  other.digest = first_;
  EXPECT_FALSE(Apply(other));
  EXPECT_EQ(judge_->Ask(process_, Action::kFileRead, "/srv/a"), 0);
  EXPECT_EQ(Recorded().size(), 1U);
}

TEST_F(PolicyChangeTest, WhatCantBeRecordedChangesNothing) {
  const std::string name = "/srv/" + std::string(3000, 'x');
  while (judge_->Ask(process_, Action::kFileRead, name) == 0) {
  }
  while (judge_->Note("X", "{}")) {
  }
  EXPECT_FALSE(Apply(Update("/opt")));
  EXPECT_EQ(judge_->decider().policies().digest(), first_);
}

// The receive loop never pauses of itself; each change gets in between all the same.
TEST_F(PolicyChangeTest, ABusyLoopMakesWay) {
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> wrong = 0;
  std::thread loop([&] {
    while (!stop) {
      const auto lock = serving_.Enter();
      const bool srv = judge_->Decide(process_, Action::kFileRead, "/srv/a").allowed();
      const bool opt = judge_->Decide(process_, Action::kFileRead, "/opt/a").allowed();
      wrong += srv == opt ? 1 : 0;
    }
  });
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(Apply(Update(i % 2 == 0 ? "/opt" : "/srv")));
  }
  stop = true;
  loop.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(Recorded().size(), 20U);
}

}  // namespace
}  // namespace aegis::gate
