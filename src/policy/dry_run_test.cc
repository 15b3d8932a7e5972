#include "policy/dry_run.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/dry_run_message.h"
#include "policy/policy.h"
#include "policy/test_policies.h"

namespace aegis::policy {
namespace {

constexpr std::string_view kGood = "permit(principal, action, resource);";

std::vector<Source> One(std::string_view text) {
  return {{.file = "p/a.cedar", .text = std::string(text)}};
}

DryRunStage RealStage() { return {.program = POLICY_STAGE, .argv = {"stage"}}; }
DryRunStage Shell(std::string_view script) {
  return {.program = "/bin/sh", .argv = {"sh", "-c", std::string(script)}};
}

// What a child that does other than it should comes to.
std::string Refused(std::string_view script, DryRunLimits limits = {}) {
  const auto result = DryRun(One(kGood), TestNames(), Shell(script), limits);
  return result ? "" : result.error().message();
}

TEST(DryRun, AcceptsAndRefusesAsLoadDoes) {
  EXPECT_TRUE(DryRun(One(kGood), TestNames(), RealStage()));
  EXPECT_TRUE(DryRun(One(""), TestNames(), RealStage()));
  for (const std::string_view bad :
       {"permit(", "\xff", "permit(principal, action, resource) when { resource.nope };",
        "permit(principal, action, resource in Aegis::Resource::\"/a/\");",
        "@id(\"\x1b[2J\")@ask forbid(principal, action, resource);"}) {
    const auto loaded = PolicySet::Load(One(bad), TestNames());
    const auto tried = DryRun(One(bad), TestNames(), RealStage());
    ASSERT_FALSE(tried) << bad;
    EXPECT_EQ(tried.error().code(), base::Errc::kInvalid);
    EXPECT_EQ(tried.error().message(), loaded.error().message());
  }
}

TEST(DryRun, GivesNamesAndEverySourceToTheChild) {
  const std::vector<Source> twins = {
      {.file = "a.cedar", .text = "@id(\"x\") permit(principal, action, resource);"},
      {.file = "b.cedar", .text = "\n@id(\"x\") permit(principal, action, resource);"}};
  const auto tried = DryRun(twins, TestNames(), RealStage());
  ASSERT_FALSE(tried);
  EXPECT_EQ(tried.error().message(), "b.cedar:2:1: the id x is taken by a policy of a.cedar");
  const std::string_view at_home = "permit(principal, action, resource in Aegis::Resource::\"~\");";
  EXPECT_TRUE(DryRun(One(at_home), TestNames(), RealStage()));
  EXPECT_FALSE(DryRun(One(at_home), {.agent = "a", .home = "", .dir = ""}, RealStage()));
}

TEST(DryRun, WhatTakesTooMuchMemoryTakesOnlyTheChildDown) {
  std::string list = "permit(principal, action, resource) when { [1";
  for (int i = 0; i < 500; ++i) {
    list += ",1";
  }
  list += "].contains(1) };\n";
  std::string text;
  for (int i = 0; i < 400; ++i) {
    text += list;
  }
  rusage before{};
  rusage after{};
  ::getrusage(RUSAGE_SELF, &before);
  const auto tried =
      DryRun(One(text), TestNames(), RealStage(), {.memory = std::size_t{700} << 20U});
  ::getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 64 << 10);  // KiB
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  ASSERT_FALSE(tried);
  EXPECT_EQ(tried.error().code(), base::Errc::kExhausted);
  EXPECT_TRUE(tried.error().message().starts_with("p/a.cedar: too costly to check: "))
      << tried.error().message();
#endif
}

TEST(DryRun, OnlyAProperAnswerOfAChildThatEndedWellCounts) {
  EXPECT_EQ(Refused("echo fine"), "");
  const std::string improper = "p/a.cedar: too costly to check: the check gave no proper answer";
  EXPECT_EQ(Refused("exit 0"), improper);
  EXPECT_EQ(Refused("echo fine; exit 1"), improper);
  EXPECT_EQ(Refused("echo Fine"), improper);
  EXPECT_EQ(Refused("echo fine; echo fine"), improper);
  EXPECT_EQ(Refused("printf 'refused\\n'"), improper);
  EXPECT_EQ(Refused("yes"), improper) << "never ending";
  EXPECT_EQ(Refused("printf 'refused\\na\\033[2J\\nb'"), "a\\u{1b}[2J\\u{a}b");
}

TEST(DryRun, ADeathIsAnErrorThatSaysSo) {
  EXPECT_NE(Refused("echo fine; kill -SEGV $$").find("too costly to check: the check died"),
            std::string::npos);
  EXPECT_NE(Refused("kill -XCPU $$").find("more than 20 s of processor time"), std::string::npos);
  EXPECT_NE(Refused("kill -KILL $$").find("the check died (Killed)"), std::string::npos);
}

TEST(DryRun, WhoDoesNotAnswerIsKilled) {
  const DryRunLimits limits{.patience = std::chrono::milliseconds(50)};
  EXPECT_NE(Refused("exec sleep 1000", limits).find("no answer within"), std::string::npos);
  EXPECT_NE(Refused("echo fine; exec sleep 1000 >&-", limits).find("no answer within"),
            std::string::npos);
}

TEST(DryRun, ANamedProgramMustStart) {
  const auto tried =
      DryRun(One(kGood), TestNames(), {.program = "/nonexistent/stage", .argv = {"stage"}});
  ASSERT_FALSE(tried);
  EXPECT_EQ(tried.error().message(), "start the check of policies: No such file or directory");
}

TEST(DryRun, TheStageServesNobodyButItsParent) {
  // The shell stands between.
  EXPECT_NE(Refused(std::string(POLICY_STAGE) + "; exit").find("no proper answer"),
            std::string::npos);
  EXPECT_EQ(Refused(std::string("exec ") + POLICY_STAGE), "");
}

TEST(DryRun, SeveralFilesAreCounted) {
  std::vector<Source> sources = One(kGood);
  sources.push_back({.file = "b.cedar", .text = "// b"});
  sources.push_back({.file = "c.cedar", .text = "// c"});
  const auto tried = DryRun(sources, TestNames(), Shell("exit 1"));
  ASSERT_FALSE(tried);
  EXPECT_TRUE(tried.error().message().starts_with("p/a.cedar and 2 more: too costly"));
}

TEST(DryRunKey, TellsApartWhateverDiffers) {
  const std::string key = DryRunKey("1", One(kGood));
  EXPECT_EQ(key.size(), 64U);
  EXPECT_EQ(key, DryRunKey("1", {{.file = "elsewhere/a.cedar", .text = std::string(kGood)}}));
  EXPECT_NE(key, DryRunKey("2", One(kGood)));
  EXPECT_NE(key, DryRunKey("1", {{.file = "b.cedar", .text = std::string(kGood)}}));
  EXPECT_NE(key, DryRunKey("1", One(std::string(kGood) + " ")));
  const std::string nul(1, '\0');
  EXPECT_NE(DryRunKey("1", {{"a", "x"}, {"b", "y"}}),
            DryRunKey("1", {{"a", "x" + nul + "b" + nul + "y"}}));
}

TEST(DryRunMessage, RequestsAreReadAsWritten) {
  const std::vector<Source> sources = {{.file = "a", .text = std::string("x\0y", 3)},
                                       {.file = "", .text = ""}};
  const std::string message = EncodeDryRunRequest(
      17, {.cpu_seconds = 3, .memory = std::size_t{5} << 32U}, TestNames(), sources);
  const auto request = DecodeDryRunRequest(message);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->parent, 17);
  EXPECT_EQ(request->limits.cpu_seconds, 3U);
  EXPECT_EQ(request->limits.memory, std::size_t{5} << 32U);
  EXPECT_EQ(request->names.home, TestNames().home);
  ASSERT_EQ(request->sources.size(), 2U);
  EXPECT_EQ(request->sources[0].text, sources[0].text);
  for (std::size_t size = 0; size < message.size(); ++size) {
    const auto cut = DecodeDryRunRequest(message.substr(0, size));
    EXPECT_TRUE(!cut || cut->sources.size() < sources.size()) << size;
  }
  EXPECT_FALSE(DecodeDryRunRequest(message + std::string(8, '\xff')));
}

TEST(DryRunMessage, AnswersAreBounded) {
  const auto answer =
      EncodeDryRunAnswer(base::Fail(base::Errc::kInvalid, std::string(1 << 20, 'x')));
  EXPECT_EQ(answer.size(), kLongestDryRunAnswer);
  EXPECT_TRUE(DecodeDryRunAnswer(answer));
  EXPECT_FALSE(DecodeDryRunAnswer(answer + "x"));
}

}  // namespace
}  // namespace aegis::policy
