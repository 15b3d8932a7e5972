#include "gate/judge.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "decision/decision.h"
#include "gate/process_table.h"
#include "gate/run.h"
#include "gate/test_roots.h"
#include "ledger/entry.h"
#include "ledger/journal.h"
#include "ledger/masker.h"
#include "policy/host_name.h"
#include "policy/policy.h"

namespace aegis::gate {
namespace {

using policy::Action;

constexpr const char* kPolicy = R"(
@id("read-srv") permit(principal, action == Aegis::Action::"FileRead", resource in Aegis::Resource::"/srv");
@id("no-secret") forbid(principal, action, resource in Aegis::Resource::"/srv/secret");
@id("web") permit(principal, action == Aegis::Action::"NetConnect", resource in Aegis::Resource::"*.example.com");
@id("ssh") @opaque permit(principal, action == Aegis::Action::"NetConnect", resource)
when { context has port && context.port == 22 };
)";

class JudgeTest : public ::testing::Test {
 protected:
  void Start(Mode mode, std::uint64_t max_bytes = 1U << 24U, ledger::Masker masker = {},
             bool network = false) {
    auto policies =
        policy::PolicySet::Load({{"test.cedar", kPolicy}}, {"agent", "/home/u", "/srv"});
    ASSERT_TRUE(policies.has_value()) << policies.error().message();
    decision::Guards guards;
    guards.network_closed = mode == Mode::kRun && !network;
    guards.aegis_state = {"/home/u/.aegis"};
    ledger::JournalOptions options;
    options.max_bytes = max_bytes;
    auto journal =
        ledger::JournalWriter::Create(files_.Path("journal"), {"local", "u", "s1"}, options);
    ASSERT_TRUE(journal.has_value()) << journal.error().message();
    journal_.emplace(std::move(*journal));
    judge_.emplace(decision::Decider(std::move(*policies), std::move(guards)), *journal_,
                   std::move(masker), mode);
    process_.tgid = 7;
    process_.exe = "/usr/bin/cat";
  }

  std::vector<std::string> Recorded() {
    std::vector<std::string> payloads;
    auto reader = ledger::JournalReader::Open(files_.Path("journal"));
    EXPECT_TRUE(reader.has_value());
    EXPECT_TRUE(reader
                    ->Read(reader->marks()->committed,
                           [&payloads](const ledger::EntryView& entry) -> base::Result<bool> {
                             payloads.emplace_back(entry.payload);
                             return true;
                           })
                    .has_value());
    return payloads;
  }

  // What the entry of a connection says of it; empty if nothing.
  std::string Inspection(std::string_view host, std::int64_t port,
                         std::string_view protocol = "tcp") {
    Detail detail;
    detail.host = host;
    detail.port = port;
    detail.protocol = protocol;
    (void)judge_->Ask(process_, Action::kNetConnect, policy::HostAndPort(host, port), detail);
    constexpr std::string_view kMember = R"("inspection":")";
    const std::string recorded = Recorded().back();
    const std::size_t at = recorded.find(kMember);
    return at == std::string::npos ? "" : recorded.substr(at + kMember.size(), 4);
  }

  // The reading end as the sequencer has it: it may write the marks.
  base::Result<ledger::JournalReader> Sequencers() {
    return ledger::JournalReader::FromFd(
        base::UniqueFd(::fcntl(journal_->fd(), F_DUPFD_CLOEXEC, 0)), "journal");
  }

  TestRoots files_;
  std::optional<ledger::JournalWriter> journal_;
  std::optional<Judge> judge_;
  Process process_;
};

TEST_F(JudgeTest, PermitsAndRecordsFirst) {
  Start(Mode::kRun);
  EXPECT_EQ(judge_->Ask(process_, Action::kFileRead, "/srv/a"), 0);
  ASSERT_EQ(Recorded().size(), 1U);
  EXPECT_EQ(Recorded()[0],
            R"({"action":"FileRead","context":{"exe":"/usr/bin/cat","pid":7},"decision":"allow",)"
            R"("policies":["read-srv"],"reason":"POLICY_PERMIT","resource":"/srv/a"})");
}

TEST_F(JudgeTest, RefusesAndRecords) {
  Start(Mode::kRun);
  EXPECT_EQ(judge_->Ask(process_, Action::kFileRead, "/srv/secret/key"), EACCES);
  EXPECT_EQ(judge_->Ask(process_, Action::kFileWrite, "/srv/a"), EACCES);
  EXPECT_EQ(judge_->Ask(process_, Action::kNetConnect, "10.0.0.1:1"), EACCES);
  const auto recorded = Recorded();
  ASSERT_EQ(recorded.size(), 3U);
  EXPECT_NE(recorded[0].find(R"("reason":"POLICY_FORBID")"), std::string::npos);
  EXPECT_NE(recorded[1].find(R"("reason":"NO_PERMIT")"), std::string::npos);
  EXPECT_NE(recorded[2].find(R"("reason":"NETWORK_CLOSED")"), std::string::npos);
}

