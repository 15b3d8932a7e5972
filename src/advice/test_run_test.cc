#include "advice/test_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "advice/document.h"
#include "advice/test_file.h"
#include "decision/decision.h"
#include "policy/policy.h"

namespace aegis::advice {
namespace {

using testing::ElementsAre;

constexpr std::string_view kPolicies = R"(
@id("read") permit(principal, action == Aegis::Action::"FileRead", resource);
@id("list") permit(principal, action == Aegis::Action::"FileRead", resource in Aegis::Resource::"/l");
@id("never") forbid(principal, action, resource in Aegis::Resource::"/secret");
@id("person") @ask("yes?") permit(principal, action == Aegis::Action::"FileWrite", resource);
@id("net") permit(principal, action == Aegis::Action::"NetConnect", resource);
)";

// What differs for each case, "" for those that pass.
std::vector<std::string> Differences(std::string_view cases, std::string_view above = "") {
  const auto file = ReadTestFile(
      "policies: p\n" + std::string(above) + "cases:\n" + std::string(cases), "t", Format::kYaml);
  if (!file.has_value()) {
    return {file.error().message()};
  }
  auto policies =
      policy::PolicySet::Load({{.file = "p.cedar", .text = std::string(kPolicies)}},
                              {.agent = file->agent, .home = file->home, .dir = file->dir});
  decision::Decider decider(std::move(policies).value(), GuardsOf(*file));
  std::vector<std::string> differences;
  for (const TestResult& result : RunTests(*file, decider)) {
    differences.push_back(result.passed ? "" : Difference(result));
  }
  return differences;
}

TEST(TestRunTest, WhatIsAsExpectedPasses) {
  EXPECT_THAT(
      Differences(
          "  - {action: FileRead, resource: /x, expect: allow, policy: read}\n"
          "  - {action: FileRead, resource: /l/x, expect: allow, policy: [read, list]}\n"
          "  - {action: FileRead, resource: /secret/x, expect: deny, reason: POLICY_FORBID}\n"
          "  - {action: DirList, resource: /x, expect: deny, reason: NO_PERMIT, policy: []}\n"
          "  - {action: FileWrite, resource: /x, expect: ask, policy: person}\n"
          "  - {action: FileRead, resource: ~/.aegis/x, expect: deny, reason: AEGIS_STATE}\n"),
      ElementsAre("", "", "", "", "", ""));
}

TEST(TestRunTest, WhatDiffersIsSaidInOneLine) {
  EXPECT_THAT(
      Differences("  - {action: FileRead, resource: /x, expect: deny}\n"
                  "  - {action: FileRead, resource: /l/x, expect: allow, policy: read}\n"
                  "  - {action: FileRead, resource: /secret/x, expect: deny, reason: NO_PERMIT}\n"
                  "  - {action: FileWrite, resource: /x, expect: deny}\n"
                  "  - {action: DirList, resource: /x, expect: allow, policy: []}\n"),
      ElementsAre("expected deny, got allow (POLICY_PERMIT by read)",
                  "expected allow by read, got allow (POLICY_PERMIT by read, list)",
                  "expected deny NO_PERMIT, got deny (POLICY_FORBID by never)",
                  "expected deny, got ask (APPROVAL_UNAVAILABLE by person)",
                  "expected allow by no policy, got deny (NO_PERMIT)"));
}

TEST(TestRunTest, ThePoliciesDecideUnlessTheFileClosesTheNetwork) {
  constexpr std::string_view kCase = "  - {action: NetConnect, resource: h:1, expect: allow}\n";
  EXPECT_THAT(Differences(kCase, "network: closed\n"),
              ElementsAre("expected allow, got deny (NETWORK_CLOSED)"));
  EXPECT_THAT(Differences(kCase), ElementsAre(""));
  EXPECT_THAT(Differences(kCase, "network: open\n"), ElementsAre(""));
}

TEST(TestRunTest, TheStateOfAegisMayLieElsewhere) {
  EXPECT_THAT(
      Differences("  - {action: FileRead, resource: /state/x, expect: deny, reason: AEGIS_STATE}\n"
                  "  - {action: FileRead, resource: ~/.aegis/x, expect: allow}\n",
                  "aegis_home: /state\n"),
      ElementsAre("", ""));
}

}  // namespace
}  // namespace aegis::advice
