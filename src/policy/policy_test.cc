#include "policy/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "policy/random_policies.h"
#include "policy/test_policies.h"

namespace aegis::policy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr std::string_view kPermitAll = "permit(principal, action, resource);\n";

std::string Repeated(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) {
    all += text;
  }
  return all;
}

std::string When(std::string_view condition) {
  return "permit(principal, action, resource) when { " + std::string(condition) + " };";
}

// ---- Loading

TEST(PolicySetTest, AZeroByteIsRefusedWithItsPlace) {
  const std::string text = "permit(principal, action, resource); //" + std::string(1, '\0');
  EXPECT_EQ(Refusal("// a\n" + text), "p/test.cedar:2:40: a NUL byte");
}

TEST(PolicySetTest, ATextThatPassedIsReadTheSameWithoutValidation) {
  Source source{.file = "a.cedar",
                .text =
                    "@id(\"a\") permit(principal, action == Aegis::Action::\"FileRead\", "
                    "resource in Aegis::Resource::\"~\");"};
  const PolicySet validated = MustLoad({source});
  source.validated = true;
  const PolicySet passed = MustLoad({source});
  EXPECT_EQ(passed.digest(), validated.digest());
  EXPECT_EQ(passed.policies().front().places, validated.policies().front().places);
  EXPECT_EQ(Ask(passed, Action::kFileRead, "/home/u/x").outcome, Outcome::kPermit);
  source.text = "permit(";
  EXPECT_FALSE(PolicySet::Load({source}, TestNames())) << "what does not parse is refused";
}

TEST(PolicySetTest, InfoSaysWhereAPolicyCouldFail) {
  const PolicySet set = MustLoad(
      "permit(principal, action, resource in Aegis::Resource::\"/a\") when { context.pid > 1 };"
      "permit(principal, action, resource in Aegis::Resource::\"/a\") when { context.pid + 1 > 1 };"
      "permit(principal, action, resource) when { resource in Aegis::Resource::\"/a\" &&"
      " context.pid + 1 > 1 };");
  ASSERT_EQ(set.policies().size(), 3U);
  EXPECT_EQ(set.policies()[0].fails, PolicySet::Fails::kNowhere);
  EXPECT_EQ(set.policies()[1].fails, PolicySet::Fails::kInItsPlaces);
  EXPECT_EQ(set.policies()[2].fails, PolicySet::Fails::kAnywhere);
}

TEST(PolicySetTest, InfoSaysWhatAPolicyIsAndWhereItStands) {
  const PolicySet set = MustLoad(
      "// one\n@id(\"a\")\n@ask(\"\")@opaque\npermit(principal, action == "
      "Aegis::Action::\"FileRead\",\n"
      "       resource in Aegis::Resource::\"~/x\"); // not part of it\n\n"
      "forbid(principal, action, resource) when { context.pid > 1 };");
  ASSERT_EQ(set.policies().size(), 2U);
  const PolicySet::Info& permit = set.policies().front();
  EXPECT_EQ(permit.line, 2U);
  EXPECT_TRUE(permit.text.starts_with("@id(\"a\")"));
  EXPECT_TRUE(permit.text.ends_with("\"~/x\");"));
  EXPECT_TRUE(permit.ask && permit.opaque && permit.applies && permit.bounded && permit.total);
  EXPECT_TRUE(permit.Covers(Action::kFileRead));
  EXPECT_FALSE(permit.Covers(Action::kFileWrite));
  EXPECT_EQ(permit.places, (std::vector<PolicySet::Place>{{.name = "/home/u/x", .subtree = true}}));
  const PolicySet::Info& forbid = set.policies().back();
  EXPECT_EQ(forbid.line, 7U);
  EXPECT_TRUE(forbid.Covers(Action::kNetConnect));
  EXPECT_FALSE(forbid.ask || forbid.opaque || forbid.bounded || forbid.total);
  EXPECT_TRUE(forbid.places.empty());
}

