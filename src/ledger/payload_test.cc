#include "ledger/payload.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "canon/canon.h"
#include "ledger/masker.h"

namespace aegis::ledger {
namespace {

TEST(PayloadTest, AnActionIsWrittenWhole) {
  const std::vector<std::string> policies = {"p1", "p2"};
  const std::vector<std::string> argv = {"git", "clone", "https://u:secret@host/x"};
  std::string out;
  AppendActionPayload(out,
                      {.action = "ProcessSpawn",
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
                                   .enforced = false}},
                      Masker());
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
      out, {.action = "FileRead", .resource = "/a", .decision = "allow", .reason = "POLICY_PERMIT"},
      Masker());
  EXPECT_EQ(out, R"({"action":"FileRead","context":{},"decision":"allow","policies":[],)"
                 R"("reason":"POLICY_PERMIT","resource":"/a"})");
}

TEST(PayloadTest, AConnectionSaysWhichAddressItsNameStoodFor) {
  std::string out;
  AppendActionPayload(out,
                      {.action = "NetConnect",
                       .resource = "api.example.com:443",
                       .decision = "allow",
                       .reason = "POLICY_PERMIT",
                       .context = {.host = "api.example.com",
                                   .port = 443,
                                   .protocol = "tcp",
                                   .address = "93.184.216.34",
                                   .inspection = "none"}},
                      Masker());
  EXPECT_EQ(
      out,
      R"({"action":"NetConnect","context":{"address":"93.184.216.34",)"
      R"("host":"api.example.com","inspection":"none","port":443,"protocol":"tcp"},"decision":"allow",)"
      R"("policies":[],"reason":"POLICY_PERMIT","resource":"api.example.com:443"})");
  EXPECT_TRUE(canon::IsCanonicalObject(out));
}

TEST(PayloadTest, TheEndOfAConnectionHasItsFigures) {
  ActionRecord record{.action = "NetConnect",
                      .resource = "api.example.com:443",
                      .context = {.pid = 7,
                                  .host = "api.example.com",
                                  .port = 443,
                                  .protocol = "tcp",
                                  .bytes_sent = 5,
                                  .bytes_received = 9'000'000'000'000,
                                  .duration_ms = 0}};
  std::string out;
  AppendFinishedPayload(out, record, Masker());
  EXPECT_EQ(out,
            R"({"action":"NetConnect","context":{"bytes_received":9000000000000,"bytes_sent":5,)"
            R"("duration_ms":0,"host":"api.example.com","pid":7,"port":443,"protocol":"tcp"},)"
            R"("resource":"api.example.com:443"})");
  EXPECT_TRUE(canon::IsCanonicalObject(out));
  // The twin: what is not known is left out, and is not zero.
  record.context.bytes_sent = record.context.bytes_received = std::nullopt;
  out.clear();
  AppendFinishedPayload(out, record, Masker());
  EXPECT_EQ(out.find("bytes"), std::string::npos);
  EXPECT_NE(out.find(R"("duration_ms":0)"), std::string::npos);
}

TEST(PayloadTest, AnOutcomeHasNoDecision) {
  std::string out;
  AppendFinishedPayload(out,
                        {.action = "ProcessExit",
                         .resource = "/bin/true",
                         .decision = "allow",
                         .context = {.pid = 3, .parent = 2, .exit_code = 0, .signal = 9}},
                        Masker());
  EXPECT_EQ(out,
            R"({"action":"ProcessExit","context":{"exit_code":0,"parent":2,"pid":3,"signal":9},)"
            R"("resource":"/bin/true"})");
  EXPECT_TRUE(canon::IsCanonicalObject(out));
}

TEST(PayloadTest, AProcessHasAParentAndAnImage) {
  std::string out;
  AppendProcessStartedPayload(out, {.pid = 3, .parent = 2, .image = "/bin/sh"});
  EXPECT_EQ(out, R"({"image":"/bin/sh","parent":2,"pid":3})");
  EXPECT_TRUE(canon::IsCanonicalObject(out));
}

TEST(PayloadTest, HostileNamesStayCanonical) {
  const std::vector<std::string> argv = {std::string("a\0b", 3), "\xff\xfe", "\x1b[31m\n"};
  std::string out;
  AppendActionPayload(out,
                      {.action = "FileWrite",
                       .resource = "/tmp/\xff\n\"\\\x1b",
                       .decision = "deny",
                       .reason = "NO_PERMIT",
                       .context = {.exe = "/\xed\xa0\x80", .argv = argv}},
                      Masker());
  EXPECT_TRUE(canon::IsCanonicalObject(out)) << out;
}

