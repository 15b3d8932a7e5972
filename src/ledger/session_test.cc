#include "ledger/session.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "canon/canon.h"
#include "ledger/entry.h"
#include "ledger/test_ledger.h"
#include "ledger/watch_events.h"

namespace aegis::ledger {
namespace {

EntryView Event(std::uint64_t seq, std::string_view type, std::string_view payload) {
  return {.tenant_id = "local",
          .user_id = "tester",
          .session_id = "s1",
          .seq = seq,
          .ts_unix_ms = 1000 + static_cast<std::int64_t>(seq),
          .event_type = type,
          .payload = payload,
          .hash = canon::HashSha256(payload)};
}

TEST(SessionTest, FollowsItsEntries) {
  const std::string start = Started("default");
  Session session = BeginSession(Event(0, kSessionStarted, start));
  EXPECT_EQ(session.mode, "run");
  EXPECT_EQ(session.command, "make");
  EXPECT_EQ(session.argv, R"(["make","-j2"])");
  EXPECT_EQ(session.config, "default");
  EXPECT_EQ(session.dir, "/srv/app");
  EXPECT_EQ(session.tag, "nightly");
  EXPECT_EQ(session.started_ms, 1000);
  EXPECT_EQ(session.ended_ms, std::nullopt);

  const std::string allowed = Decided("FileRead", "/a", "allow");
  const std::string denied = Decided("FileRead", "/a", "deny");
  Advance(session, Event(1, kActionDecided, allowed));
  Advance(session, Event(2, kActionDecided, denied));
  Advance(session, Event(3, kActionFinished, R"({"action":"ProcessExit","decision":"deny"})"));
  EXPECT_EQ(session.actions, 2);
  EXPECT_EQ(session.denials, 1);

  Advance(session, Event(4, kSessionEnded, R"({"exit_code":3})"));
  EXPECT_EQ(session.ended_ms, 1004);
  EXPECT_EQ(session.exit_code, 3);
  EXPECT_EQ(session.signal, std::nullopt);
  EXPECT_EQ(session.head_seq, 4U);
  EXPECT_EQ(session.head_hash, canon::HashSha256(R"({"exit_code":3})"));
}

TEST(SessionTest, WhatWasObservedCountsAsAction) {
  Session session = BeginSession(Event(0, kSessionStarted, R"({"dir":"/srv","mode":"watch"})"));
  const std::string allowed = Decided("FileWrite", "/srv/a", "allow");
  const std::string denied = Decided("FileWrite", "/srv/a", "deny");
  Advance(session, Event(1, kActionObserved, allowed));
  Advance(session, Event(2, kActionObserved, denied));
  Advance(session, Event(3, kNameChanged, R"({"change":"created","decision":"deny"})"));
  EXPECT_EQ(session.mode, "watch");
  EXPECT_EQ(session.command, std::nullopt);
  EXPECT_EQ(session.actions, 2);
  EXPECT_EQ(session.denials, 1);
}

TEST(SessionTest, OddPayloadsGiveAnEmptySession) {
  for (const std::string_view payload :
       {"{}", R"({"argv":"x","command":7,"mode":null})", "garbage", ""}) {
    const Session session = BeginSession(Event(0, kSessionStarted, payload));
    EXPECT_EQ(session.mode, std::nullopt) << payload;
    EXPECT_EQ(session.argv, std::nullopt) << payload;
    EXPECT_EQ(session.command, std::nullopt) << payload;
  }
  // Only a SESSION_STARTED says how a session started.
  EXPECT_EQ(BeginSession(Event(0, kActionDecided, Started("x"))).config, std::nullopt);
}

}  // namespace
}  // namespace aegis::ledger
