#include "cli/report_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/activity.h"
#include "cli/secrets.h"
#include "ledger/ledger.h"
#include "ledger/test_ledger.h"

namespace aegis::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> Kinds(const ReportData& data) {
  std::vector<std::string> kinds;
  for (const Gap& gap : GapsOf(data)) {
    kinds.emplace_back(gap.kind);
  }
  return kinds;
}

std::uint64_t CountOf(const ReportData& data, std::string_view kind) {
  for (const Gap& gap : GapsOf(data)) {
    if (gap.kind == kind) {
      return gap.count;
    }
  }
  return 0;
}

class ReportDataTest : public testing::Test {
 protected:
  ReportData Gathered(const ReportScope& scope = {}) {
    auto ledger =
        ledger::Get(ledger::Ledger::Open(ledger_.directory.path(), ledger::Ledger::Mode::kRead));
    auto secrets =
        ledger::Get(SecretPlaces::Load({.agent = "a", .home = "/srv", .dir = "/srv/project"}));
    return ledger::Get(GatherReport(ledger, scope, secrets));
  }

  ledger::FilledLedger ledger_{{"s1", "s2", "s3"}};  // ten entries each, three denials
};

TEST_F(ReportDataTest, IsAboutAllSessions) {
  const ReportData data = Gathered();
  EXPECT_EQ(data.sessions.size(), 3U);
  EXPECT_EQ(data.entries, 30U);
  EXPECT_EQ(data.activity.actions.Sum().total(), 24U);
  EXPECT_EQ(data.activity.actions.Sum().denied, 9U);
  EXPECT_EQ(data.reasons.rows().find("NO_PERMIT")->second.denied, 9U);
  EXPECT_THAT(data.secrets.rows(), IsEmpty());
  EXPECT_THAT(Kinds(data), IsEmpty());
}

TEST_F(ReportDataTest, IsAboutWhatIsAskedFor) {
  const ReportData one = Gathered({.session_id = "s2"});
  ASSERT_EQ(one.sessions.size(), 1U);
  EXPECT_EQ(one.entries, 10U);
  const ReportData last = Gathered({.last = 2});
  EXPECT_EQ(last.sessions.size(), 2U);
  EXPECT_EQ(last.entries, 20U);
  EXPECT_EQ(Gathered({.from_ms = INT64_MAX}).sessions.size(), 0U);
  const ReportData before = Gathered({.to_ms = 0});
  EXPECT_EQ(before.sessions.size() + before.entries, 0U);
}

TEST_F(ReportDataTest, EntriesAreCountedByTheirTime) {
  const ReportData all = Gathered();
  const std::int64_t start = all.sessions.front().session.started_ms;
  const ReportData part = Gathered({.from_ms = start, .to_ms = start + 5});
  EXPECT_GT(part.entries, 0U);
  EXPECT_LT(part.entries, all.entries);
}

// So many sessions, recorded in full.
ReportData WithSessions(std::size_t count) {
  ReportData data;
  data.sessions.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    data.sessions[i].session.session_id = "s" + std::to_string(i);
    data.levels["s" + std::to_string(i)] = {.name = "full"};
  }
  return data;
}

TEST(GapsOf, SessionsThatWereLessThanARun) {
  ReportData data = WithSessions(4);
  data.sessions[0].session.mode = "wrap";
  data.sessions[0].state = ledger::SessionState::kEnded;
  data.sessions[1].state = ledger::SessionState::kRunning;
  data.sessions[2].state = ledger::SessionState::kUnknown;
  data.sessions[3].state = ledger::SessionState::kEnded;
  data.sessions[3].session.erased = 7;
  data.permit_all = {"s"};
  data.policy_changes = 2;
  data.policies_kept = 3;
  data.watch_gaps = 4;
  EXPECT_THAT(Kinds(data), ElementsAre("wrap", "permit-all", "died", "running", "policy changed",
                                       "policy kept", "not watched", "erased"));
  EXPECT_EQ(CountOf(data, "policy kept"), 3U);
  EXPECT_EQ(CountOf(data, "not watched"), 4U);
  EXPECT_EQ(CountOf(data, "erased"), 7U);
  EXPECT_EQ(CountOf(data, "policy changed"), 2U);
}

TEST(GapsOf, AnOrdinaryRunHasNone) {
  ReportData data = WithSessions(1);
  data.sessions[0].session.mode = "run";
  data.sessions[0].state = ledger::SessionState::kEnded;
  data.reasons.Add("NO_PERMIT", Fate::kDenied);
  data.activity.Add({.action = "FileRead", .resource = "/x", .fate = Fate::kDenied});
  EXPECT_THAT(Kinds(data), IsEmpty());
}

TEST(GapsOf, SessionsWithoutPlainReads) {
  ReportData data = WithSessions(4);
  for (ledger::SessionInfo& info : data.sessions) {
    info.state = ledger::SessionState::kEnded;
  }
  data.levels["s0"] = {.name = "writes"};
  data.levels["s1"] = {.name = "writes"};
  data.levels["s2"].detail = "a policy asks for more";
  data.levels.erase("s3");
  EXPECT_THAT(Kinds(data), ElementsAre("writes", "level unknown"));
  EXPECT_EQ(CountOf(data, "writes"), 2U);
  EXPECT_EQ(CountWithoutReads(data), 2U);
}

TEST(GapsOf, WhatTheLedgerLacks) {
  ReportData data;
  data.verification.entries = 10;
  data.verification.witnessed = ledger::Witnessed{.size = 4};
  using Kind = ledger::JournalFinding::Kind;
  for (const Kind kind : {Kind::kUndrained, Kind::kLostTail, Kind::kDrained}) {
    data.verification.journals.emplace_back().kind = kind;
  }
  data.verification.findings.Add({});
  EXPECT_THAT(Kinds(data), ElementsAre("invalid", "undrained", "lost tail", "not witnessed"));
  EXPECT_EQ(CountOf(data, "not witnessed"), 6U);
}

TEST(GapsOf, ActionsThatWereNotJudgedOrNotRefused) {
  ReportData data;
  data.reasons.Add("POLICY_ERROR", Fate::kDenied);
  data.reasons.Add("INTERNAL_ERROR", Fate::kDenied);
  data.activity.Add({.action = "FileRead", .resource = "/x", .fate = Fate::kLetThrough});
  EXPECT_THAT(Kinds(data), ElementsAre("let through", "not judged"));
  EXPECT_EQ(CountOf(data, "not judged"), 2U);
}

TEST(GapsOf, NamesThatAreTooMany) {
  ReportData data;
  data.activity = Activity(1);
  for (const char* const host : {"a:1", "b:1", "c:1"}) {
    data.activity.Add({.action = "NetConnect", .resource = host, .fate = Fate::kPermitted});
  }
  EXPECT_EQ(CountOf(data, "not listed"), 2U);
}

}  // namespace
}  // namespace aegis::cli