TEST(PayloadTest, SessionsStartAndEnd) {
  const std::vector<std::string> argv = {"curl", "--password", "hunter2"};
  const std::vector<std::string> names = {"x", "y"};
  std::string out;
  AppendSessionStartedPayload(out,
                              {.mode = "run",
                               .command = "curl",
                               .argv = argv,
                               .config = "default",
                               .dir = "/srv",
                               .tag = "t",
                               .policy_digest = "d",
                               .policy_stored = true,
                               .policies = names,
                               .protections = names,
                               .env_dropped = names,
                               .published_ports = names},
                              Masker());
  EXPECT_EQ(out, R"({"argv":["curl","--password","[masked]"],"command":"curl","config":"default",)"
                 R"("dir":"/srv","env_dropped":["x","y"],"mode":"run","policies":["x","y"],)"
                 R"("policy_digest":"d","policy_stored":true,"protections":["x","y"],)"
                 R"("published_ports":["x","y"],"tag":"t"})");
  EXPECT_TRUE(canon::IsCanonicalObject(out));
  out.clear();
  AppendSessionEndedPayload(
      out, {.exit_code = 2, .actions = 5, .denials = 1, .detail = "d", .published_connections = 3},
      Masker());
  EXPECT_EQ(out, R"({"actions":5,"denials":1,"detail":"d","exit_code":2,)"
                 R"("published_connections":3})");
}

TEST(PayloadTest, PoliciesChangeAndStay) {
  const std::vector<std::string> files = {"a.cedar", "b.cedar"};
  std::string out;
  AppendPolicyChangedPayload(out, {.from = "1", .to = "2", .files = files, .outside = "/srv"});
  EXPECT_EQ(out, R"({"files":["a.cedar","b.cedar"],"from":"1","outside":"/srv","to":"2"})");
  EXPECT_TRUE(canon::IsCanonicalObject(out));
  out.clear();
  AppendPolicyChangedPayload(out, {.from = "1", .to = "2"});
  EXPECT_EQ(out, R"({"files":[],"from":"1","to":"2"})");
  out.clear();
  AppendPolicyKeptPayload(out, {.digest = "1", .detail = "a.cedar:1:1: --token=abcdefgh"},
                          Masker());
  EXPECT_EQ(out, R"({"detail":"a.cedar:1:1: --token=[masked]","digest":"1"})");
  EXPECT_TRUE(canon::IsCanonicalObject(out));
}

// The same word in every text: those that people write are masked, names stay.
TEST(PayloadTest, FreeTextsAreMaskedNamesAreNot) {
  const std::string secret = "x ACME-12345678";
  const std::vector<std::string> own = {"ACME-[0-9]{8}"};
  const Masker masker = Masker::Make(own).value();
  std::string out;
  AppendActionPayload(
      out,
      {.action = "A",
       .resource = secret,
       .decision = "deny",
       .reason = "R",
       .context = {.exe = secret, .argv = {&secret, 1}, .target = secret, .detail = secret}},
      masker);
  EXPECT_EQ(out, R"({"action":"A","context":{"argv":["x [masked]"],"detail":"x [masked]",)"
                 R"("exe":"x ACME-12345678","target":"x ACME-12345678"},"decision":"deny",)"
                 R"("policies":[],"reason":"R","resource":"x ACME-12345678"})");
  out.clear();
  AppendSessionStartedPayload(
      out, {.mode = "run", .command = secret, .argv = {&secret, 1}, .tag = secret}, masker);
  EXPECT_EQ(out, R"({"argv":["x [masked]"],"command":"x [masked]","mode":"run",)"
                 R"("tag":"x [masked]"})");
  out.clear();
  AppendSessionEndedPayload(out, {.detail = secret}, masker);
  EXPECT_EQ(out, R"({"actions":0,"denials":0,"detail":"x [masked]"})");
  out.clear();
  AppendFinishedPayload(out, {.action = "A", .context = {.detail = secret}}, masker);
  EXPECT_EQ(out, R"({"action":"A","context":{"detail":"x [masked]"},"resource":""})");
}

}  // namespace
}  // namespace aegis::ledger