TEST_F(JudgeTest, RecordsTheAddressThatANameStoodFor) {
  Start(Mode::kRun);
  Detail detail;
  detail.host = "api.example.com";
  detail.port = 443;
  detail.protocol = "tcp";
  detail.address = "93.184.216.34";
  EXPECT_EQ(judge_->Ask(process_, Action::kNetConnect, "api.example.com:443", detail), EACCES);
  EXPECT_NE(Recorded()[0].find(R"("context":{"address":"93.184.216.34","exe")"), std::string::npos);
}

TEST_F(JudgeTest, RecordsWhatIsLookedAtOfPermittedConnectionsToNames) {
  Start(Mode::kRun, 1U << 24U, {}, true);
  EXPECT_EQ(Inspection("api.example.com", 443), "name");
  EXPECT_EQ(Inspection("api.example.com", 22), "none");
  EXPECT_EQ(Inspection("elsewhere", 22), "none");
  EXPECT_EQ(Inspection("elsewhere", 443), "") << "refused";
  EXPECT_EQ(Inspection("10.0.0.1", 22), "") << "an address has no name";
  EXPECT_EQ(Inspection("api.example.com", 443, "udp"), "");
}

TEST_F(JudgeTest, WrapLooksAtNothing) {
  Start(Mode::kWrap);
  EXPECT_EQ(Inspection("api.example.com", 22), "");
}

TEST_F(JudgeTest, WrapRefusesNothingButAegisState) {
  Start(Mode::kWrap);
  EXPECT_EQ(judge_->Ask(process_, Action::kFileWrite, "/srv/a"), 0);
  EXPECT_EQ(judge_->Ask(process_, Action::kFileRead, "/home/u/.aegis/x/audit.db"), EACCES);
  const auto recorded = Recorded();
  ASSERT_EQ(recorded.size(), 2U);
  EXPECT_NE(recorded[0].find(R"("decision":"deny")"), std::string::npos);
  EXPECT_NE(recorded[0].find(R"("enforced":false)"), std::string::npos);
  EXPECT_EQ(recorded[1].find(R"("enforced":false)"), std::string::npos);
}

TEST_F(JudgeTest, RecordsBytesInTheirEscapedForm) {
  Start(Mode::kRun);
  EXPECT_EQ(judge_->Ask(process_, Action::kFileRead, "/srv/a\xff\n"), 0);
  EXPECT_NE(Recorded()[0].find(R"("resource":"/srv/a\\xff\n")"), std::string::npos);
}

TEST_F(JudgeTest, MasksArgumentsButNoNames) {
  const std::vector<std::string> own = {"ACME-[0-9]{8}"};
  Start(Mode::kRun, 1U << 24U, ledger::Masker::Make(own).value());
  const std::vector<std::string> argv = {"curl", "ACME-12345678", "ACME-1"};
  Detail detail;
  detail.argv = argv;
  (void)judge_->Ask(process_, Action::kProcessSpawn, "/srv/ACME-87654321", detail);
  const std::string recorded = Recorded()[0];
  EXPECT_NE(recorded.find(R"("argv":["curl","[masked]","ACME-1"])"), std::string::npos);
  EXPECT_NE(recorded.find(R"("resource":"/srv/ACME-87654321")"), std::string::npos);
}

TEST_F(JudgeTest, WhatCantBeRecordedDoesNotHappen) {
  Start(Mode::kRun, 1U << 20U);
  int refused_after = 0;
  const std::string name = "/srv/" + std::string(3000, 'x');
  while (refused_after < 2000 && judge_->Ask(process_, Action::kFileRead, name) == 0) {
    ++refused_after;
  }
  EXPECT_LT(refused_after, 2000);
  EXPECT_EQ(judge_->Ask(process_, Action::kFileRead, name), EACCES);
}

TEST_F(JudgeTest, TheBacklogIsWhatIsNotStored) {
  Start(Mode::kRun);
  EXPECT_EQ(judge_->Ask(process_, Action::kFileRead, "/srv/a"), 0);
  const std::uint64_t one = journal_->backlog();
  EXPECT_GT(one, 100U);
  EXPECT_EQ(judge_->Ask(process_, Action::kFileRead, "/srv/b"), 0);
  EXPECT_GT(journal_->backlog(), one);
  const auto reader = Sequencers();
  ASSERT_TRUE(reader->SetDrained(reader->marks()->committed).has_value());
  EXPECT_EQ(journal_->backlog(), 0U);
}

TEST_F(JudgeTest, NothingWaitsForASequencerThatGaveUp) {
  Start(Mode::kRun);
  EXPECT_EQ(judge_->Ask(process_, Action::kFileRead, "/srv/a"), 0);
  const auto reader = Sequencers();
  ASSERT_TRUE(reader->SetFailed().has_value());
  EXPECT_EQ(journal_->backlog(), 0U);
  EXPECT_EQ(judge_->Ask(process_, Action::kFileRead, "/srv/a"), EACCES);
}

TEST_F(JudgeTest, PinsWhatHoldsARule) {
  Start(Mode::kRun);
  EXPECT_TRUE(judge_->Pins("/srv"));
  EXPECT_FALSE(judge_->Pins("/srv/other"));
  EXPECT_TRUE(judge_->Pins("/home/u"));
}

}  // namespace
}  // namespace aegis::gate
