#include "advice/test_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "advice/document.h"
#include "policy/policy.h"

namespace aegis::advice {
namespace {

using policy::Action;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TestFile Read(std::string_view text, Format format = Format::kYaml) {
  auto file = ReadTestFile(text, "t.yaml", format);
  if (!file.has_value()) {
    ADD_FAILURE() << file.error().message();
    return {};
  }
  return *file;
}

std::string Refusal(std::string_view text, Format format = Format::kYaml) {
  const auto file = ReadTestFile(text, "t", format);
  return file.has_value() ? std::string() : file.error().message();
}

// A whole file around one case.
std::string Case(std::string_view members) {
  return "policies: p\ncases:\n  - {" + std::string(members) + "}\n";
}

constexpr std::string_view kYaml = R"(
policies: [project, mine.cedar]
agent: work
home: /home/u
dir: /srv/app
network: closed
cases:
  - name: secrets
    action: [FileRead, DirList]
    resource: [~/.ssh, "@dir/.env"]
    expect: deny
    policy: [b, a]
    reason: POLICY_FORBID
  - action: NetConnect
    resource: h:443
    expect: ask
    context: {exe: /usr/bin/curl, pid: 9, argv: [curl, "-s"], protocol: udp}
)";

constexpr std::string_view kToml = R"(
policies = ["project", "mine.cedar"]
agent = "work"
home = "/home/u"
dir = "/srv/app"
network = "closed"

[[cases]]
name = "secrets"
action = ["FileRead", "DirList"]
resource = ["~/.ssh", "@dir/.env"]
expect = "deny"
policy = ["b", "a"]
reason = "POLICY_FORBID"

[[cases]]
action = "NetConnect"
resource = "h:443"
expect = "ask"
context = {exe = "/usr/bin/curl", pid = 9, argv = ["curl", "-s"], protocol = "udp"}
)";

void ExpectTheExample(const TestFile& file) {
  EXPECT_THAT(file.policies, ElementsAre("project", "mine.cedar"));
  EXPECT_EQ(file.agent, "work");
  EXPECT_EQ(file.home, "/home/u");
  EXPECT_EQ(file.dir, "/srv/app");
  EXPECT_EQ(file.aegis_home, "/home/u/.aegis");
  EXPECT_FALSE(file.network_open);
  std::vector<std::string> asked;
  asked.reserve(file.cases.size());
  for (const TestCase& test : file.cases) {
    asked.push_back(std::string(policy::ActionName(test.question.action)) + " " +
                    test.question.resource);
  }
  EXPECT_THAT(asked,
              ElementsAre("FileRead /home/u/.ssh", "FileRead /srv/app/.env", "DirList /home/u/.ssh",
                          "DirList /srv/app/.env", "NetConnect h:443"));
  EXPECT_EQ(file.cases[1].name, "secrets");
  EXPECT_EQ(file.cases[1].expect, Answer::kDeny);
  EXPECT_EQ(file.cases[1].reason, "POLICY_FORBID");
  EXPECT_THAT(*file.cases[1].policies, ElementsAre("a", "b"));
  const TestCase& net = file.cases[4];
  EXPECT_EQ(net.expect, Answer::kAsk);
  EXPECT_FALSE(net.policies.has_value());
  EXPECT_EQ(net.question.exe, "/usr/bin/curl");
  EXPECT_EQ(net.question.pid, 9);
  EXPECT_EQ(net.question.protocol, "udp");
  EXPECT_EQ(net.question.host, "h");
  EXPECT_THAT(net.question.argv, ElementsAre("curl", "-s"));
}

TEST(TestFileTest, BothFormsSayTheSame) {
  ExpectTheExample(Read(kYaml));
  ExpectTheExample(Read(kToml, Format::kToml));
}

TEST(TestFileTest, LinesAreThoseOfTheCases) {
  const TestFile file = Read(kYaml);
  EXPECT_EQ(file.cases[0].line, 8U);
  EXPECT_EQ(file.cases[3].line, 8U);
  EXPECT_EQ(file.cases[4].line, 14U);
}

TEST(TestFileTest, DefaultsAreThoseOfARun) {
  const TestFile file = Read(Case("action: FileRead, resource: ~/x, expect: allow"));
  EXPECT_EQ(file.agent, "agent");
  EXPECT_TRUE(file.network_open);
  EXPECT_EQ(file.aegis_home, "/home/user/.aegis");
  EXPECT_EQ(file.cases[0].question.resource, "/home/user/x");
  EXPECT_EQ(Read("policies: p\nhome: /\ncases: [{action: FileRead, resource: '~', expect: deny}]")
                .cases[0]
                .question.resource,
            "/");
}

