#include "advice/set_diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "advice/places.h"
#include "advice/test_sets.h"
#include "base/result.h"
#include "policy/host_name.h"
#include "policy/policy.h"
#include "policy/random_policies.h"
#include "policy/test_policies.h"

namespace aegis::advice {
namespace {

using policy::Action;
using policy::Outcome;
using policy::PolicySet;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

SetDiff Compare(const PolicySet& a, const PolicySet& b) {
  auto diff = CompareSets(a, b);
  EXPECT_TRUE(diff.has_value()) << diff.error().message();
  return diff.has_value() ? *std::move(diff) : SetDiff();
}

// "FileRead /srv/**: permit -> none" for each difference.
std::vector<std::string> Rows(const SetDiff& diff) {
  constexpr auto kNames =
      std::to_array<std::string_view>({"permit", "forbid", "none", "error", "ask"});
  std::vector<std::string> rows;
  for (const Difference& difference : diff.differences) {
    std::string row;
    for (const Action action : difference.actions) {
      row.append(policy::ActionName(action)).append(" ");
    }
    row += difference.region.name + (difference.region.subtree ? "/**" : "");
    for (const std::string& group : difference.region.groups) {
      row += " in " + group;
    }
    row.append(": ").append(kNames.at(static_cast<std::size_t>(difference.a.outcome)));
    row.append(" -> ").append(kNames.at(static_cast<std::size_t>(difference.b.outcome)));
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<std::string> Rows(std::string_view a, std::string_view b) {
  return Rows(Compare(MustLoad(a), MustLoad(b)));
}

std::string Permit(std::string_view action, std::string_view resource) {
  return "permit(principal, action == Aegis::Action::\"" + std::string(action) +
         "\", resource in Aegis::Resource::\"" + std::string(resource) + "\");\n";
}

std::string Forbid(std::string_view resource) {
  return "forbid(principal, action, resource in Aegis::Resource::\"" + std::string(resource) +
         "\");\n";
}

constexpr std::string_view kAll = "permit(principal, action, resource);\n";

TEST(SetDiff, EqualSetsDifferNowhere) {
  const std::string one = Permit("FileRead", "/srv");
  const std::string two =
      "@id(\"x\") forbid(principal, action, resource in Aegis::Resource::\"*/.env\") "
      "when { context.pid > 5 };";
  const SetDiff diff = Compare(MustLoad(one + two), MustLoad(two + one));
  EXPECT_THAT(diff.differences, IsEmpty());
  EXPECT_THAT(diff.dependences, IsEmpty()) << "what both read alike makes no difference";
}

TEST(SetDiff, ANarrowerPlaceIsAnException) {
  EXPECT_THAT(
      Rows(Permit("FileRead", "/srv"), Permit("FileRead", "/srv/app")),
      ElementsAre("FileRead /srv/**: permit -> none", "FileRead /srv/app/**: permit -> permit"));
}

TEST(SetDiff, APlaceAloneIsTold) {
  EXPECT_THAT(Rows("permit(principal, action == Aegis::Action::\"DirList\", "
                   "resource == Aegis::Resource::\"/srv\");",
                   ""),
              ElementsAre("DirList /srv: permit -> none"));
}

TEST(SetDiff, RefusedInAnotherWayIsNoDifference) {
  EXPECT_THAT(Rows("", Forbid("/srv")), IsEmpty());
  EXPECT_THAT(Rows(kAll, std::string(kAll) + Forbid("/srv")).size(), 1U);
}

TEST(SetDiff, AskingIsNoPermit) {
  const std::string permit = Permit("FileWrite", "/srv");
  EXPECT_THAT(Rows(permit, "@ask " + permit), ElementsAre("FileWrite /srv/**: permit -> ask"));
}

TEST(SetDiff, GroupsOfNamesAreToldOnceForAllActionsAndPlaces) {
  const std::string all = Permit("FileRead", "/srv") + Permit("FileWrite", "/srv") +
                          Permit("FileRead", "/opt") + Permit("FileWrite", "/opt");
  EXPECT_THAT(Rows(all, all + Forbid("*/.env")),
              ElementsAre("FileRead FileWrite /opt/** in */.env: permit -> forbid",
                          "FileRead FileWrite /srv/** in */.env: permit -> forbid"));
  const std::string some = all + Permit("FileRead", "/usr") + Permit("FileRead", "/var");
  EXPECT_THAT(Rows(some + Forbid("*/.env"), Forbid("/")),
              ::testing::Contains("FileRead //** in */.env: forbid -> forbid"))
      << "an exception that four places would need";
}

TEST(SetDiff, TwoGroupsTogetherMayAgreeWhereOneDiffers) {
  // A permits both kinds of names; B all but those that are in the other group as well.
  const std::string both = Permit("FileRead", "*/a*");
  const auto rows = Rows(both, Permit("FileRead", "*/b*"));
  EXPECT_THAT(rows, ::testing::Contains("FileRead //** in */a*: permit -> none"));
  EXPECT_THAT(rows, ::testing::Contains("FileRead //** in */b*: none -> permit"));
}

TEST(SetDiff, HostsHaveDomainsAndPorts) {
  EXPECT_THAT(
      Rows(Permit("NetConnect", "*.example.com"), Permit("NetConnect", "api.example.com:443")),
      ElementsAre("NetConnect *.example.com/**: permit -> none",
                  "NetConnect api.example.com:443: permit -> permit"));
  EXPECT_THAT(Rows(Permit("NetConnect", "[::1]:443"), Permit("NetConnect", "unix:/run/x")),
              ElementsAre("NetConnect [::1]:443: permit -> none",
                          "NetConnect unix:/run/x: none -> permit"));
}

TEST(SetDiff, APortOfADomainHoldsForTheHostsInIt) {
  const std::string host = Permit("NetConnect", "api.example.com");
  EXPECT_THAT(Rows(host, host + Permit("NetConnect", "*.example.com:443")),
              ElementsAre("NetConnect *.example.com:443: none -> permit",
                          "NetConnect api.example.com:443: permit -> permit"));
}

TEST(SetDiff, PortsOfAllNamesAndRanges) {
  EXPECT_THAT(
      Rows(Permit("NetConnect", "*:443"), Permit("NetConnect", "10.0.0.0/8:443")),
      ElementsAre("NetConnect *:443: permit -> none", "NetConnect 10.0.0.0/8:443: none -> permit"));
  EXPECT_THAT(Rows(Permit("NetConnect", "fd00::/8"),
                   Permit("NetConnect", "fd00::/8") + Permit("NetConnect", "[fd00::/9]:22")),
              IsEmpty());
}

TEST(SetDiff, ToolsAreNames) {
  EXPECT_THAT(Rows(Permit("ToolCall", "grep"), Permit("ToolCall", "find")),
              ElementsAre("ToolCall find: none -> permit", "ToolCall grep: permit -> none"));
  EXPECT_THAT(Rows("permit(principal, action == Aegis::Action::\"ToolCall\", resource);", ""),
              ElementsAre("ToolCall /**: permit -> none"));
}

TEST(SetDiff, NamesThePoliciesThatDecide) {
  const SetDiff diff = Compare(MustLoad("@id(\"all\") " + std::string(kAll)),
                               MustLoad("@id(\"no\") " + Forbid("/srv") + std::string(kAll)));
  ASSERT_EQ(diff.differences.size(), 1U);
  EXPECT_THAT(diff.differences[0].a.policies, ElementsAre("all"));
  EXPECT_THAT(diff.differences[0].b.policies, ElementsAre("no"));
}

TEST(SetDiff, AttributesThatAnswersDependOnAreNamed) {
  const SetDiff diff = Compare(
      MustLoad("permit(principal, action == Aegis::Action::\"FileRead\", resource) when { "
               "context has exe && context.exe == \"/bin/x\" && resource.path like \"*.c\" };"),
      MustLoad(Permit("NetConnect", "h") +
               "forbid(principal, action == Aegis::Action::\"NetConnect\", resource) "
               "when { context has port && context.port == 80 };"));
  ASSERT_EQ(diff.dependences.size(), 2U);
  EXPECT_EQ(diff.dependences[0].action, Action::kFileRead);
  EXPECT_THAT(diff.dependences[0].on, ElementsAre("resource.path", "context.exe"));
  EXPECT_THAT(diff.dependences[1].on, ElementsAre("context.port"));
}

TEST(SetDiff, APolicyForAnotherAgentMakesNoDifference) {
  EXPECT_THAT(Rows("permit(principal == Aegis::Agent::\"other\", action, resource);", ""),
              IsEmpty());
}

TEST(SetDiff, TemplatesAreComparedInOneGo) {
  const SetDiff diff = Compare(policy::LoadTemplate("project"), policy::LoadTemplate("permit-all"));
  const auto rows = Rows(diff);
  EXPECT_LT(rows.size(), 600U) << "few enough to be read";
  EXPECT_TRUE(std::ranges::any_of(diff.differences, [](const Difference& row) {
    return row.region.groups == std::vector<std::string>{"*/.env"} &&
           row.a.outcome == Outcome::kForbid && row.b.outcome == Outcome::kPermit;
  }));
}

TEST(SetDiff, TooMuchIsRefused) {
  std::string text;
  for (int i = 0; i < 2000; ++i) {
    const std::string number = std::to_string(i);
    text += Permit("FileRead", "/p" + number) + Permit("FileRead", "*/g" + number);
  }
  const auto diff = CompareSets(MustLoad(text), MustLoad(kAll));
  ASSERT_FALSE(diff.has_value());
  EXPECT_EQ(diff.error().code(), base::Errc::kExhausted);
  EXPECT_EQ(diff.error().message(),
            "the policies name too much to be compared: 2000 places and 2000 groups of names");
}

TEST(SetDiff, PortZeroIsAPort) {
  EXPECT_THAT(Rows("permit(principal, action, resource in Aegis::Resource::\"h:0\");", ""),
              ElementsAre("NetConnect ToolCall h:0: permit -> none"));
}

TEST(SetDiff, APlaceInAGroupIsAnExceptionOfTheGroup) {
  const std::string read = "forbid(principal, action in Aegis::Action::\"Read\", resource);\n";
  const std::string a = Forbid("/q/a") + Permit("FileRead", "/q") + Permit("FileWrite", "/q");
  const auto rows = Rows(a + read, Permit("FileRead", "*/a*") + Permit("FileWrite", "*/a*") + read);
  EXPECT_THAT(rows, ::testing::Contains("FileWrite /q/a/** in */a*: forbid -> permit"));
}

TEST(SetDiff, WhatTakesTooLongIsRefused) {
  std::string text;
  for (int i = 0; i < 6; ++i) {
    const std::string number = std::to_string(i);
    text += Permit("FileRead", "*/g" + number);
    text.insert(text.rfind(';'), " when { !(resource in Aegis::Resource::\"/w" + number + "\") }");
  }
  for (int i = 0; i < 1500; ++i) {
    text += "permit(principal, action, resource) unless { resource in Aegis::Resource::\"/p" +
            std::to_string(i) + "\" };\n";
  }
  EXPECT_FALSE(CompareSets(MustLoad(text), MustLoad("forbid(principal, action, resource);")));
}

// Pairs of groups beyond what can be asked about are no reason to ask about nothing.
TEST(SetDiff, TooManyPairsAreADependence) {
  std::string permits;
  std::string forbids;
  for (int i = 0; i < 1500; ++i) {
    permits += Permit("FileRead", "*/p" + std::to_string(i));
    forbids += Forbid("*/f" + std::to_string(i));
  }
  const SetDiff diff = Compare(MustLoad(permits), MustLoad(forbids));
  EXPECT_EQ(diff.differences.size(), 1500U);
  ASSERT_FALSE(diff.dependences.empty());
  EXPECT_THAT(diff.dependences[0].on, ElementsAre("several names of a path together"));
}

bool InGroups(const Region& region, std::string_view path) {
  return std::ranges::all_of(
      region.groups, [path](const std::string& group) { return policy::LiesIn(path, group); });
}

// What somebody reads who has the rule of `Difference`; nothing where no row holds.
std::optional<std::pair<Outcome, Outcome>> Read(const SetDiff& diff, Action action,
                                                std::string_view path) {
  const Difference* best = nullptr;
  const auto key = [](const Difference& row) {
    return std::tuple(!row.region.subtree, row.region.groups.size(), row.region.name.size(),
                      !row.exception());
  };
  for (const Difference& row : diff.differences) {
    const bool holds =
        (row.region.subtree ? IsWithin(path, row.region.name) : path == row.region.name) &&
        InGroups(row.region, path) && std::ranges::find(row.actions, action) != row.actions.end();
    if (holds && (best == nullptr || key(*best) < key(row))) {
      best = &row;
    }
  }
  return best == nullptr ? std::nullopt
                         : std::optional(std::pair(best->a.outcome, best->b.outcome));
}

bool Told(const SetDiff& diff, Action action, std::string_view path) {
  return std::ranges::any_of(diff.differences, [&](const Difference& row) {
    return IsWithin(path, row.region.name) && InGroups(row.region, path) &&
           std::ranges::find(row.actions, action) != row.actions.end();
  });
}

// A set and one that has some of its policies and some of another.
std::pair<std::string, std::string> RandomPair(policy::RandomWorld& world) {
  const auto policies = world.Policies(6);
  auto others = policies;
  std::erase_if(others, [&](const policy::RandomPolicy&) { return world.Below(4) == 0; });
  const auto more = world.Policies(2);
  others.insert(others.end(), more.begin(), more.end());
  return {policy::TextOf(policies), policy::TextOf(others)};
}

// Random sets, and random paths that both are asked about.
template <typename Check>
void ForRandomRequests(const Check& check) {
  constexpr std::size_t kPairs = 400;
  constexpr std::size_t kRequests = 60;
  for (std::size_t seed = 0; seed < kPairs; ++seed) {
    policy::RandomWorld world(seed);
    const auto [text_a, text_b] = RandomPair(world);
    SCOPED_TRACE(std::to_string(seed).append("\n").append(text_a).append("---\n").append(text_b));
    const PolicySet a =
        policy::MustLoad({{.file = "a.cedar", .text = text_a}}, policy::RandomNames());
    const PolicySet b =
        policy::MustLoad({{.file = "b.cedar", .text = text_b}}, policy::RandomNames());
    const SetDiff diff = Compare(a, b);
    for (std::size_t i = 0; i < kRequests; ++i) {
      const Action action = world.AnyAction();
      const std::string path = world.Path();
      const bool depends = std::ranges::any_of(
          diff.dependences, [action](const Dependence& one) { return one.action == action; });
      if (!depends) {
        const policy::Request request{.action = action, .resource = path};
        check(diff, action, path, a.Evaluate(request).outcome, b.Evaluate(request).outcome);
      }
    }
  }
}

TEST(SetDiffProperty, WhatIsNotToldIsAnsweredAlike) {
  std::size_t told = 0;
  std::size_t alike = 0;
  ForRandomRequests(
      [&](const SetDiff& diff, Action action, const std::string& path, Outcome a, Outcome b) {
        if (Told(diff, action, path)) {
          ++told;
          return;
        }
        ++alike;
        EXPECT_TRUE(Alike(a, b)) << policy::ActionName(action) << " " << path;
      });
  EXPECT_GT(told, 1000U) << "sets do differ";
  EXPECT_GT(alike, 1000U) << "and agree";
}

// Random permits and forbids of places of hosts, which say all that they mean.
std::string RandomHostRules(std::mt19937_64& random) {
  constexpr auto kPlaces = std::to_array<std::string_view>(
      {"a.example",      "a.example:443",  "*.example",  "*.example:443", "*.b.example",
       "x.b.example:22", "*:443",          "*:22",       "10.0.0.0/8",    "10.0.0.0/8:443",
       "10.1.0.0/16",    "10.1.0.0/16:22", "10.1.0.1",   "10.1.0.1:443",  "0.0.0.0/0",
       "0.0.0.0/1",      "128.0.0.0/1",    "[::/0]:443", "fd00::/8",      "[fd00::/16]:443",
       "fd00::1"});
  std::string text;
  for (std::size_t count = 1 + random() % 6; count > 0; --count) {
    const std::string place(kPlaces.at(random() % kPlaces.size()));
    std::string rule = Permit("NetConnect", place);
    if (random() % 9 == 0) {
      rule = "permit(principal, action == Aegis::Action::\"NetConnect\", resource);\n";
    }
    text += random() % 3 == 0 ? rule.replace(0, std::string_view("permit").size(), "forbid") : rule;
  }
  return text;
}

TEST(SetDiffProperty, HostsThatAreNotToldAreAnsweredAlike) {
  constexpr auto kHosts = std::to_array<std::string_view>(
      {"a.example", "x.b.example", "b.example", "c.example", "other.org", "10.0.0.1", "10.1.0.1",
       "10.1.2.3", "11.0.0.1", "200.1.1.1", "fd00::1", "fd00::2", "fd12::1", "2001:db8::1"});
  std::mt19937_64 random(11);
  std::size_t told = 0;
  for (int i = 0; i < 300; ++i) {
    const std::string text_a = RandomHostRules(random);
    const std::string text_b = RandomHostRules(random);
    const PolicySet a = MustLoad(text_a);
    const PolicySet b = MustLoad(text_b);
    const SetDiff diff = Compare(a, b);
    for (const std::string_view host : kHosts) {
      for (const std::int64_t port : {0, 22, 443, 80}) {
        const std::string resource =
            port == 0 ? std::string(host) : policy::HostAndPort(host, port);
        const policy::Request request{
            .action = Action::kNetConnect,
            .resource = resource,
            .context = {.pid = 1, .host = host, .port = port, .protocol = "tcp"}};
        const auto holds = [&resource](const Difference& row) {
          // "*.example:443" is one region, and holds all these hosts.
          return row.region.name.empty() ||
                 Holds({.name = row.region.name, .subtree = true}, {.name = resource});
        };
        const bool is_told = std::ranges::any_of(diff.differences, holds);
        told += is_told ? 1 : 0;
        ASSERT_TRUE(is_told || Alike(a.Evaluate(request).outcome, b.Evaluate(request).outcome))
            << resource << '\n'
            << text_a << "---\n"
            << text_b;
      }
    }
  }
  EXPECT_GT(told, 1000U);
  EXPECT_LT(told, 300U * kHosts.size() * 4 * 9 / 10) << "and not everything";
}

// With three groups or more, combinations that were not asked about may be exceptions.
TEST(SetDiffProperty, WhatIsReadIsWhatTheSetsAnswer) {
  std::size_t differ = 0;
  ForRandomRequests(
      [&](const SetDiff& diff, Action action, const std::string& path, Outcome a, Outcome b) {
        std::size_t groups = 0;
        for (const std::string_view group : {"*/.env", "*/.env.*", "*/c", "*/c*"}) {
          groups += policy::LiesIn(path, group) ? 1U : 0U;
        }
        if (groups > 1) {
          return;
        }
        const auto read = Read(diff, action, path);
        if (!read) {
          EXPECT_TRUE(Alike(a, b)) << policy::ActionName(action) << " " << path;
          return;
        }
        differ += Alike(a, b) ? 0U : 1U;
        EXPECT_EQ(Alike(read->first, read->second), Alike(a, b))
            << policy::ActionName(action) << " " << path << "\n"
            << ::testing::PrintToString(Rows(diff));
        if (!Alike(a, b)) {
          EXPECT_TRUE(Alike(read->first, a) && Alike(read->second, b)) << path;
        }
      });
  EXPECT_GT(differ, 1000U);
}

}  // namespace
}  // namespace aegis::advice
