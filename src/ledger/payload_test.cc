#include "ledger/payload.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "canon/canon.h"

namespace aegis::ledger {
namespace {

TEST(PayloadTest, AnActionIsWrittenWhole) {
  const std::vector<std::string> policies = {"p1", "p2"};
  const std::vector<std::string> argv = {"git", "clone", "https://u:secret@host/x"};
  std::string out;
  AppendActionPayload(out, {.action = "ProcessSpawn",
                            .resource = "/usr/bin/git",
                            .decision = "deny",
                            .reason = "POLICY_FORBID",
                            .policies = policies,
                            .context = {.pid = 42,
                                        .exe = "/bin/sh",
                                        .argv = argv,
                                        .host = "h",
                                        .port = 0,
                                        .protocol = "tcp",
                                        .operation = "execve",
                                        .target = "/t",
                                        .detail = "why",
                                        .enforced = false}});
  EXPECT_EQ(
      out,
      R"({"action":"ProcessSpawn","context":{"argv":["git","clone","https://[masked]@host/x"],)"
      R"("detail":"why","enforced":false,"exe":"/bin/sh","host":"h","operation":"execve",)"
      R"("pid":42,"port":0,"protocol":"tcp","target":"/t"},"decision":"deny",)"
      R"("policies":["p1","p2"],"reason":"POLICY_FORBID","resource":"/usr/bin/git"})");
  EXPECT_TRUE(canon::IsCanonicalObject(out));
}

TEST(PayloadTest, EmptyFieldsOfTheContextAreLeftOut) {
  std::string out;
  AppendActionPayload(
      out,
      {.action = "FileRead", .resource = "/a", .decision = "allow", .reason = "POLICY_PERMIT"});
  EXPECT_EQ(out, R"({"action":"FileRead","context":{},"decision":"allow","policies":[],)"
                 R"("reason":"POLICY_PERMIT","resource":"/a"})");
}

TEST(PayloadTest, AnOutcomeHasNoDecision) {
  std::string out;
  AppendFinishedPayload(out, {.action = "ProcessExit",
                              .resource = "/bin/true",
                              .decision = "allow",
                              .context = {.pid = 3, .exit_code = 0, .signal = 9}});
  EXPECT_EQ(out, R"({"action":"ProcessExit","context":{"exit_code":0,"pid":3,"signal":9},)"
                 R"("resource":"/bin/true"})");
  EXPECT_TRUE(canon::IsCanonicalObject(out));
}

TEST(PayloadTest, HostileNamesStayCanonical) {
  const std::vector<std::string> argv = {std::string("a\0b", 3), "\xff\xfe", "\x1b[31m\n"};
  std::string out;
  AppendActionPayload(out, {.action = "FileWrite",
                            .resource = "/tmp/\xff\n\"\\\x1b",
                            .decision = "deny",
                            .reason = "NO_PERMIT",
                            .context = {.exe = "/\xed\xa0\x80", .argv = argv}});
  EXPECT_TRUE(canon::IsCanonicalObject(out)) << out;
}

TEST(PayloadTest, SessionsStartAndEnd) {
  const std::vector<std::string> argv = {"curl", "--password", "hunter2"};
  const std::vector<std::string> names = {"x", "y"};
  std::string out;
  AppendSessionStartedPayload(out, {.mode = "run",
                                    .command = "curl",
                                    .argv = argv,
                                    .config = "default",
                                    .dir = "/srv",
                                    .tag = "t",
                                    .policy_digest = "d",
                                    .policies = names,
                                    .protections = names,
                                    .env_dropped = names});
  EXPECT_EQ(out, R"({"argv":["curl","--password","[masked]"],"command":"curl","config":"default",)"
                 R"("dir":"/srv","env_dropped":["x","y"],"mode":"run","policies":["x","y"],)"
                 R"("policy_digest":"d","protections":["x","y"],"tag":"t"})");
  EXPECT_TRUE(canon::IsCanonicalObject(out));
  out.clear();
  AppendSessionEndedPayload(out, {.exit_code = 2, .actions = 5, .denials = 1, .detail = "d"});
  EXPECT_EQ(out, R"({"actions":5,"denials":1,"detail":"d","exit_code":2})");
}

}  // namespace
}  // namespace aegis::ledger