TEST(TestFileTest, NoPolicyIsAnExpectationToo) {
  const TestFile file = Read(Case("action: FileRead, resource: /x, expect: deny, policy: []"));
  ASSERT_TRUE(file.cases[0].policies.has_value());
  EXPECT_THAT(*file.cases[0].policies, IsEmpty());
}

TEST(TestFileTest, UnknownKeysNameTheNearest) {
  EXPECT_THAT(Refusal("polices: p\ncases: []"),
              HasSubstr("t:1:1: unknown key \"polices\" (did you mean \"policies\"?)"));
  EXPECT_THAT(Refusal(Case("action: FileRead, resorce: /x, expect: deny")),
              HasSubstr("t:3:24: unknown key \"resorce\" (did you mean \"resource\"?)"));
  EXPECT_THAT(Refusal(Case("action: FileRead, resource: /x, expect: deny, context: {exec: /x}")),
              HasSubstr("unknown key \"exec\" (did you mean \"exe\"?)"));
  EXPECT_THAT(Refusal("policies = \"p\"\nzzzzzz = 1\n", Format::kToml),
              testing::EndsWith("t:2:1: unknown key \"zzzzzz\""));
}

TEST(TestFileTest, WhatIsMissingOrOfAnotherTypeIsNamed) {
  EXPECT_THAT(Refusal("cases: []"), HasSubstr("\"policies\" is missing"));
  EXPECT_THAT(Refusal("policies: p"), HasSubstr("\"cases\" is missing"));
  EXPECT_THAT(Refusal("policies: p\ncases: []"), HasSubstr("t:2:8: \"cases\" must be a list"));
  EXPECT_THAT(Refusal("policies: p\ncases: [1]"), HasSubstr("a case must be a table"));
  EXPECT_THAT(Refusal("- a"), HasSubstr("the file must be a table"));
  EXPECT_THAT(Refusal("policies: 1\ncases: []"), HasSubstr("\"policies\" must be text"));
  EXPECT_THAT(Refusal(Case("action: FileRead, resource: /x")), HasSubstr("\"expect\" is missing"));
  EXPECT_THAT(Refusal(Case("resource: /x, expect: deny")), HasSubstr("\"action\" is missing"));
  EXPECT_THAT(Refusal(Case("action: FileRead, resource: ~, expect: deny")),
              HasSubstr("\"resource\" must be text (in quotes"));
  EXPECT_THAT(Refusal(Case("action: [], resource: /x, expect: deny")), HasSubstr("names none"));
  EXPECT_THAT(Refusal(Case("action: FileRead, resource: [], expect: deny")),
              HasSubstr("names none"));
}

TEST(TestFileTest, WordsAreCheckedToTheLetter) {
  EXPECT_THAT(Refusal(Case("action: FileRed, resource: /x, expect: deny")),
              HasSubstr("t:3:14: there is no action \"FileRed\" (did you mean \"FileRead\"?)"));
  EXPECT_THAT(Refusal(Case("action: FileRead, resource: /x, expect: Deny")),
              HasSubstr("\"expect\" is allow, deny or ask"));
  EXPECT_THAT(Refusal(Case("action: FileRead, resource: /x, expect: deny, reason: NO_PERMT")),
              HasSubstr("did you mean \"NO_PERMIT\"?"));
  EXPECT_THAT(Refusal(Case("action: FileRead, resource: x/y, expect: deny")), HasSubstr("t:3:"));
  EXPECT_THAT(Refusal(Case("action: FileRead, resource: ~/../x, expect: deny")), HasSubstr(".."));
  EXPECT_THAT(Refusal(Case("action: NetConnect, resource: h, expect: deny")),
              HasSubstr("HOST:PORT"));
  EXPECT_THAT(Refusal(Case("action: FileRead, resource: /x, expect: deny, context: {pid: x}")),
              HasSubstr("\"pid\" must be a whole number"));
  EXPECT_THAT(Refusal("policies: p\nhome: x\ncases: []"),
              HasSubstr("\"home\" must be an absolute"));
  EXPECT_THAT(Refusal("policies: p\nnetwork: on\ncases: []"), HasSubstr("open or closed"));
}

}  // namespace
}  // namespace aegis::advice
