#include "cli/session_level.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ledger/ledger.h"
#include "ledger/test_ledger.h"

namespace aegis::cli {
namespace {

using ledger::Get;

SessionLevel Of(std::string_view payload, bool erased = false) {
  return LevelIn({.event_type = ledger::kSessionStarted, .payload = payload, .erased = erased});
}

TEST(LevelIn, IsWhatTheBeginningSays) {
  EXPECT_EQ(Of("{}"), (SessionLevel{.name = "full"}));
  EXPECT_EQ(Of(R"({"level":"writes"})"), (SessionLevel{.name = "writes"}));
  EXPECT_EQ(Of(R"({"level":"full","level_detail":"x"})"),
            (SessionLevel{.name = "full", .detail = "x"}));
}

TEST(LevelIn, IsUnknownRatherThanFull) {
  for (const char* const payload :
       {R"({"level":"none"})", R"({"level":7})", R"({"level":null})", R"({"level":""})"}) {
    EXPECT_EQ(Of(payload), SessionLevel()) << payload;
  }
  EXPECT_EQ(Of("{}", true), SessionLevel());
}

TEST(LevelText, SaysWhatItMeans) {
  EXPECT_EQ(LevelText({.name = "full"}), "full");
  EXPECT_EQ(LevelText({.name = "full", .detail = "w"}), "full, not writes as asked: w");
  EXPECT_EQ(LevelText({.name = "writes"}), "writes (plain reads left no entries)");
  EXPECT_TRUE(LevelText({}).starts_with("unknown ("));
}

TEST(ReadLevels, OfSessionsThatAreOverAndThatRun) {
  const ledger::FilledLedger filled({"s1", "s2"});
  auto ledger = Get(ledger::Ledger::Open(filled.directory.path(), ledger::Ledger::Mode::kRead));
  auto writer = Get(ledger::JournalWriter::Create(
      ledger.JournalPath("live"), ledger::TestIdentity("live"), ledger::TestOptions()));
  Get(writer.Append(ledger::kSessionStarted, R"({"level":"writes","mode":"run"})",
                    ledger::Durability::kOrdered));
  std::vector<ledger::SessionInfo> sessions;
  Get(ledger.Sessions(std::nullopt, [&](const ledger::SessionInfo& info) -> base::Result<bool> {
    sessions.push_back(info);
    return true;
  }));
  sessions.emplace_back().session.session_id = "gone";
  const SessionLevels levels = Get(ReadLevels(ledger, sessions));
  EXPECT_EQ(levels,
            (SessionLevels{
                {"live", {.name = "writes"}}, {"s1", {.name = "full"}}, {"s2", {.name = "full"}}}));
  EXPECT_EQ(LevelOf(levels, sessions.back()).name, "unknown");
}

TEST(ReadLevels, ARowThatIsAnotherSessionsSaysNothing) {
  const ledger::FilledLedger filled({"s1", "s2"});
  auto ledger = Get(ledger::Ledger::Open(filled.directory.path(), ledger::Ledger::Mode::kRead));
  std::vector<ledger::SessionInfo> sessions(1);
  sessions[0].session.session_id = "s1";
  sessions[0].session.first_id = 11;  // the first of s2, after tampering
  EXPECT_EQ(Get(ReadLevels(ledger, sessions)), SessionLevels());
  sessions[0].session.first_id = 2;
  EXPECT_EQ(Get(ReadLevels(ledger, sessions)), SessionLevels());
}

}  // namespace
}  // namespace aegis::cli
