#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/plain_engine.h"
#include "policy/policy.h"
#include "policy/random_cedar.h"
#include "policy/test_policies.h"

// The index in front of Cedar against Cedar without it.
namespace aegis::policy {
namespace {

constexpr std::uint64_t kSets = 300;
constexpr std::size_t kRequests = 700;

Names WorldNames() { return {.agent = "test", .home = "/a", .dir = "/a/b"}; }

PlainEngine MustLoadPlain(std::string_view policies, std::string_view entities) {
  auto plain = PlainEngine::Load("", policies, entities);
  EXPECT_TRUE(plain.has_value()) << plain.error().message() << '\n' << policies;
  return std::move(plain).value();
}

PlainEngine::Answer AskPlain(const PlainEngine& plain, const RandomRequest& request) {
  const std::string context = request.ContextJson();
  const auto answer =
      plain.Evaluate({.principal = {.type = "Aegis::Agent", .id = "test"},
                      .action = {.type = "Aegis::Action", .id = ActionName(request.action)},
                      .resource = {.type = "Aegis::Resource", .id = request.resource},
                      .context = context});
  EXPECT_TRUE(answer.has_value()) << answer.error().message();
  return answer.value_or(PlainEngine::Answer());
}

// Which policies carry an annotation: the generator writes it at the beginning of a policy.
std::vector<bool> Carrying(std::string_view annotation, std::string_view text) {
  std::vector<bool> carrying;
  for (std::size_t at = 0; at < text.size(); at = text.find(";\n", at) + 2) {
    carrying.push_back(text.substr(at).starts_with(annotation));
  }
  return carrying;
}

// Of a permitted connection one permit that matched is opaque.
Inspection ExpectedInspection(const PlainEngine::Answer& answer, const std::vector<bool>& opaque,
                              const RandomRequest& request, Outcome outcome) {
  const auto is_opaque = [&opaque](std::uint32_t place) { return opaque.at(place); };
  return request.action == Action::kNetConnect && outcome == Outcome::kPermit &&
                 std::ranges::any_of(answer.determining, is_opaque)
             ? Inspection::kNone
             : Inspection::kName;
}

// What Aegis makes of Cedar's answer: an error of any policy is an error, and a permit may ask.
Verdict Expected(const PlainEngine::Answer& answer, const std::vector<bool>& asking,
                 const PolicySet& set) {
  if (!answer.erring.empty()) {
    return {.outcome = Outcome::kError};
  }
  Verdict verdict;
  std::vector<std::string> ask;
  for (const std::uint32_t place : answer.determining) {
    verdict.policies.push_back(set.policies().at(place).id);
    if (asking.at(place)) {
      ask.push_back(set.policies().at(place).id);
    }
  }
  if (!answer.allow) {
    verdict.outcome = verdict.policies.empty() ? Outcome::kNoPermit : Outcome::kForbid;
  } else if (ask.empty()) {
    verdict.outcome = Outcome::kPermit;
  } else {
    verdict = {.outcome = Outcome::kAsk, .policies = ask};
  }
  return verdict;
}

TEST(PlainTest, TheIndexKeepsDecisionPoliciesAndErrors) {
  std::array<std::size_t, 5> outcomes{};
  std::size_t reachable = 0;
  std::size_t unreachable = 0;
  std::size_t unseen = 0;
  for (std::uint64_t seed = 0; seed < kSets; ++seed) {
    RandomCedar world(seed);
    const std::string text = world.Policies(12);
    const PolicySet set = MustLoad({{.file = "r.cedar", .text = text}}, WorldNames());
    const PlainEngine plain =
        MustLoadPlain(RandomCedar::WithoutAliases(text), world.EntitiesJson());
    ASSERT_TRUE(plain.valid()) << text;
    const std::vector<bool> asking = Carrying("@ask", text);
    const std::vector<bool> opaque = Carrying("@opaque", text);
    ASSERT_EQ(asking.size(), set.policies().size()) << text;
    for (std::size_t i = 0; i < kRequests; ++i) {
      const RandomRequest request = world.Ask();
      const PlainEngine::Answer answer = AskPlain(plain, request);
      const Verdict expected = Expected(answer, asking, set);
      const Verdict verdict = set.Evaluate(request.AsRequest());
      ASSERT_TRUE(verdict.outcome == expected.outcome && verdict.policies == expected.policies)
          << "seed " << seed << ' ' << ActionName(request.action) << ' ' << request.resource << ' '
          << request.ContextJson() << ": " << static_cast<int>(verdict.outcome) << ", not "
          << static_cast<int>(expected.outcome) << ' ' << verdict.detail << '\n'
          << testing::PrintToString(verdict.policies) << ", not "
          << testing::PrintToString(expected.policies) << '\n'
          << text;
      ASSERT_EQ(verdict.inspection, ExpectedInspection(answer, opaque, request, expected.outcome))
          << "seed " << seed << ' ' << request.resource << '\n'
          << text;
      unseen += verdict.inspection == Inspection::kNone ? 1U : 0U;
      const bool permitted =
          verdict.outcome == Outcome::kPermit || verdict.outcome == Outcome::kAsk;
      if (request.action == Action::kNetConnect && !request.host.empty()) {
        ASSERT_TRUE(!permitted || set.MayReach(request.host)) << request.resource << '\n' << text;
        ++(permitted || set.MayReach(request.host) ? reachable : unreachable);
      }
      ++outcomes.at(static_cast<std::size_t>(verdict.outcome));
    }
  }
  EXPECT_GT(reachable, 1000U);
  EXPECT_GT(unreachable, 1000U);
  EXPECT_GT(unseen, 100U);
  for (const std::size_t count : outcomes) {
    EXPECT_GT(count, kSets * kRequests / 100) << "an outcome that hardly occurs proves nothing";
  }
}

}  // namespace
}  // namespace aegis::policy
