#include "advice/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "advice/cedar_text.h"
#include "advice/question.h"
#include "advice/test_sets.h"
#include "decision/decision.h"
#include "policy/policy.h"

namespace aegis::advice {
namespace {

using decision::Reason;
using policy::Action;
using policy::PolicySet;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::string_view kPolicies = R"(
@id("read-app") permit(principal, action == Aegis::Action::"FileRead", resource in Aegis::Resource::"@dir");
@id("write-out") permit(principal, action == Aegis::Action::"FileWrite", resource in Aegis::Resource::"@dir/out");
@id("run-app") permit(principal, action == Aegis::Action::"ProcessSpawn", resource in Aegis::Resource::"@dir");
@id("asked") @ask("sure?") permit(principal, action == Aegis::Action::"FileDelete", resource in Aegis::Resource::"@dir");
@id("delete-out") permit(principal, action == Aegis::Action::"FileDelete", resource in Aegis::Resource::"@dir/out");
@id("by-make") permit(principal, action == Aegis::Action::"FileWrite", resource in Aegis::Resource::"@dir/lib")
when { context has exe && context.exe == "/usr/bin/make" };
@id("no-keys") @reason("keys") forbid(principal, action, resource in Aegis::Resource::"@dir/keys");
@id("no-env") forbid(principal, action, resource in Aegis::Resource::"*/.env");
@id("errs") permit(principal, action == Aegis::Action::"DirCreate", resource)
when { context.pid + 9223372036854775807 > 0 };
@id("makes") permit(principal, action == Aegis::Action::"DirCreate", resource in Aegis::Resource::"@dir");
@id("other") permit(principal == Aegis::Agent::"else", action, resource);
)";

struct Explained {
  decision::Decider decider;
  Explanation explanation;