TEST(LoadTest, ReadsTheExamplesOfTheFirstAegis) {
  const PolicySet set = MustLoad(R"(// Allow an agent to read files and list directories
permit(
    principal,
    action == Aegis::Action::"FileRead",
    resource
);

permit(
    principal,
    action == Aegis::Action::"DirList",
    resource
);

// Deny everything else (implicit -- Aegis is default-deny)
)");
  EXPECT_EQ(Ask(set, Action::kFileRead, "/x").outcome, Outcome::kPermit);
  EXPECT_EQ(Ask(set, Action::kDirList, "/x").outcome, Outcome::kPermit);
  EXPECT_EQ(Ask(set, Action::kFileWrite, "/x").outcome, Outcome::kNoPermit);
  EXPECT_EQ(Ask(MustLoad("forbid(principal, action, resource);"), Action::kFileRead, "/x").outcome,
            Outcome::kForbid);
  const PolicySet like = MustLoad(When(R"(resource.path like "/srv/*.c")"));
  EXPECT_EQ(Ask(like, Action::kFileRead, "/srv/a/b.c").outcome, Outcome::kPermit);
  EXPECT_EQ(Ask(like, Action::kFileRead, "/srv/a/b.h").outcome, Outcome::kNoPermit);
}

TEST(LoadTest, AnEmptySetPermitsNothing) {
  for (const PolicySet& set : {MustLoad(std::vector<Source>()), MustLoad("// nothing\n")}) {
    EXPECT_EQ(Ask(set, Action::kFileRead, "/x").outcome, Outcome::kNoPermit);
    EXPECT_THAT(set.policies(), IsEmpty());
    EXPECT_THAT(set.bound().visible, IsEmpty());
  }
}

TEST(LoadTest, NamesPoliciesByIdOrPlace) {
  const PolicySet set = MustLoad({{.file = "p/one.cedar",
                                   .text = std::string(kPermitAll) + "@id(\"mine\") " +
                                           "@reason(\"why\") forbid(principal, action, resource);"},
                                  {.file = "p/two.cedar", .text = std::string(kPermitAll)}});
  ASSERT_EQ(set.policies().size(), 3U);
  EXPECT_EQ(set.policies()[0].id, "one:1");
  EXPECT_EQ(set.policies()[1].id, "mine");
  EXPECT_EQ(set.policies()[1].reason, "why");
  EXPECT_TRUE(set.policies()[1].forbid);
  EXPECT_EQ(set.policies()[2].id, "two:1");
  EXPECT_EQ(set.policies()[2].file, "p/two.cedar");
  const Verdict verdict = Ask(set, Action::kFileRead, "/x");
  EXPECT_THAT(verdict.policies, ElementsAre("mine"));
  EXPECT_EQ(verdict.detail, "why");
}

TEST(LoadTest, DigestsNamesAndTexts) {
  const auto digest = [](std::string_view file, std::string_view text) {
    return MustLoad({{.file = std::string(file), .text = std::string(text)}}).digest();
  };
  EXPECT_EQ(digest("a/x.cedar", kPermitAll), digest("b/x.cedar", kPermitAll));
  EXPECT_NE(digest("a/x.cedar", kPermitAll), digest("a/y.cedar", kPermitAll));
  EXPECT_NE(digest("x", kPermitAll), digest("x", std::string(kPermitAll) + " "));
  EXPECT_EQ(digest("x", "").size(), 64U);
}

TEST(LoadTest, RefusesWithFileLineAndColumn) {
  EXPECT_THAT(Refusal("\npermit(principal, actoin, resource);"), StartsWith("p/test.cedar:2:"));
  EXPECT_THAT(Refusal("permit(principal, action, resource)\nwhen { context.nope == 1 };"),
              StartsWith("p/test.cedar:2:8: "));
  EXPECT_THAT(Refusal("permit(principal, action, resource)"), StartsWith("p/test.cedar:1:"));
  EXPECT_EQ(Refusal(std::string(kPermitAll)), "");
}

TEST(LoadTest, RefusesWhatTheSchemaDoesNotKnow) {
  EXPECT_THAT(Refusal(R"(permit(principal, action == Aegis::Action::"FileReads", resource);)"),
              HasSubstr("FileReads"));
  EXPECT_NE(Refusal(R"(permit(principal == User::"x", action, resource);)"), "");
  EXPECT_NE(Refusal(R"(permit(principal, action == Action::"FileRead", resource);)"), "");
  EXPECT_NE(Refusal(When("context.host == \"x\"")), "");  // only NetConnect has a host
  EXPECT_NE(Refusal(When("context.exe == \"x\"")), "");   // it may be absent
  EXPECT_EQ(Refusal(When("context has exe && context.exe == \"x\"")), "");
  EXPECT_NE(Refusal(When("resource.path + 1 == 2")), "");
}

TEST(LoadTest, RefusesTemplatesTwinsAndMisplacedAnnotations) {
  EXPECT_THAT(Refusal("@id(\"t\") permit(principal == ?principal, action, resource);"),
              HasSubstr("policy t is a template"));
  EXPECT_THAT(Refusal("@id(\"x\") permit(principal, action, resource);\n"
                      "@id(\"x\") forbid(principal, action, resource);"),
              StartsWith("p/test.cedar:2:1: the id x is taken"));
  EXPECT_THAT(Refusal("@ask forbid(principal, action, resource);"), HasSubstr("@ask"));
  EXPECT_EQ(Refusal("@ask permit(principal, action, resource);"), "");
  EXPECT_THAT(Refusal("@opaque forbid(principal, action, resource);"),
              HasSubstr("@opaque stands on a permit only"));
  EXPECT_EQ(Refusal("@opaque(\"ssh\") permit(principal, action, resource);"), "");
  EXPECT_NE(
      Refusal("@id(\"test:2\") permit(principal, action, resource);\n" + std::string(kPermitAll)),
      "");
}

TEST(LoadTest, RefusesNamesThatNothingCouldHave) {
  const auto refusal = [](std::string_view name) {
    return Refusal("permit(principal, action, resource in Aegis::Resource::\"" + std::string(name) +
                   "\");");
  };
  for (const std::string_view name :
       {"/a/", "/a//b", "/a/../b", "/a/./b", "/home/*/.ssh", "~x", "~/", "@di", "@dirx", "*/a/b",
        "*/", "", "*", "*example.com", "*.10.0.0.1", "*.example.com:", "*.example.com:99999"}) {
    EXPECT_THAT(refusal(name), HasSubstr("resource \"")) << name;
  }
  for (const std::string_view name :
       {"/", "/a", "~", "~/.ssh", "@dir", "@dir/x", "*/.env", "*/.env.*", "example.com",
        "*.example.com", "h:443", "*.example.com:443"}) {
    EXPECT_EQ(refusal(name), "") << name;
  }
}

