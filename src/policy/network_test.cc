#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "policy/host_name.h"
#include "policy/policy.h"
#include "policy/test_policies.h"

// What policies say of connections: hosts, domains, ports and ranges of addresses.
namespace aegis::policy {
namespace {

using testing::HasSubstr;

std::string Rule(std::string_view effect, std::string_view place) {
  return std::string(effect) +
         "(principal, action == Aegis::Action::\"NetConnect\", resource in Aegis::Resource::\"" +
         std::string(place) + "\");\n";
}
std::string Permit(std::string_view place) { return Rule("permit", place); }
std::string Forbid(std::string_view place) { return Rule("forbid", place); }

bool Connects(const PolicySet& set, std::string_view host, std::int64_t port) {
  const std::string resource = HostAndPort(host, port);
  return set.Evaluate({.action = Action::kNetConnect,
                       .resource = resource,
                       .context = {.pid = 1, .host = host, .port = port, .protocol = "tcp"}})
             .outcome == Outcome::kPermit;
}

bool IsAsked(const PolicySet& set, std::string_view name) {
  return set.Evaluate({.action = Action::kNetConnect,
                       .resource = name,
                       .context = {.pid = 1, .host = name, .protocol = "dns"}})
             .outcome == Outcome::kPermit;
}

TEST(NetworkTest, APortAloneIsThatOfNamedHosts) {
  const PolicySet set = MustLoad(Permit("*:443"));
  EXPECT_TRUE(Connects(set, "api.example.com", 443));
  EXPECT_TRUE(Connects(set, "localhost", 443));
  EXPECT_FALSE(Connects(set, "api.example.com", 80));
  EXPECT_FALSE(Connects(set, "api.example.com", 4430));
  for (const std::string_view address : {"10.0.0.1", "1.1.1.1", "::1", "2606:4700::1111"}) {
    EXPECT_FALSE(Connects(set, address, 443)) << address;
  }
  // Names that resolvers take for addresses are no names either.
  EXPECT_FALSE(Connects(set, "0x7f000001", 443));
  EXPECT_FALSE(Connects(set, "2130706433", 443));
  EXPECT_FALSE(IsAsked(set, "api.example.com"));
}

TEST(NetworkTest, RangesHoldTheirAddresses) {
  const PolicySet set =
      MustLoad(Permit("10.0.0.0/8") + Permit("192.168.0.0/16:5432") + Permit("fd00::/8") +
               Permit("[2001:db8::/32]:443") + Forbid("10.9.0.0/16"));
  EXPECT_TRUE(Connects(set, "10.0.0.1", 1));
  EXPECT_TRUE(Connects(set, "10.255.255.255", 65'535));
  EXPECT_FALSE(Connects(set, "10.9.1.1", 1));
  EXPECT_FALSE(Connects(set, "11.0.0.1", 1));
  EXPECT_TRUE(Connects(set, "192.168.3.4", 5432));
  EXPECT_FALSE(Connects(set, "192.168.3.4", 5433));
  EXPECT_FALSE(Connects(set, "192.169.3.4", 5432));
  EXPECT_TRUE(Connects(set, "fd12::1", 22));
  EXPECT_FALSE(Connects(set, "fe80::1", 22));
  EXPECT_TRUE(Connects(set, "2001:db8::5", 443));
  EXPECT_FALSE(Connects(set, "2001:db8::5", 80));
  EXPECT_FALSE(Connects(set, "10.example.com", 1)) << "a name lies in no range";
  const PolicySet four = MustLoad(Permit("0.0.0.0/0"));
  EXPECT_TRUE(Connects(four, "255.255.255.255", 1));
  EXPECT_FALSE(Connects(four, "::1", 1));
  const PolicySet six = MustLoad(Permit("::/0"));
  EXPECT_TRUE(Connects(six, "::", 1));
  EXPECT_FALSE(Connects(six, "0.0.0.0", 1));
  EXPECT_EQ(Ask(MustLoad("permit(principal, action, resource);"), Action::kNetConnect, "10.0.0.0/8")
                .outcome,
            Outcome::kError)
      << "the name of a range is no connection";
}

TEST(NetworkTest, DomainsHoldNamesAndNoAddresses) {
  const PolicySet set = MustLoad(Permit("*.example"));
  EXPECT_TRUE(Connects(set, "a.example", 1));
  EXPECT_FALSE(Connects(set, "example", 1));
  EXPECT_NE(Refusal(Permit("*.0.0.1")), "");
}

TEST(NetworkTest, AQuestionForAHostHasNoPort) {
  const PolicySet set =
      MustLoad(Permit("a.example") + Permit("*.b.example") + Permit("c.example:443"));
  EXPECT_TRUE(IsAsked(set, "a.example"));
  EXPECT_TRUE(IsAsked(set, "x.b.example"));
  EXPECT_FALSE(IsAsked(set, "b.example"));
  EXPECT_FALSE(IsAsked(set, "c.example"));
  const PolicySet forbidden =
      MustLoad("permit(principal, action, resource);" + Forbid("*.evil.example"));
  EXPECT_TRUE(IsAsked(forbidden, "evil.example"));
  EXPECT_FALSE(IsAsked(forbidden, "x.evil.example"));
}

Verdict Judge(const PolicySet& set, std::string_view host, std::int64_t port) {
  const std::string resource = HostAndPort(host, port);
  return set.Evaluate({.action = Action::kNetConnect,
                       .resource = resource,
                       .context = {.pid = 1, .host = host, .port = port, .protocol = "tcp"}});
}

TEST(InspectionTest, OneMatchingOpaquePermitIsEnough) {
  const PolicySet set = MustLoad("@opaque " + Permit("a.example:22") + Permit("*.example") +
                                 "@opaque(\"\") " + Permit("*.b.example") + Forbid("no.b.example"));
  EXPECT_EQ(Judge(set, "a.example", 22).inspection, Inspection::kNone);
  EXPECT_EQ(Judge(set, "a.example", 443).inspection, Inspection::kName);
  EXPECT_EQ(Judge(set, "x.b.example", 443).inspection, Inspection::kNone);
  EXPECT_EQ(Judge(set, "no.b.example", 443).outcome, Outcome::kForbid);
  EXPECT_EQ(Judge(set, "no.b.example", 443).inspection, Inspection::kName);
  EXPECT_EQ(Judge(set, "elsewhere", 443).inspection, Inspection::kName);
}

TEST(InspectionTest, WhatIsNotPermittedOrNoConnectionIsNeverOpaque) {
  const PolicySet set = MustLoad(
      "@opaque permit(principal, action, resource);"
      "@ask " +
      Permit("asked.example") + "permit(principal, action, resource) when { context.pid > 5 };");
  EXPECT_EQ(Judge(set, "a.example", 1).inspection, Inspection::kNone);
  EXPECT_EQ(Judge(set, "asked.example", 1).outcome, Outcome::kAsk);
  EXPECT_EQ(Judge(set, "asked.example", 1).inspection, Inspection::kName);
  EXPECT_EQ(Ask(set, Action::kFileRead, "/x").inspection, Inspection::kName);
  EXPECT_EQ(Ask(set, Action::kNetConnect, "/x").inspection, Inspection::kName);
}

TEST(InspectionTest, AConditionThatDoesNotHoldLeavesTheNameChecked) {
  const PolicySet set = MustLoad(
      "permit(principal, action, resource);"
      "@opaque permit(principal, action, resource) when { context has port && context.port == 22 };"
      "@opaque permit(principal == Aegis::Agent::\"other\", action, resource);");
  EXPECT_EQ(Judge(set, "h", 22).inspection, Inspection::kNone);
  EXPECT_EQ(Judge(set, "h", 23).inspection, Inspection::kName);
}

TEST(NetworkTest, OtherSpellingsAreRefusedWithTheRightOne) {
  for (const auto& [name, right] :
       {std::pair<std::string_view, std::string_view>("Example.com", "example.com"),
        {"010.0.0.1", "8.0.0.1"},
        {"::FFFF:1.2.3.4", "1.2.3.4"},
        {"10.1.2.3/8", "10.0.0.0/8"},
        {"*.Example.com:443", "*.example.com:443"}}) {
    EXPECT_THAT(Refusal(Permit(name)), HasSubstr("requests write it `" + std::string(right) + "`"));
  }
  // Where tools may be meant, what can only be an address.
  EXPECT_NE(Refusal("forbid(principal, action, resource in Aegis::Resource::\"010.0.0.1\");"), "");
  EXPECT_EQ(Refusal("forbid(principal, action, resource in Aegis::Resource::\"Search\");"), "");
}

TEST(NetworkTest, WhatIsCanonicalHereIsCanonicalInPolicies) {
  for (const std::string_view named :
       {"API.example.com.", "b\u00fccher.example", "0x7f.1", "::ffff:10.0.0.1", "2001:DB8:0::0:1",
        "::1.2.3.4", "::102:304", "1:0:0:2:0:0:0:3", "64:ff9b::1.2.3.4", "::ffff:0:1.2.3.4"}) {
    const auto host = ParseHost(named);
    ASSERT_TRUE(host) << named;
    EXPECT_EQ(Refusal(Permit(host->text)), "") << host->text;
    EXPECT_EQ(Refusal(Permit(HostAndPort(host->text, 443))), "") << host->text;
    if (host->text != named) {
      EXPECT_NE(Refusal(Permit(named)), "") << named;
    }
  }
}

TEST(MayReachTest, SomeRuleIsThereForTheHost) {
  const PolicySet set =
      MustLoad(Permit("a.example:443") + Permit("*.b.example") + Permit("*.c.example:22") +
               Permit("10.0.0.0/8:5432") + Permit("::1") + Forbid("no.b.example") +
               Forbid("*.x.b.example") + Forbid("ok.b.example:80") + Forbid("10.9.0.0/16"));
  for (const std::string_view host : {"a.example", "y.b.example", "x.b.example", "ok.b.example",
                                      "z.c.example", "10.0.0.1", "::1"}) {
    EXPECT_TRUE(set.MayReach(host)) << host;
  }
  for (const std::string_view host : {"b.example", "no.b.example", "y.x.b.example", "example",
                                      "::2", "10.9.0.1", "11.0.0.1", "sub.a.example"}) {
    EXPECT_FALSE(set.MayReach(host)) << host;
  }
}

TEST(MayReachTest, UnboundedRulesCountEverywhere) {
  const std::string all = "permit(principal, action, resource);";
  EXPECT_TRUE(MustLoad(all).MayReach("h"));
  EXPECT_FALSE(
      MustLoad("permit(principal, action in Aegis::Action::\"File\", resource);").MayReach("h"));
  EXPECT_FALSE(
      MustLoad("permit(principal == Aegis::Agent::\"other\", action, resource);").MayReach("h"));
  EXPECT_FALSE(MustLoad(all + "forbid(principal, action, resource);").MayReach("h"));
  EXPECT_TRUE(MustLoad(all + "forbid(principal, action, resource) when { context.pid > 5 };")
                  .MayReach("h"));
  EXPECT_FALSE(MustLoad(all + Forbid("h")).MayReach("h"));
  EXPECT_TRUE(MustLoad(all + Forbid("h:443")).MayReach("h"));
  EXPECT_TRUE(MustLoad(all + Forbid("*:443")).MayReach("h"));
  EXPECT_TRUE(MustLoad(Permit("*:443")).MayReach("h"));
  EXPECT_FALSE(MustLoad(Permit("*:443")).MayReach("10.0.0.1"));
}

}  // namespace
}  // namespace aegis::policy