  std::vector<std::string> Ids(const std::vector<std::size_t>& numbers) const {
    return IdsOf(decider.policies(), numbers);
  }
};

Explained Ask(Action action, std::string resource, std::string_view text = kPolicies) {
  decision::Decider decider(MustLoad(text), {.network_closed = false, .aegis_state = {"/state"}});
  auto explanation = Explain(decider, TestNames(), Asked(action, std::move(resource)));
  EXPECT_TRUE(explanation.has_value());
  return {.decider = std::move(decider), .explanation = std::move(explanation).value()};
}

TEST(ExplainTest, WhatPermitsIsNamedAndNothingElseIsSaid) {
  const Explained asked = Ask(Action::kFileRead, "/home/u/app/x");
  EXPECT_EQ(asked.explanation.decision.reason, Reason::kPolicyPermit);
  EXPECT_THAT(asked.Ids(asked.explanation.permits), ElementsAre("read-app"));
  EXPECT_THAT(asked.explanation.forbids, IsEmpty());
  EXPECT_THAT(asked.explanation.nearest, IsEmpty());
  EXPECT_THAT(asked.explanation.rules, IsEmpty());
}

TEST(ExplainTest, UnderAForbidThePermitsAreNamedToo) {
  const Explained asked = Ask(Action::kFileRead, "/home/u/app/keys/.env");
  EXPECT_EQ(asked.explanation.decision.reason, Reason::kPolicyForbid);
  EXPECT_THAT(asked.Ids(asked.explanation.forbids), ElementsAre("no-keys", "no-env"));
  EXPECT_THAT(asked.Ids(asked.explanation.permits), ElementsAre("read-app"));
  EXPECT_THAT(asked.explanation.rules, IsEmpty()) << "no permit helps";
}

TEST(ExplainTest, PermitsThatAskStandBesideThoseThatDoNot) {
  const Explained asked = Ask(Action::kFileDelete, "/home/u/app/out/x");
  EXPECT_EQ(asked.explanation.decision.reason, Reason::kApprovalUnavailable);
  EXPECT_THAT(asked.Ids(asked.explanation.permits), ElementsAre("asked", "delete-out"));
}

TEST(ExplainTest, WhatErrsIsNamedBesideWhatMatches) {
  const Explained asked = Ask(Action::kDirCreate, "/home/u/app/new");
  EXPECT_EQ(asked.explanation.decision.reason, Reason::kPolicyError);
  EXPECT_THAT(asked.Ids(asked.explanation.errors), ElementsAre("errs"));
  EXPECT_THAT(asked.Ids(asked.explanation.permits), ElementsAre("makes"));
  EXPECT_THAT(asked.explanation.detail, HasSubstr("errs"));
}

TEST(ExplainTest, GuardsNeedNoPolicy) {
  const Explained asked = Ask(Action::kFileRead, "/state/x");
  EXPECT_EQ(asked.explanation.decision.reason, Reason::kAegisState);
  EXPECT_THAT(asked.explanation.rules, IsEmpty());
}

std::vector<std::string> Nearest(const Explained& asked) {
  std::vector<std::string> near;
  near.reserve(asked.explanation.nearest.size());
  for (const Near& one : asked.explanation.nearest) {
    near.push_back(asked.decider.policies().policies().at(one.policy).id + ": " + one.why);
  }
  return near;
}

TEST(ExplainTest, TheNearestPermitsComeInOrder) {
  EXPECT_THAT(Nearest(Ask(Action::kFileWrite, "/home/u/app/lib/x")),
              ElementsAre("by-make: would permit it, but its conditions do not hold",
                          "read-app: permits FileRead here", "run-app: permits ProcessSpawn here"));
  EXPECT_THAT(Nearest(Ask(Action::kFileRead, "/home/u/notes")),
              ElementsAre("read-app: permits FileRead in /home/u/app"));
  EXPECT_THAT(Nearest(Ask(Action::kNetConnect, "h:1")), IsEmpty());
  EXPECT_THAT(Nearest(Ask(Action::kDirList, "/srv")), IsEmpty()) << "not what another agent may";
}

TEST(ExplainTest, TheSmallestRuleComesFirstThenThePlace) {
  const Explained asked = Ask(Action::kFileWrite, "/home/u/app/src/x.c");
  ASSERT_EQ(asked.explanation.rules.size(), 2U);
  const NewRule& smallest = asked.explanation.rules[0];
  EXPECT_EQ(smallest.text,
            "permit(principal, action == Aegis::Action::\"FileWrite\", "
            "resource == Aegis::Resource::\"@dir/src/x.c\");");
  EXPECT_EQ(smallest.place, "");
  EXPECT_THAT(smallest.opens, Contains(HasSubstr("may be executed")));
  const NewRule& wider = asked.explanation.rules[1];
  EXPECT_THAT(wider.text, HasSubstr("resource in Aegis::Resource::\"@dir/src\""));
  EXPECT_EQ(wider.place, "/home/u/app/src");
  EXPECT_THAT(asked.Ids(wider.forbids), ElementsAre("no-env")) << "what may lie in it";
  EXPECT_THAT(asked.Ids(Ask(Action::kFileWrite, "/home/u/app/x").explanation.rules[1].forbids),
              ElementsAre("no-keys", "no-env"));
}

TEST(ExplainTest, WhatARuleOpensIsSaid) {
  const auto opens = [](Action action, std::string name) {
    return Ask(action, std::move(name)).explanation.rules.front().opens;
  };
  EXPECT_THAT(opens(Action::kFileRead, "/home/u/.ssh/id"),
              Contains(HasSubstr("project.secret.keys")));
  EXPECT_THAT(opens(Action::kFileWrite, "/home/u/.bashrc"), Contains(HasSubstr("startup")));
  EXPECT_THAT(opens(Action::kFileRead, "/home/u/.sshx"), IsEmpty());
  EXPECT_THAT(opens(Action::kFileWrite, "/home/u/x"), IsEmpty());
  EXPECT_THAT(opens(Action::kNetConnect, "api.github.com:443"), Contains(HasSubstr("a forge")));
  EXPECT_THAT(opens(Action::kNetConnect, "api.example.com:443"), Not(Contains(HasSubstr("forge"))));
  EXPECT_THAT(opens(Action::kProcessSpawn, "/usr/bin/x"), Not(Contains(HasSubstr("change it"))));
}

// Added to the set, the smallest rule permits what was asked and no other name.
TEST(ExplainTest, TheSmallestRulePermitsJustThis) {
  constexpr std::string_view kNames[] = {"/srv/a b",  "/srv/\xc3\xa4", "/srv/\\xff", "/srv/\"q\"",
                                         "/srv/a\tb", "/home/u/~",     "/",          "/srv/$(x)",
                                         "/srv/a*b",  "/opt/*"};
  for (const std::string_view name : kNames) {
    const Explained asked = Ask(Action::kFileWrite, std::string(name));
    ASSERT_EQ(asked.explanation.decision.reason, Reason::kNoPermit) << name;
    const PolicySet added = MustLoad(std::string(kPolicies) + asked.explanation.rules.front().text);
    const auto outcome = [&added](Action action, std::string resource) {
      return added.Evaluate(Asked(action, std::move(resource)).Request()).outcome;
    };
    EXPECT_EQ(outcome(Action::kFileWrite, std::string(name)), policy::Outcome::kPermit) << name;
    EXPECT_EQ(outcome(Action::kFileDelete, std::string(name)), policy::Outcome::kNoPermit);
    EXPECT_EQ(outcome(Action::kFileWrite, std::string(name) + "x/y"), policy::Outcome::kNoPermit);
  }
}

// Whatever matches of a random set is found, whether or not it decides.
TEST(ExplainTest, MatchingPoliciesAreThoseThatMatchAlone) {
  std::mt19937 random(7);
  const auto below = [&random](unsigned limit) { return static_cast<unsigned>(random() % limit); };
  constexpr std::string_view kPlaces[] = {"/a", "/a/b", "/c", "*/k", "/"};
  constexpr std::string_view kAsked[] = {"/a/b/x", "/a/k", "/c", "/d/k/x"};
  for (int round = 0; round < 12; ++round) {
    std::string text;
    for (unsigned i = 0; i < 6; ++i) {
      const bool forbid = below(3) == 0;
      text += "@id(\"" + std::to_string(i) + "\") ";
      text += forbid ? "forbid" : below(4) == 0 ? "@ask(\"?\") permit" : "permit";
      text += "(principal, action, resource in Aegis::Resource::";
      text += CedarString(kPlaces[below(5)]) + ");\n";
    }
    const std::string resource(kAsked[below(4)]);
    const Explained asked = Ask(Action::kFileRead, resource, text);
    std::vector<std::size_t> matching;
    for (std::size_t i = 0; i < 6; ++i) {
      const PolicySet alone = MustLoad(asked.decider.policies().policies()[i].text);
      if (alone.Evaluate(Asked(Action::kFileRead, resource).Request()).outcome !=
          policy::Outcome::kNoPermit) {
        matching.push_back(i);
      }
    }
    std::vector<std::size_t> found = asked.explanation.permits;
    found.insert(found.end(), asked.explanation.forbids.begin(), asked.explanation.forbids.end());
    EXPECT_THAT(found, testing::UnorderedElementsAreArray(matching)) << text << resource;
  }
}

}  // namespace
}  // namespace aegis::advice
