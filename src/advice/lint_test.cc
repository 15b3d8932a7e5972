#include "advice/lint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "advice/test_sets.h"
#include "policy/policy.h"
#include "policy/templates.h"

namespace aegis::advice {
namespace {

using policy::PolicySet;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

FileKind LookAt(const std::string& path) {
  if (path.starts_with("/missing")) {
    return FileKind::kMissing;
  }
  return path.ends_with("dir") ? FileKind::kDirectory : FileKind::kOther;
}

// "CODE id" for each finding; the text stands for A: and R: where it means the long names.
std::vector<std::string> Codes(std::string text) {
  for (const auto& [from, to] :
       {std::pair<std::string_view, std::string_view>("A:", "Aegis::Action::"),
        {"R:", "Aegis::Resource::"}}) {
    for (std::size_t at = text.find(from); at != std::string::npos;
         at = text.find(from, at + to.size())) {
      text.replace(at, from.size(), to);
    }
  }
  const PolicySet policies = MustLoad(text);
  std::vector<std::string> codes;
  for (const Finding& finding : Lint(policies, TestNames(), LookAt)) {
    codes.push_back(std::string(finding.code) + " " + policies.policies().at(finding.policy).id);
    EXPECT_FALSE(finding.message.empty() || finding.advice.empty());
  }
  return codes;
}

TEST(LintTest, OrdinaryPoliciesHaveNoFindings) {
  EXPECT_THAT(Codes(R"(
@id("r") permit(principal, action in [A:"FileRead", A:"DirList"], resource in R:"/srv/app");
@id("w") permit(principal, action == A:"FileWrite", resource in R:"/srv/out");
@id("x") permit(principal, action == A:"ProcessSpawn", resource in R:"/usr");
@id("n") permit(principal, action == A:"NetConnect", resource in R:"api.example.com:443");
@id("f") @reason("no") forbid(principal, action, resource in R:"/srv/app/keys");
)"),
              IsEmpty());
}

TEST(LintTest, PoliciesWithoutAnIdAreHinted) {
  EXPECT_THAT(Codes(R"(permit(principal, action == A:"FileRead", resource == R:"/x");)"),
              UnorderedElementsAre("NO_ID p:1"));
}

TEST(LintTest, WhatNeverAppliesIsFound) {
  EXPECT_THAT(Codes(R"(@id("a") permit(principal == Aegis::Agent::"else", action, resource);)"),
              UnorderedElementsAre("OTHER_AGENT a"));
  EXPECT_THAT(
      Codes(
          R"(@id("a") permit(principal == Aegis::Agent::"test", action == A:"ToolCall", resource == R:"t");)"),
      IsEmpty());
  EXPECT_THAT(
      Codes(R"(@id("a") permit(principal, action == A:"NetConnect", resource in R:"/srv");)"),
      UnorderedElementsAre("NEVER_MATCHES a"));
  EXPECT_THAT(
      Codes(R"(@id("a") forbid(principal, action == A:"FileRead", resource in R:"h.example");)"),
      UnorderedElementsAre("NEVER_MATCHES a"));
  EXPECT_THAT(Codes(R"(@id("a") forbid(principal, action, resource in R:"h.example");)"),
              IsEmpty());
  EXPECT_THAT(Codes(R"(@id("a") forbid(principal, action == A:"FileRead", resource in R:"*/x");)"),
              IsEmpty());
}

TEST(LintTest, PermitsWithinAForbidAreFound) {
  constexpr std::string_view kForbid =
      R"(@id("f") forbid(principal, action, resource in R:"/srv");)";
  EXPECT_THAT(
      Codes(std::string(kForbid) +
            R"(@id("p") permit(principal, action == A:"FileRead", resource in R:"/srv/x");)"),
      UnorderedElementsAre("FORBIDDEN_ANYWAY p"));
  EXPECT_THAT(Codes(std::string(kForbid) +
                    R"(@id("p") permit(principal, action == A:"FileRead", resource)
                       when { resource in [R:"/srv/x", R:"/opt/x"] };)"),
              IsEmpty());
  EXPECT_THAT(Codes(R"(@id("f") forbid(principal, action == A:"FileWrite", resource in R:"/srv");
                       @id("p") permit(principal, action == A:"FileRead", resource in R:"/srv/x");)"),
              IsEmpty());
  EXPECT_THAT(
      Codes(R"(@id("f") forbid(principal, action, resource in R:"/srv") when { context.pid == 1 };
                       @id("p") permit(principal, action == A:"FileRead", resource in R:"/srv/x");)"),
      Not(Contains("FORBIDDEN_ANYWAY p")));
}

TEST(LintTest, PermitsThatAddNothingAreFound) {
  constexpr std::string_view kWide =
      R"(@id("w") permit(principal, action in [A:"FileRead", A:"DirList"], resource in R:"/srv");)";
  EXPECT_THAT(
      Codes(
          std::string(kWide) +
          R"(@id("n") permit(principal, action == A:"FileRead", resource in R:"/srv/x") when { context.pid > 1 };)"),
      UnorderedElementsAre("SHADOWED n"));
  EXPECT_THAT(
      Codes(std::string(kWide) +
            R"(@id("n") permit(principal, action == A:"FileDelete", resource in R:"/srv/x");)"),
      IsEmpty());
  EXPECT_THAT(Codes(std::string(kWide) +
                    R"(@id("n") permit(principal, action == A:"FileRead", resource in R:"/sr");)"),
              IsEmpty());
  EXPECT_THAT(
      Codes(
          std::string(kWide) +
          R"(@id("n") @ask("?") permit(principal, action == A:"FileRead", resource in R:"/srv/x");)"),
      IsEmpty())
      << "it asks where the other does not";
  EXPECT_THAT(Codes(R"(@id("a") permit(principal, action == A:"FileRead", resource in R:"/srv");
                       @id("b") permit(principal, action == A:"FileRead", resource in R:"/srv");)"),
              UnorderedElementsAre("SHADOWED b"));
}

TEST(LintTest, PlacesThatAreNotThereAreHinted) {
  EXPECT_THAT(
      Codes(R"(@id("p") permit(principal, action == A:"FileRead", resource in R:"/missing/x");)"),
      UnorderedElementsAre("NO_SUCH_PLACE p"));
  EXPECT_THAT(Codes(R"(@id("p") permit(principal, action == A:"FileRead", resource)
                       when { resource in [R:"/missing/x", R:"/srv"] };)"),
              IsEmpty());
  EXPECT_THAT(Codes(R"(@id("f") forbid(principal, action, resource in R:"/missing/x");)"),
              IsEmpty());
}

TEST(LintTest, HostsThatCarryAnythingAreFound) {
  const auto net = [](std::string_view resource, std::string_view condition = "") {
    return Codes(R"(@id("n") permit(principal, action == A:"NetConnect", resource )" +
                 std::string(resource) + ")" + std::string(condition) + ";");
  };
  EXPECT_THAT(net(""), UnorderedElementsAre("ANY_HOST n"));
  EXPECT_THAT(net("", " when { context has port && context.port == 443 }"),
              UnorderedElementsAre("ANY_HOST n"));
  EXPECT_THAT(net(R"(in R:"*:443")"), UnorderedElementsAre("ANY_HOST n"));
  EXPECT_THAT(net(R"(in R:"0.0.0.0/0:443")"), UnorderedElementsAre("ANY_HOST n"));
  EXPECT_THAT(net(R"(in R:"10.0.0.0/8:5432")"), UnorderedElementsAre("CARRIER n"));
  EXPECT_THAT(net(R"(in R:"github.com")"), UnorderedElementsAre("CARRIER n"));
  EXPECT_THAT(net(R"(in R:"gist.github.com:443")"), UnorderedElementsAre("CARRIER n"));
  EXPECT_THAT(net(R"(in R:"203.0.113.7:443")"), UnorderedElementsAre("CARRIER n"));
  EXPECT_THAT(net(R"(in R:"[2001:db8::1]:443")"), UnorderedElementsAre("CARRIER n"));
  EXPECT_THAT(net(R"(in R:"*.com")"), UnorderedElementsAre("CARRIER n"));
  EXPECT_THAT(net(R"(in R:"*.example.com")"), IsEmpty());
  EXPECT_THAT(net(R"(in R:"127.0.0.1:8080")"), IsEmpty());
}

TEST(LintTest, OpaquePermitsOfWideNamesAreFound) {
  const auto net = [](std::string_view resource) {
    return Codes(R"(@id("n") @opaque permit(principal, action == A:"NetConnect", resource )" +
                 std::string(resource) + ");");
  };
  EXPECT_THAT(net(""), UnorderedElementsAre("ANY_HOST n", "OPAQUE_WIDE n"));
  EXPECT_THAT(net(R"(in R:"*:22")"), UnorderedElementsAre("ANY_HOST n", "OPAQUE_WIDE n"));
  EXPECT_THAT(net(R"(in R:"*.com")"), UnorderedElementsAre("CARRIER n", "OPAQUE_WIDE n"));
  EXPECT_THAT(net(R"(in R:"*.com:22")"), UnorderedElementsAre("CARRIER n", "OPAQUE_WIDE n"));
  EXPECT_THAT(net(R"(in R:"*.example.com:22")"), IsEmpty());
  EXPECT_THAT(net(R"(in R:"db.example.com:5432")"), IsEmpty());
  EXPECT_THAT(net(R"(in R:"0.0.0.0/0:22")"), UnorderedElementsAre("ANY_HOST n"))
      << "an address has no name to be checked";
  EXPECT_THAT(
      Codes(R"(@id("f") @opaque permit(principal, action == A:"FileRead", resource in R:"/srv");)"),
      IsEmpty());
}

TEST(LintTest, AnOpaquePermitAddsSomethingToOneThatIsNot) {
  constexpr std::string_view kHost =
      R"(permit(principal, action == A:"NetConnect", resource in R:"h.example.com:22");)";
  const auto both = [&](std::string_view first, std::string_view second) {
    return Codes(R"(@id("a") )" + std::string(first) + std::string(kHost) + R"(@id("b") )" +
                 std::string(second) + std::string(kHost));
  };
  EXPECT_THAT(both("", "@opaque "), UnorderedElementsAre("SHADOWED a"))
      << "the opaque one permits all of it";
  EXPECT_THAT(both("@opaque ", ""), UnorderedElementsAre("SHADOWED b"));
  EXPECT_THAT(both("@opaque ", "@opaque "), UnorderedElementsAre("SHADOWED b"));
}

TEST(LintTest, WhatIsWrittenAndRunIsFound) {
  constexpr std::string_view kRun =
      R"(@id("x") permit(principal, action == A:"ProcessSpawn", resource in R:"/srv/app");)";
  EXPECT_THAT(
      Codes(
          std::string(kRun) +
          R"(@id("w") permit(principal, action == A:"FileWrite", resource in R:"/srv/app/out");)"),
      UnorderedElementsAre("WRITABLE_EXECUTABLE x"));
  EXPECT_THAT(
      Codes(std::string(kRun) +
            R"(@id("w") permit(principal, action == A:"FileWrite", resource in R:"/srv");)"),
      UnorderedElementsAre("WRITABLE_EXECUTABLE x"));
  EXPECT_THAT(
      Codes(std::string(kRun) +
            R"(@id("w") permit(principal, action == A:"FileWrite", resource in R:"/srv/ap");)"),
      IsEmpty());
  EXPECT_THAT(
      Codes(std::string(kRun) +
            R"(@id("w") permit(principal, action == A:"FileWrite", resource in R:"/srv/app/out");
                    @id("f") forbid(principal, action == A:"ProcessSpawn", resource in R:"/srv/app/out");)"),
      IsEmpty());
}

TEST(LintTest, WeakForbidsAreFound) {
  EXPECT_THAT(
      Codes(
          R"(@id("f") forbid(principal, action, resource) when { resource.path like "*/.env*" };)"),
      UnorderedElementsAre("PATH_LIKE f"));
  EXPECT_THAT(
      Codes(
          R"(@id("f") forbid(principal, action, resource in R:"/x") when { context has exe && context.exe == "/usr/bin/curl" };)"),
      UnorderedElementsAre("WEAK_FORBID f"));
  EXPECT_THAT(
      Codes(
          R"(@id("f") forbid(principal, action == A:"ProcessSpawn", resource) when { context has argv && context.argv.contains("-rf") };)"),
      UnorderedElementsAre("WEAK_FORBID f"));
  EXPECT_THAT(
      Codes(
          R"(@id("f") @reason("resource.path like context.exe") forbid(principal, action, resource in R:"/x"); // .path like)"),
      IsEmpty());
  EXPECT_THAT(Codes(R"(@id("f") forbid(principal, action, resource == R:"/srv/dir");)"),
              UnorderedElementsAre("ONE_NAME f"));
  EXPECT_THAT(Codes(R"(@id("f") forbid(principal, action, resource in R:"/srv/dir");)"), IsEmpty());
  EXPECT_THAT(Codes(R"(@id("f") forbid(principal, action, resource == R:"/srv/file");)"),
              IsEmpty());
}

TEST(LintTest, PermitsOnSecretsAndStartupFilesAreFound) {
  EXPECT_THAT(Codes(R"(@id("r") permit(principal, action == A:"FileRead", resource in R:"~");)"),
              UnorderedElementsAre("SECRET r"));
  EXPECT_THAT(
      Codes(R"(@id("r") permit(principal, action == A:"FileRead", resource in R:"~/.aws");)"),
      UnorderedElementsAre("SECRET r"));
  EXPECT_THAT(Codes(R"(@id("r") permit(principal, action == A:"FileRead", resource in R:"@dir");)"),
              UnorderedElementsAre("SECRET r"))
      << ".env";
  EXPECT_THAT(Codes(R"(@id("w") permit(principal, action == A:"FileWrite", resource in R:"~");)"),
              UnorderedElementsAre("STARTUP w"));
  EXPECT_THAT(Codes(R"(@id("r") permit(principal, action == A:"FileRead", resource in R:"~/.ssh");
                       @id("f") forbid(principal, action, resource in R:"~/.ssh/id");
                       @id("g") forbid(principal, action, resource in R:"~/.ssh");)"),
              UnorderedElementsAre("FORBIDDEN_ANYWAY r"));
}

TEST(LintTest, TheTemplatesHaveNoErrors) {
  for (const std::string_view name : policy::TemplateNames()) {
    const auto set = PolicySet::Load(
        {{.file = "default.cedar", .text = std::string(policy::TemplateText(name).value())},
         {.file = "programs.cedar", .text = std::string(policy::ProgramsText().value())}},
        TestNames());
    ASSERT_TRUE(set.has_value());
    for (const Finding& finding : Lint(*set, TestNames(), LookAt)) {
      EXPECT_NE(finding.severity, Severity::kError) << name << ": " << finding.message;
      EXPECT_TRUE(name != "project" || finding.code == "WRITABLE_EXECUTABLE")
          << finding.code << ' ' << finding.message;
    }
  }
}

}  // namespace
}  // namespace aegis::advice