TEST(LoadTest, RefusesAliasesOfUnknownPlaces) {
  const std::string text = "forbid(principal, action, resource in Aegis::Resource::\"~/.ssh\");";
  EXPECT_THAT(Refusal(text, {.agent = "a", .home = "", .dir = "/d"}), HasSubstr("home directory"));
  EXPECT_EQ(Refusal(text, {.agent = "a", .home = "/h", .dir = ""}), "");
}

TEST(LoadTest, RefusalsAreSafeToPrint) {
  const std::string message = Refusal("permit(principal, action, \x1b[31m\n);");
  EXPECT_NE(message, "");
  EXPECT_EQ(message.find('\x1b'), std::string::npos);
  EXPECT_EQ(message.find('\n'), std::string::npos);
}

// ---- Hostile texts: each is refused, none ends the process.

TEST(HostileTest, NestingIsBounded) {
  for (const std::size_t depth : {65UL, 1'000UL, 100'000UL}) {
    EXPECT_THAT(Refusal(When(Repeated("(", depth) + "true" + Repeated(")", depth))),
                HasSubstr("p/test.cedar:1:"));
    EXPECT_NE(Refusal(When(Repeated("[", depth) + Repeated("]", depth))), "");
    EXPECT_NE(Refusal(When(Repeated("{a:", depth))), "");
  }
  EXPECT_EQ(Refusal(When(Repeated("(", 60) + "true" + Repeated(")", 60))), "");
}

