#include "advice/question.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "policy/policy.h"

namespace aegis::advice {
namespace {

using policy::Action;

Question Named(Action action, std::string name) {
  return {.action = action, .resource = std::move(name)};
}

std::string Refusal(Action action, std::string name) {
  Question question = Named(action, std::move(name));
  const auto checked = CheckName(question);
  return checked.has_value() ? std::string() : checked.error().message();
}

TEST(QuestionTest, PeersAreTakenApartAsTheGateDoes) {
  const auto peer = [](std::string name) {
    Question question = Named(Action::kNetConnect, std::move(name));
    EXPECT_TRUE(CheckName(question).has_value()) << question.resource;
    return question.host + "|" + std::to_string(question.port) + "|" + question.protocol;
  };
  EXPECT_EQ(peer("api.example.com:443"), "api.example.com|443|tcp");
  EXPECT_EQ(peer("10.0.0.1:80"), "10.0.0.1|80|tcp");
  EXPECT_EQ(peer("[::1]:0"), "::1|0|tcp");
  EXPECT_EQ(peer("unix:/run/x"), "|-1|unix");
  EXPECT_EQ(peer("unix:@name"), "|-1|unix");
}

TEST(QuestionTest, HostsGetTheirOneForm) {
  const auto resource = [](std::string name, std::string protocol) {
    Question question = Named(Action::kNetConnect, std::move(name));
    question.protocol = std::move(protocol);
    const auto checked = CheckName(question);
    return checked ? question.resource + "|" + question.host : checked.error().message();
  };
  EXPECT_EQ(resource("API.Example.com.:443", ""), "api.example.com:443|api.example.com");
  EXPECT_EQ(resource("0x7f.1:80", ""), "127.0.0.1:80|127.0.0.1");
  EXPECT_EQ(resource("[::FFFF:10.0.0.1]:80", ""), "10.0.0.1:80|10.0.0.1");
  EXPECT_EQ(resource("API.example.com", "dns"), "api.example.com|api.example.com");
  EXPECT_EQ(resource("api.example.com:443", "dns"),
            "\"api.example.com:443\" is no host: no IPv6 address");
  EXPECT_EQ(resource("a..b:1", ""), "\"a..b\" is no host: an empty label");
}

TEST(QuestionTest, AGivenProtocolStays) {
  Question question = Named(Action::kNetConnect, "h:1");
  question.protocol = "udp";
  ASSERT_TRUE(CheckName(question).has_value());
  EXPECT_EQ(question.protocol, "udp");
  EXPECT_EQ(question.Request().context.protocol, "udp");
  EXPECT_EQ(question.Request().context.host, "h");
  EXPECT_EQ(question.Request().resource, "h:1");
}

TEST(QuestionTest, NamesThatNoRequestHasAreRefused) {
  for (const char* const name : {"", "h", "h:", ":1", "h:x", "h:65536", "h:-1", "::1:80", "/a:1",
                                 "*.x:1", "unix:", "a b:1", "h:1x", "a%b:1", "1.2.3.256:1"}) {
    EXPECT_NE(Refusal(Action::kNetConnect, name), "") << name;
  }
  for (const char* const name : {"", "a", "/a/", "/a//b", "/a/../b", "/./a", "~/x", "@dir"}) {
    EXPECT_NE(Refusal(Action::kFileRead, name), "") << name;
    EXPECT_NE(Refusal(Action::kProcessSpawn, name), "") << name;
  }
  EXPECT_EQ(Refusal(Action::kFileRead, "/"), "");
  EXPECT_EQ(Refusal(Action::kFileRead, "/a/.b/..c"), "");
  EXPECT_EQ(Refusal(Action::kToolCall, "search"), "");
  EXPECT_NE(Refusal(Action::kToolCall, ""), "");
}

}  // namespace
}  // namespace aegis::advice
