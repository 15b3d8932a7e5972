#include "decision/decision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "policy/policy.h"
#include "policy/random_policies.h"
#include "policy/test_policies.h"

namespace aegis::decision {
namespace {

using policy::Action;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::string_view kPermitAll = "@id(\"all\") permit(principal, action, resource);";

Decider MustMake(std::string_view text, Guards guards = {}) {
  return {policy::MustLoad(text), std::move(guards)};
}

Decision Decide(Decider& decider, Action action, std::string_view resource) {
  return decider.Decide({.action = action, .resource = resource, .context = {.pid = 7}});
}

TEST(ReasonTest, CodesAreClosedAndDistinct) {
  EXPECT_EQ(ReasonCode(Reason::kPolicyPermit), "POLICY_PERMIT");
  EXPECT_EQ(ReasonCode(Reason::kPolicyForbid), "POLICY_FORBID");
  EXPECT_EQ(ReasonCode(Reason::kNoPermit), "NO_PERMIT");
  EXPECT_EQ(ReasonCode(Reason::kPolicyError), "POLICY_ERROR");
  EXPECT_EQ(ReasonCode(Reason::kApprovalUnavailable), "APPROVAL_UNAVAILABLE");
  EXPECT_EQ(ReasonCode(Reason::kAegisState), "AEGIS_STATE");
  EXPECT_EQ(ReasonCode(Reason::kNetworkClosed), "NETWORK_CLOSED");
  EXPECT_EQ(ReasonCode(Reason::kImageChanged), "IMAGE_CHANGED");
  EXPECT_EQ(ReasonCode(Reason::kPinnedPath), "PINNED_PATH");
  EXPECT_EQ(ReasonCode(Reason::kNameMismatch), "NAME_MISMATCH");
  EXPECT_EQ(ReasonCode(Reason::kNameUnknown), "NAME_UNKNOWN");
  EXPECT_EQ(ReasonCode(Reason::kMalformed), "MALFORMED");
  EXPECT_EQ(ReasonCode(Reason::kUnsupported), "UNSUPPORTED");
  EXPECT_EQ(ReasonCode(Reason::kInternalError), "INTERNAL_ERROR");
  EXPECT_EQ(ReasonCode(Reason::kLedgerUnavailable), "LEDGER_UNAVAILABLE");
}

TEST(DenyTest, ErrorsBecomeDenies) {
  const Decision internal = DenyFor(base::Error(base::Errc::kCorrupt, "x"));
  EXPECT_FALSE(internal.allowed());
  EXPECT_EQ(internal.reason, Reason::kInternalError);
  ASSERT_NE(internal.policies, nullptr);
  EXPECT_EQ(DenyFor(base::Error(base::Errc::kUnsupported, "x")).reason, Reason::kUnsupported);
  EXPECT_EQ(Deny(Reason::kPinnedPath).effect, Effect::kDeny);
  EXPECT_FALSE(Decision().allowed());
}

TEST(DecideTest, EveryOutcomeHasItsReason) {
  Decider decider = MustMake(R"(
    @id("all") permit(principal, action, resource in Aegis::Resource::"/srv");
    @id("no") forbid(principal, action, resource in Aegis::Resource::"/srv/no");
    @id("ask") @ask permit(principal, action, resource in Aegis::Resource::"/srv/ask");
    @id("bad") permit(principal, action, resource in Aegis::Resource::"/srv/bad")
      when { context.pid + 9223372036854775807 > 0 };)");
  for (int round = 0; round < 2; ++round) {  // evaluated, then from the cache
    const Decision permit = Decide(decider, Action::kFileRead, "/srv/x");
    EXPECT_TRUE(permit.allowed());
    EXPECT_EQ(permit.reason, Reason::kPolicyPermit);
    EXPECT_THAT(*permit.policies, ElementsAre("all"));
    const Decision forbid = Decide(decider, Action::kFileRead, "/srv/no/x");
    EXPECT_FALSE(forbid.allowed());
    EXPECT_EQ(forbid.reason, Reason::kPolicyForbid);
    EXPECT_THAT(*forbid.policies, ElementsAre("no"));
    const Decision none = Decide(decider, Action::kFileRead, "/x");
    EXPECT_FALSE(none.allowed());
    EXPECT_EQ(none.reason, Reason::kNoPermit);
    EXPECT_THAT(*none.policies, IsEmpty());
    const Decision ask = Decide(decider, Action::kFileRead, "/srv/ask");
    EXPECT_FALSE(ask.allowed());
    EXPECT_EQ(ask.reason, Reason::kApprovalUnavailable);
    EXPECT_THAT(*ask.policies, ElementsAre("ask"));
    const Decision bad = Decide(decider, Action::kFileRead, "/srv/bad");
    EXPECT_FALSE(bad.allowed());
    EXPECT_EQ(bad.reason, Reason::kPolicyError);
  }
}

TEST(DecideTest, MalformedNamesAreNeverAllowed) {
  Decider decider = MustMake(kPermitAll);
  for (const std::string_view path : {"", "x", "/a/../b", "/a//b", "/a/"}) {
    const Decision decision = Decide(decider, Action::kFileRead, path);
    EXPECT_FALSE(decision.allowed()) << path;
    EXPECT_EQ(decision.reason, Reason::kPolicyError);
  }
  EXPECT_EQ(decider.cached(), 0U);
  EXPECT_TRUE(Decide(decider, Action::kFileRead, "/a/b").allowed());
}

TEST(GuardsTest, StateIsOutOfReachOfEveryPolicy) {
  Decider decider = MustMake(kPermitAll, {.aegis_state = {"/home/u/.aegis"}});
  EXPECT_TRUE(Decide(decider, Action::kFileRead, "/home/u").allowed());
  EXPECT_TRUE(Decide(decider, Action::kFileRead, "/home/u/.aegis2/x").allowed());
  for (const Action action : {Action::kFileRead, Action::kFileWrite, Action::kFileDelete,
                              Action::kDirList, Action::kDirCreate, Action::kProcessSpawn}) {
    for (const std::string_view path : {"/home/u/.aegis", "/home/u/.aegis/n/audit.db"}) {
      const Decision decision = Decide(decider, action, path);
      EXPECT_FALSE(decision.allowed());
      EXPECT_EQ(decision.reason, Reason::kAegisState);
      EXPECT_THAT(*decision.policies, IsEmpty());
    }
  }
  EXPECT_TRUE(decider.Pins("/home/u"));
  EXPECT_TRUE(decider.Pins("/"));
  EXPECT_FALSE(decider.Pins("/home/u/.aegis"));
  EXPECT_FALSE(decider.Pins("/home/v"));
}

TEST(GuardsTest, PinsFollowThePoliciesToo) {
  const Decider decider =
      MustMake("forbid(principal, action, resource in Aegis::Resource::\"/a/b\");");
  EXPECT_TRUE(decider.Pins("/a"));
  EXPECT_FALSE(decider.Pins("/a/b"));
}

TEST(GuardsTest, AClosedNetworkIsClosedWhateverPoliciesSay) {
  Decider closed = MustMake(kPermitAll, {.network_closed = true});
  const policy::Request connect = {
      .action = Action::kNetConnect,
      .resource = "h:1",
      .context = {.pid = 7, .host = "h", .port = 1, .protocol = "tcp"}};
  EXPECT_EQ(closed.Decide(connect).reason, Reason::kNetworkClosed);
  EXPECT_FALSE(closed.Decide(connect).allowed());
  EXPECT_TRUE(Decide(closed, Action::kFileRead, "/x").allowed());
  Decider open = MustMake(kPermitAll, {.network_closed = false});
  EXPECT_TRUE(open.Decide(connect).allowed());
  EXPECT_FALSE(closed.MayReach("h"));
  EXPECT_TRUE(open.MayReach("h"));
}

TEST(DecideTest, OnlyAnAllowedConnectionIsOpaque) {
  constexpr std::string_view kText = R"(
    @opaque permit(principal, action, resource);
    forbid(principal, action, resource in Aegis::Resource::"no.example");
    @ask permit(principal, action, resource in Aegis::Resource::"ask.example");)";
  const auto inspection = [](Decider& decider, std::string_view host) {
    const std::string resource = std::string(host) + ":22";
    const policy::Context context = {.pid = 7, .host = host, .port = 22, .protocol = "tcp"};
    return decider.Decide({.action = Action::kNetConnect, .resource = resource, .context = context})
        .inspection;
  };
  Decider open = MustMake(kText);
  Decider closed = MustMake(kText, {.network_closed = true});
  Decider checked = MustMake(kPermitAll);
  for (int twice = 0; twice < 2; ++twice) {
    EXPECT_EQ(inspection(open, "a.example"), policy::Inspection::kNone);
    EXPECT_EQ(inspection(open, "no.example"), policy::Inspection::kName);
    EXPECT_EQ(inspection(open, "ask.example"), policy::Inspection::kName);
    EXPECT_EQ(inspection(closed, "a.example"), policy::Inspection::kName);
    EXPECT_EQ(inspection(checked, "a.example"), policy::Inspection::kName);
    EXPECT_EQ(Decide(open, Action::kFileRead, "/x").inspection, policy::Inspection::kName);
  }
  EXPECT_EQ(Deny(Reason::kInternalError).inspection, policy::Inspection::kName);
}

TEST(CacheTest, PathsOfOneClassShareAnEntry) {
  Decider decider = MustMake("permit(principal, action, resource in Aegis::Resource::\"/srv\");");
  EXPECT_TRUE(Decide(decider, Action::kFileRead, "/srv/a").allowed());
  EXPECT_TRUE(Decide(decider, Action::kFileRead, "/srv/b/c").allowed());
  EXPECT_EQ(decider.cached(), 1U);
  EXPECT_FALSE(Decide(decider, Action::kFileRead, "/usr/a").allowed());
  EXPECT_TRUE(Decide(decider, Action::kFileWrite, "/srv/a").allowed());
  EXPECT_EQ(decider.cached(), 3U);
}

TEST(CacheTest, WhatPoliciesReadIsPartOfTheKey) {
  Decider decider = MustMake(R"(
    permit(principal, action == Aegis::Action::"FileRead", resource)
      when { resource.path like "*.c" };
    permit(principal, action == Aegis::Action::"FileWrite", resource) when { context.pid > 5 };
    permit(principal, action == Aegis::Action::"DirList", resource)
      when { context has exe && context.exe == "/bin/ls" };
    permit(principal, action == Aegis::Action::"ProcessSpawn", resource)
      when { context has argv && context.argv.contains("-n") };)");
  EXPECT_TRUE(Decide(decider, Action::kFileRead, "/a.c").allowed());
  EXPECT_FALSE(Decide(decider, Action::kFileRead, "/a.h").allowed());
  const auto decide = [&decider](Action action, policy::Context context) {
    return decider.Decide({.action = action, .resource = "/x", .context = context}).allowed();
  };
  EXPECT_TRUE(decide(Action::kFileWrite, {.pid = 6}));
  EXPECT_FALSE(decide(Action::kFileWrite, {.pid = 5}));
  EXPECT_TRUE(decide(Action::kDirList, {.pid = 1, .exe = "/bin/ls"}));
  EXPECT_FALSE(decide(Action::kDirList, {.pid = 1, .exe = "/bin/cat"}));
  const std::size_t before = decider.cached();
  const std::vector<std::string> dry = {"make", "-n"};
  const std::vector<std::string> wet = {"make"};
  EXPECT_TRUE(decide(Action::kProcessSpawn, {.pid = 1, .argv = dry}));
  EXPECT_FALSE(decide(Action::kProcessSpawn, {.pid = 1, .argv = wet}));
  EXPECT_EQ(decider.cached(), before);  // arguments are not remembered
}

TEST(CacheTest, StaysBounded) {
  Decider decider =
      MustMake("permit(principal, action, resource) when { resource.path like \"/p*\" };");
  for (int i = 0; i < 70'000; ++i) {
    ASSERT_TRUE(Decide(decider, Action::kFileRead, "/p" + std::to_string(i)).allowed());
  }
  EXPECT_LE(decider.cached(), 65'536U);
  EXPECT_FALSE(Decide(decider, Action::kFileRead, "/q").allowed());
}

TEST(CacheTest, MovesWithTheDecider) {
  Decider first = MustMake(kPermitAll);
  EXPECT_TRUE(Decide(first, Action::kFileRead, "/x").allowed());
  Decider second = std::move(first);
  EXPECT_EQ(second.cached(), 1U);
  EXPECT_TRUE(Decide(second, Action::kFileRead, "/x").allowed());
  EXPECT_EQ(second.policies().policies().size(), 1U);
}

TEST(PropertyTest, CachedDecisionsEqualEvaluation) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    policy::RandomWorld world(seed);
    const std::string text = policy::TextOf(world.Policies(8));
    const std::vector<policy::Source> sources = {{.file = "r", .text = text}};
    const policy::PolicySet plain = policy::MustLoad(sources, policy::RandomNames());
    Decider decider(policy::MustLoad(sources, policy::RandomNames()), {});
    for (int i = 0; i < 150; ++i) {
      const Action action = world.AnyAction();
      const std::string path = world.Path();
      const policy::Context context = {.pid = world.Pid(), .exe = world.Exe()};
      const policy::Request request = {.action = action, .resource = path, .context = context};
      const policy::Verdict verdict = plain.Evaluate(request);
      const Decision decision = decider.Decide(request);
      ASSERT_EQ(decision.allowed(), verdict.outcome == policy::Outcome::kPermit)
          << "seed " << seed << ' ' << path << '\n'
          << text;
      ASSERT_EQ(*decision.policies, verdict.policies) << "seed " << seed << ' ' << path;
    }
  }
}

}  // namespace
}  // namespace aegis::decision