TEST(HostileTest, ChainsAreBounded) {
  EXPECT_NE(Refusal(When(Repeated("!", 100'000) + "true")), "");
  EXPECT_NE(Refusal(When(Repeated("-", 100'000) + "1 == 1")), "");
  EXPECT_NE(Refusal(When(Repeated("if true then true else ", 10'000) + "true")), "");
  EXPECT_NE(Refusal(When(Repeated("if ", 10'000))), "");
  EXPECT_NE(Refusal(When("true" + Repeated(" && true", 50'000))), "");
  EXPECT_NE(Refusal(When("1" + Repeated(" + 1", 50'000) + " == 1")), "");
  EXPECT_NE(Refusal(When("context" + Repeated(".pid", 50'000))), "");
  EXPECT_NE(
      Refusal("permit(principal, action, resource)" + Repeated(" when { true }", 20'000) + ";"),
      "");
  EXPECT_EQ(Refusal(When("true" + Repeated(" && true", 300))), "");
}

TEST(HostileTest, BracketsInTextAreNoNesting) {
  const std::string brackets = Repeated("(", 10'000);
  EXPECT_EQ(Refusal("// " + brackets + "\n" + When("resource.path like \"" + brackets + "\"")), "");
  EXPECT_NE(Refusal("// \r" + When(brackets)), "");
}

TEST(HostileTest, BrokenTextsAreNamed) {
  EXPECT_THAT(Refusal(When("\"abc")), HasSubstr("never closed"));
  EXPECT_THAT(Refusal(std::string("permit(\0", 8)), HasSubstr("NUL"));
  EXPECT_THAT(Refusal("// \xff\xfe"), HasSubstr("p/test.cedar:1:4: not valid UTF-8"));
  EXPECT_THAT(Refusal(std::string((1U << 20U) + 1, ' ')), HasSubstr("larger than"));
  EXPECT_NE(Refusal(Repeated(kPermitAll, 11'000)), "");
  EXPECT_NE(Refusal(std::string(1U << 20U, '{')), "");
  EXPECT_NE(Refusal(std::string(1U << 20U, ';')), "");
  EXPECT_NE(Refusal(Repeated("permit", 100'000)), "");
}

TEST(HostileTest, LargeButPlainSetsLoad) {
  std::string text;
  for (int i = 0; i < 2'000; ++i) {
    text += "permit(principal, action, resource in Aegis::Resource::\"/srv/" + std::to_string(i) +
            "\");\n";
  }
  const PolicySet set = MustLoad(text);
  EXPECT_THAT(Ask(set, Action::kFileRead, "/srv/1999/x").policies, ElementsAre("test:2000"));
  EXPECT_EQ(Ask(set, Action::kFileRead, "/srv/2000/x").outcome, Outcome::kNoPermit);
}

// ---- Evaluation

TEST(EvaluateTest, AnErrorOfAnyPolicyIsAnError) {
  const std::string overflow =
      "@id(\"big\") forbid(principal, action == Aegis::Action::\"FileRead\", resource)\n"
      "when { context.pid + 9223372036854775807 > 0 };";
  const PolicySet set = MustLoad(std::string(kPermitAll) + overflow);
  const Verdict verdict = Ask(set, Action::kFileRead, "/x");
  EXPECT_EQ(verdict.outcome, Outcome::kError);
  EXPECT_THAT(verdict.detail, HasSubstr("big"));
  EXPECT_EQ(Ask(set, Action::kFileWrite, "/x").outcome, Outcome::kPermit);
}

TEST(EvaluateTest, MalformedResourcesAreErrors) {
  const PolicySet set = MustLoad(kPermitAll);
  for (const std::string_view path : {"", "x", "~", "/a/../b", "/a//b", "/a/", "/.", "*/x"}) {
    EXPECT_EQ(Ask(set, Action::kFileRead, path).outcome, Outcome::kError) << path;
    EXPECT_EQ(set.ClassOf(path), PolicySet::kNotCanonical) << path;
  }
  for (const std::string_view host : {"", "/etc/passwd", "*/x", "*.example.com"}) {
    EXPECT_EQ(Ask(set, Action::kNetConnect, host).outcome, Outcome::kError) << host;
  }
  EXPECT_EQ(Ask(set, Action::kFileRead, "/").outcome, Outcome::kPermit);
  EXPECT_EQ(Ask(set, Action::kNetConnect, "h:1").outcome, Outcome::kPermit);
  EXPECT_EQ(Ask(set, Action::kFileRead, "/bad\xff").outcome, Outcome::kError);
}

TEST(EvaluateTest, AskNeedsAPermitAndNoForbid) {
  const std::string ask =
      "@id(\"ask\") @ask permit(principal, action, resource in "
      "Aegis::Resource::\"/srv\");";
  const PolicySet set = MustLoad(ask + std::string(kPermitAll) +
                                 "forbid(principal, action, resource in "
                                 "Aegis::Resource::\"/srv/no\");");
  EXPECT_EQ(Ask(set, Action::kFileRead, "/srv/x").outcome, Outcome::kAsk);
  EXPECT_THAT(Ask(set, Action::kFileRead, "/srv/x").policies, ElementsAre("ask"));
  EXPECT_EQ(Ask(set, Action::kFileRead, "/srv/no").outcome, Outcome::kForbid);
  EXPECT_EQ(Ask(set, Action::kFileRead, "/x").outcome, Outcome::kPermit);
}

TEST(EvaluateTest, OnlyThePrincipalsPoliciesCount) {
  const std::string text =
      "permit(principal == Aegis::Agent::\"test\", action, resource);"
      "forbid(principal == Aegis::Agent::\"other\", action, resource);";
  EXPECT_EQ(Ask(MustLoad(text), Action::kFileRead, "/x").outcome, Outcome::kPermit);
  const PolicySet other =
      MustLoad({{.file = "t", .text = text}}, {.agent = "other", .home = "/h", .dir = "/d"});
  EXPECT_EQ(Ask(other, Action::kFileRead, "/x").outcome, Outcome::kForbid);
}

TEST(EvaluateTest, SubtreesAliasesAndGroups) {
  const PolicySet set = MustLoad(R"(
    permit(principal, action, resource in Aegis::Resource::"~");
    forbid(principal, action, resource in Aegis::Resource::"~/.ssh");
    forbid(principal, action, resource in Aegis::Resource::"*/.env.*")
      unless { resource in Aegis::Resource::"*/.env.example" };
    permit(principal, action, resource == Aegis::Resource::"/srv/one");)");
  EXPECT_EQ(Ask(set, Action::kFileRead, "/home/u").outcome, Outcome::kPermit);
  EXPECT_EQ(Ask(set, Action::kFileRead, "/home/u/.ssh").outcome, Outcome::kForbid);
  EXPECT_EQ(Ask(set, Action::kFileRead, "/home/u/.ssh/id").outcome, Outcome::kForbid);
  EXPECT_EQ(Ask(set, Action::kFileRead, "/home/u/.sshd").outcome, Outcome::kPermit);
  EXPECT_EQ(Ask(set, Action::kFileRead, "/home/u2").outcome, Outcome::kNoPermit);
  EXPECT_EQ(Ask(set, Action::kFileRead, "/home/u/p/.env.local/x").outcome, Outcome::kForbid);
  EXPECT_EQ(Ask(set, Action::kFileRead, "/home/u/p/.env.example").outcome, Outcome::kPermit);
  EXPECT_EQ(Ask(set, Action::kFileRead, "/srv/one").outcome, Outcome::kPermit);
  EXPECT_EQ(Ask(set, Action::kFileRead, "/srv/one/x").outcome, Outcome::kNoPermit);
}

TEST(EvaluateTest, ContextOfSpawnAndConnect) {
  const PolicySet set = MustLoad(R"(
    permit(principal, action == Aegis::Action::"ProcessSpawn", resource)
      unless { context has argv && context.argv.contains("--force") };
    permit(principal, action == Aegis::Action::"NetConnect",
           resource in Aegis::Resource::"*.example.com")
      when { context has port && context.port == 443 };
    forbid(principal, action == Aegis::Action::"NetConnect",
           resource in Aegis::Resource::"bad.example.com");)");
  const std::vector<std::string> forced = {"rm", "--force"};
  const std::vector<std::string> plain = {"rm"};
  const auto spawn = [&set](const std::vector<std::string>& argv) {
    return set
        .Evaluate({.action = Action::kProcessSpawn,
                   .resource = "/usr/bin/rm",
                   .context = {.pid = 1, .argv = argv}})
        .outcome;
  };
  EXPECT_EQ(spawn(forced), Outcome::kNoPermit);
  EXPECT_EQ(spawn(plain), Outcome::kPermit);
  const auto connect = [&set](const std::string& host, std::int64_t port) {
    const std::string resource = host + ":" + std::to_string(port);
    return set
        .Evaluate({.action = Action::kNetConnect,
                   .resource = resource,
                   .context = {.pid = 1, .host = host, .port = port, .protocol = "tcp"}})
        .outcome;
  };
  EXPECT_EQ(connect("api.example.com", 443), Outcome::kPermit);
  EXPECT_EQ(connect("a.b.example.com", 443), Outcome::kPermit);
  EXPECT_EQ(connect("api.example.com", 80), Outcome::kNoPermit);
  EXPECT_EQ(connect("example.com", 443), Outcome::kNoPermit);
  EXPECT_EQ(connect("example.com.evil.org", 443), Outcome::kNoPermit);
  EXPECT_EQ(connect("bad.example.com", 443), Outcome::kForbid);
}

TEST(EvaluateTest, DomainsMayNameAPort) {
  const PolicySet set = MustLoad(R"(
    permit(principal, action, resource in Aegis::Resource::"*.example.com:443");
    permit(principal, action, resource == Aegis::Resource::"example.com:443");
    forbid(principal, action, resource) when { resource in Aegis::Resource::"*.bad.example.com:443" };)");
  const auto connect = [&set](const std::string& host, std::int64_t port) {
    const std::string resource = host + ":" + std::to_string(port);
    return set
        .Evaluate({.action = Action::kNetConnect,
                   .resource = resource,
                   .context = {.pid = 1, .host = host, .port = port, .protocol = "tcp"}})
        .outcome;
  };
  EXPECT_EQ(connect("api.example.com", 443), Outcome::kPermit);
  EXPECT_EQ(connect("a.b.example.com", 443), Outcome::kPermit);
  EXPECT_EQ(connect("example.com", 443), Outcome::kPermit);
  EXPECT_EQ(connect("x.bad.example.com", 443), Outcome::kForbid);
  EXPECT_EQ(connect("bad.example.com", 443), Outcome::kPermit);
  EXPECT_EQ(connect("api.example.com", 80), Outcome::kNoPermit);
  EXPECT_EQ(connect("api.example.com", 4430), Outcome::kNoPermit);
  EXPECT_EQ(connect("api.example.com.evil.org", 443), Outcome::kNoPermit);
  EXPECT_EQ(connect("10.0.0.1", 443), Outcome::kNoPermit);
}

TEST(EvaluateTest, ToolsAndExecutablesGoByName) {
  const PolicySet set = MustLoad(R"(
    permit(principal, action == Aegis::Action::"ToolCall", resource == Aegis::Resource::"search");
    permit(principal, action == Aegis::Action::"ToolCall", resource)
      when { resource in [Aegis::Resource::"fs.read", Aegis::Resource::"fs.list"] };
    permit(principal, action in Aegis::Action::"Process", resource in Aegis::Resource::"/usr/bin");)");
  EXPECT_EQ(Ask(set, Action::kToolCall, "search").outcome, Outcome::kPermit);
  EXPECT_EQ(Ask(set, Action::kToolCall, "fs.list").outcome, Outcome::kPermit);
  EXPECT_EQ(Ask(set, Action::kToolCall, "fs").outcome, Outcome::kNoPermit);
  EXPECT_EQ(Ask(set, Action::kToolCall, "fs.list.all").outcome, Outcome::kNoPermit);
  EXPECT_EQ(Ask(set, Action::kToolCall, "/usr/bin/git").outcome, Outcome::kError);
  EXPECT_EQ(Ask(set, Action::kProcessSpawn, "/usr/bin/git").outcome, Outcome::kPermit);
  EXPECT_EQ(Ask(set, Action::kProcessExit, "/usr/bin/git").outcome, Outcome::kPermit);
  EXPECT_EQ(Ask(set, Action::kProcessSpawn, "/usr/sbin/git").outcome, Outcome::kNoPermit);
  EXPECT_EQ(Ask(set, Action::kFileRead, "/usr/bin/git").outcome, Outcome::kNoPermit);
}

TEST(EvaluateTest, GroupsOfActions) {
  const PolicySet set = MustLoad(R"(
    permit(principal, action in Aegis::Action::"Read", resource in Aegis::Resource::"/r");
    permit(principal, action in [Aegis::Action::"Write", Aegis::Action::"FileRead"],
           resource in Aegis::Resource::"/w");
    permit(principal, action, resource in Aegis::Resource::"/f")
      when { action in Aegis::Action::"File" } unless { action == Aegis::Action::"DirList" };)");
  const auto permitted = [&set](std::string_view path) {
    std::vector<std::string_view> names;
    for (std::size_t i = 0; i < kActionCount; ++i) {
      if (Ask(set, static_cast<Action>(i), path).outcome == Outcome::kPermit) {
        names.push_back(ActionName(static_cast<Action>(i)));
      }
    }
    return names;
  };
  EXPECT_THAT(permitted("/r/x"), ElementsAre("FileRead", "DirList"));
  EXPECT_THAT(permitted("/w/x"), ElementsAre("FileRead", "FileWrite", "FileDelete", "DirCreate"));
  EXPECT_THAT(permitted("/f/x"), ElementsAre("FileRead", "FileWrite", "FileDelete", "DirCreate"));
  EXPECT_THAT(set.bound().visible, ElementsAre("/f", "/r", "/w"));
  EXPECT_THAT(set.bound().executable, ElementsAre("/f"));
  EXPECT_THAT(Refusal(R"(permit(principal, action == Aegis::Action::"Read", resource);)"),
              HasSubstr("a group takes `action in`"));
}

// ---- What is said without evaluating

TEST(ReadsTest, NamesAttributesPerAction) {
  const PolicySet set = MustLoad(R"(
    permit(principal, action == Aegis::Action::"FileRead", resource)
      when { resource.path like "/a/*" };
    permit(principal, action == Aegis::Action::"ProcessSpawn", resource)
      when { context has argv && context.argv.contains("x") && context.pid > 1 };
    permit(principal == Aegis::Agent::"other", action, resource)
      when { context has exe && context.exe == "x" };)");
  EXPECT_TRUE(set.reads(Action::kFileRead).path);
  EXPECT_FALSE(set.reads(Action::kFileRead).pid);
  EXPECT_FALSE(set.reads(Action::kFileWrite).path);
  EXPECT_TRUE(set.reads(Action::kProcessSpawn).argv);
  EXPECT_TRUE(set.reads(Action::kProcessSpawn).pid);
  EXPECT_FALSE(set.reads(Action::kProcessSpawn).exe);
}

TEST(PinsTest, PathsAboveMentionsArePinned) {
  const PolicySet set = MustLoad(
      "forbid(principal, action, resource in Aegis::Resource::\"/a/b/c\");"
      "forbid(principal, action, resource in Aegis::Resource::\"*/.env\");");
  EXPECT_TRUE(set.PinsBelow("/"));
  EXPECT_TRUE(set.PinsBelow("/a"));
  EXPECT_TRUE(set.PinsBelow("/a/b"));
  EXPECT_FALSE(set.PinsBelow("/a/b/c"));
  EXPECT_FALSE(set.PinsBelow("/a/bb"));
  EXPECT_FALSE(set.PinsBelow("/a/b/c/d"));
}

TEST(BoundTest, FollowsHeadsAndConditions) {
  const auto bound = [](std::string_view text) { return MustLoad(text).bound(); };
  const PolicySet::Bound lists = bound(R"(
    permit(principal, action == Aegis::Action::"FileRead", resource)
      when { resource in [Aegis::Resource::"/b", Aegis::Resource::"/a/x", Aegis::Resource::"/a"] };
    permit(principal, action == Aegis::Action::"ProcessSpawn",
           resource in Aegis::Resource::"/usr/bin") when { context.pid > 1 };
    permit(principal, action == Aegis::Action::"NetConnect", resource);
    permit(principal, action == Aegis::Action::"ProcessExit", resource);)");
  EXPECT_THAT(lists.visible, ElementsAre("/a", "/b", "/usr/bin"));
  EXPECT_THAT(lists.executable, ElementsAre("/usr/bin"));
  EXPECT_THAT(lists.hidden, IsEmpty());
  EXPECT_THAT(bound(When("context.pid > 1")).visible, ElementsAre("/"));
  EXPECT_THAT(bound("permit(principal, action, resource in Aegis::Resource::\"*/x\");").visible,
              ElementsAre("/"));
  EXPECT_THAT(bound("permit(principal == Aegis::Agent::\"b\", action, resource);").visible,
              IsEmpty());
  EXPECT_THAT(bound("permit(principal, action, resource == Aegis::Resource::\"/\");").visible,
              IsEmpty());
  EXPECT_THAT(
      bound(R"(permit(principal, action, resource in Aegis::Resource::"/a\\x41");)").visible,
      ElementsAre(R"(/a\x41)"));  // \x41 is no escape that names have
}

TEST(BoundTest, GroupsReachAsFarAsTheirMembers) {
  const auto bound = [](std::string_view text) { return MustLoad(text).bound(); };
  const PolicySet::Bound permits = bound(R"(
    permit(principal, action in Aegis::Action::"Write", resource in Aegis::Resource::"/w");
    permit(principal, action in Aegis::Action::"Process", resource in Aegis::Resource::"/p");)");
  EXPECT_THAT(permits.visible, ElementsAre("/p", "/w"));
  EXPECT_THAT(permits.executable, ElementsAre("/p"));
  // All actions, group by group, hide; all but one do not.
  EXPECT_THAT(bound(R"(forbid(principal, action in [Aegis::Action::"File", Aegis::Action::"Process",
      Aegis::Action::"NetConnect", Aegis::Action::"ToolCall"], resource in Aegis::Resource::"/s");)")
                  .hidden,
              ElementsAre("/s"));
  EXPECT_THAT(bound(R"(forbid(principal, action in [Aegis::Action::"File", Aegis::Action::"Process",
      Aegis::Action::"NetConnect"], resource in Aegis::Resource::"/s");)")
                  .hidden,
              IsEmpty());
}

TEST(BoundTest, HidesOnlyWhatIsForbiddenWholly) {
  const PolicySet::Bound bound = MustLoad(R"(
    permit(principal, action, resource);
    permit(principal, action, resource in Aegis::Resource::"/s/a/deep");
    forbid(principal, action, resource in Aegis::Resource::"/s/a");
    forbid(principal, action, resource) when { resource in [Aegis::Resource::"/s/b"] };
    forbid(principal, action, resource == Aegis::Resource::"/s/c");
    forbid(principal, action == Aegis::Action::"FileRead", resource in Aegis::Resource::"/s/d");
    forbid(principal, action, resource in Aegis::Resource::"/s/e") when { context.pid > 1 };
    forbid(principal, action, resource in Aegis::Resource::"*/.env");
    forbid(principal == Aegis::Agent::"other", action, resource in Aegis::Resource::"/s/f");)")
                                     .bound();
  EXPECT_THAT(bound.hidden, ElementsAre("/s/a", "/s/b"));
  EXPECT_THAT(bound.visible, ElementsAre("/"));
}

// ---- Properties over random sets

TEST(PropertyTest, EvaluationMeansWhatThePoliciesMean) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    RandomWorld world(seed);
    const std::vector<RandomPolicy> policies = world.Policies(8);
    const PolicySet set = MustLoad({{.file = "r", .text = TextOf(policies)}}, RandomNames());
    for (int i = 0; i < 60; ++i) {
      const Action action = world.AnyAction();
      const std::string path = world.Path();
      const std::int64_t pid = world.Pid();
      const std::string_view exe = world.Exe();
      const Verdict verdict =
          set.Evaluate({.action = action, .resource = path, .context = {.pid = pid, .exe = exe}});
      ASSERT_EQ(verdict.outcome, Expected(policies, action, path, pid, exe))
          << "seed " << seed << ' ' << ActionName(action) << ' ' << path << " pid " << pid << '\n'
          << TextOf(policies) << verdict.detail;
    }
  }
}

TEST(PropertyTest, EqualClassesHaveEqualVerdicts) {
  for (std::uint64_t seed = 1'000; seed < 1'200; ++seed) {
    RandomWorld world(seed);
    const std::vector<RandomPolicy> policies = world.Policies(8);
    const PolicySet set = MustLoad({{.file = "r", .text = TextOf(policies)}}, RandomNames());
    std::map<std::tuple<Action, std::uint64_t, std::string>, std::pair<std::string, Verdict>> seen;
    for (int i = 0; i < 100; ++i) {
      const Action action = world.AnyAction();
      const std::string path = world.Path();
      const std::string read = set.reads(action).path ? path : "";
      const Verdict verdict =
          set.Evaluate({.action = action, .resource = path, .context = {.pid = 7}});
      const auto [entry, fresh] =
          seen.try_emplace({action, set.ClassOf(path), read}, path, verdict);
      ASSERT_TRUE(fresh || (entry->second.second.outcome == verdict.outcome &&
                            entry->second.second.policies == verdict.policies))
          << "seed " << seed << ": " << path << " and " << entry->second.first << '\n'
          << TextOf(policies);
    }
  }
}

bool Holds(const std::vector<std::string>& roots, std::string_view path) {
  for (const std::string& root : roots) {
    if (root == "/" || path == root || path.starts_with(root + "/")) {
      return true;
    }
  }
  return false;
}

TEST(PropertyTest, NothingOutsideTheBoundIsPermittedAndNothingHiddenIs) {
  for (std::uint64_t seed = 2'000; seed < 2'200; ++seed) {
    RandomWorld world(seed);
    const std::vector<RandomPolicy> policies = world.Policies(4);
    const PolicySet set = MustLoad({{.file = "r", .text = TextOf(policies)}}, RandomNames());
    const PolicySet::Bound bound = set.bound();
    for (int i = 0; i < 60; ++i) {
      const Action action = world.AnyAction();
      const std::string path = world.Path();
      if (Ask(set, action, path).outcome != Outcome::kPermit || path == "/") {
        continue;
      }
      ASSERT_TRUE(Holds(bound.visible, path)) << path << '\n' << TextOf(policies);
      ASSERT_TRUE(action != Action::kProcessSpawn || Holds(bound.executable, path)) << path;
      ASSERT_FALSE(Holds(bound.hidden, path)) << path << '\n' << TextOf(policies);
    }
  }
}

}  // namespace
}  // namespace aegis::policy
