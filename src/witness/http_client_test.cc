#include "witness/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/result.h"
#include "witness/http_message.h"
#include "witness/resolver.h"
#include "witness/target.h"
#include "witness/test_http_server.h"
#include "witness/test_log.h"

namespace aegis::witness {
namespace {

using base::Errc;
using base::Result;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::AnyOf;
using testing::HasSubstr;
using testing::StartsWith;

class HttpClientTest : public testing::Test {
 protected:
  HttpTarget TargetOf(const ScriptedServer& server) const {
    return {.tls = tls_, .host = host_, .port = server.port(), .prefix = "/w"};
  }
  std::unique_ptr<HttpClient> ClientOf(const ScriptedServer& server) const {
    return Get(MakeHttpClient(TargetOf(server), ca_file_));
  }
  static Result<HttpReply> Post(HttpClient& client, milliseconds patience = milliseconds(5000),
                                const std::stop_token& stop = {}) {
    return client.Post("/x", "body\n", steady_clock::now() + patience, stop);
  }
  std::string ErrorOf(const ScriptedServer& server) const {
    const auto reply = Post(*ClientOf(server));
    EXPECT_TRUE(reply || reply.error().code() == Errc::kUnavailable);
    return reply ? "status " + std::to_string(reply->status) : reply.error().message();
  }

  bool tls_ = false;
  std::string host_ = "127.0.0.1";
  std::string ca_file_;
  TempDirectory directory_;
};

TEST_F(HttpClientTest, PostsAndReadsTheAnswer) {
  std::string seen;
  const ScriptedServer server([&seen](const std::string& request, int) {
    seen = request;
    return Act{.bytes = Answer(409, "17\n", "Content-Type: text/x.tlog.size\r\n")};
  });
  const auto client = ClientOf(server);
  EXPECT_EQ(Get(Post(*client)),
            (HttpReply{.status = 409, .content_type = "text/x.tlog.size", .body = "17\n"}));
  EXPECT_THAT(seen, StartsWith("POST /w/x HTTP/1.1\r\n"));
  EXPECT_THAT(seen, HasSubstr("\r\nHost: 127.0.0.1:" + std::to_string(server.port()) + "\r\n"));
  EXPECT_THAT(seen, HasSubstr("\r\nContent-Length: 5\r\n"));
  EXPECT_TRUE(seen.ends_with("\r\n\r\nbody\n")) << seen;
}

TEST_F(HttpClientTest, KeepsItsConnection) {
  const ScriptedServer server([](const std::string&, int connection) {
    return Act{.bytes = Answer(200, std::to_string(connection))};
  });
  const auto client = ClientOf(server);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(Get(Post(*client)).body, "1");
  }
}

TEST_F(HttpClientTest, ConnectsAnewWhereTheServerHasClosed) {
  const ScriptedServer server([](const std::string&, int connection) {
    return Act{.bytes = Answer(200, std::to_string(connection)), .close = true};
  });
  const auto client = ClientOf(server);
  EXPECT_EQ(Get(Post(*client)).body, "1");
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(Get(Post(*client)).body, "2");
  EXPECT_EQ(Get(Post(*client)).body, "3");
}

TEST_F(HttpClientTest, HonoursConnectionClose) {
  const ScriptedServer server([](const std::string&, int connection) {
    return Act{.bytes = Answer(200, std::to_string(connection), "Connection: close\r\n")};
  });
  const auto client = ClientOf(server);
  EXPECT_EQ(Get(Post(*client)).body, "1");
  EXPECT_EQ(Get(Post(*client)).body, "2");
}

TEST_F(HttpClientTest, TakesNoAnswerThatCameUnasked) {
  const ScriptedServer server([](const std::string&, int connection) {
    return Act{.bytes = Answer(200, std::to_string(connection)) + Answer(200, "forged")};
  });
  const auto client = ClientOf(server);
  EXPECT_EQ(Get(Post(*client)).body, "1");
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(Get(Post(*client)).body, "2");
}

TEST_F(HttpClientTest, FollowsNoRedirect) {
  const ScriptedServer server([](const std::string&, int) {
    return Act{.bytes = Answer(307, "", "Location: http://127.0.0.1:1/\r\n")};
  });
  EXPECT_EQ(Get(Post(*ClientOf(server))).status, 307U);
}

TEST_F(HttpClientTest, ReadsAnswersOfOtherForms) {
  const ScriptedServer server([](const std::string&, int connection) {
    return connection == 1 ? Act{.bytes =
                                     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: "
                                     "close\r\n\r\n3\r\nabc\r\n0\r\n\r\n"}
                           : Act{.bytes = "HTTP/1.0 200 OK\r\n\r\nabc", .close = true};
  });
  const auto client = ClientOf(server);
  EXPECT_EQ(Get(Post(*client)).body, "abc");
  EXPECT_EQ(Get(Post(*client)).body, "abc");
}

TEST_F(HttpClientTest, RefusesWhatIsNoAnswerOrTooMuch) {
  for (const std::string& bytes :
       {std::string("SSH-2.0-OpenSSH\r\n"), std::string("HTTP/1.1 200 OK\r\nA"), std::string(),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
        Answer(200, "", "X: " + std::string(kMaxReplyHeader, 'x') + "\r\n"),
        Answer(200, std::string(kMaxReplyBody + 1, 'x')),
        "HTTP/1.0 200 OK\r\n\r\n" + std::string(kMaxReplyBody + 1, 'x')}) {
    const ScriptedServer server(
        [&bytes](const std::string&, int) { return Act{.bytes = bytes, .close = true}; });
    EXPECT_THAT(ErrorOf(server), StartsWith("read the answer: ")) << bytes.substr(0, 40);
  }
}

TEST_F(HttpClientTest, NeverWaitsBeyondTheDeadline) {
  for (const Act& act :
       {Act{.hang = true}, Act{.bytes = "HTTP/1.1 200", .hang = true},
        Act{.bytes = Answer(200, std::string(9999, 'x')), .pause = milliseconds(5)}}) {
    const ScriptedServer server([&act](const std::string&, int) { return act; });
    const auto begin = steady_clock::now();
    const auto reply = Post(*ClientOf(server), milliseconds(150));
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code(), Errc::kUnavailable);
    EXPECT_LT(steady_clock::now() - begin, milliseconds(1000));
    EXPECT_GE(steady_clock::now() - begin, milliseconds(150));
  }
}

TEST_F(HttpClientTest, GoesOnAfterATimeout) {
  const ScriptedServer server([](const std::string&, int connection) {
    return connection == 1 ? Act{.hang = true} : Act{.bytes = Answer(200, "late")};
  });
  const auto client = ClientOf(server);
  EXPECT_FALSE(Post(*client, milliseconds(100)));
  EXPECT_EQ(Get(Post(*client)).body, "late");
}

TEST_F(HttpClientTest, StopsWhenTold) {
  const ScriptedServer server([](const std::string&, int) { return Act{.hang = true}; });
  const auto client = ClientOf(server);
  std::stop_source source;
  const std::jthread stopper([&source] {
    std::this_thread::sleep_for(milliseconds(50));
    source.request_stop();
  });
  const auto begin = steady_clock::now();
  EXPECT_FALSE(Post(*client, milliseconds(60'000), source.get_token()));
  EXPECT_LT(steady_clock::now() - begin, milliseconds(5000));
  EXPECT_FALSE(Post(*client, milliseconds(60'000), source.get_token()));
}

TEST_F(HttpClientTest, TellsWhyItCannotConnect) {
  auto server = std::make_unique<ScriptedServer>([](const std::string&, int) { return Act{}; });
  const auto client = ClientOf(*server);
  server.reset();
  const auto refused = Post(*client);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(), "connect: Connection refused");
}

TEST_F(HttpClientTest, TriesAllAddressesOfAHost) {
  const ScriptedServer server(
      [](const std::string&, int) { return Act{.bytes = Answer(200, "here")}; });
  HttpTarget target = TargetOf(server);
  target.host = "witness.example";
  const auto lookup = [](const std::string&,
                         std::uint16_t port) -> Result<std::vector<SocketAddress>> {
    AEGIS_ASSIGN(auto addresses, Resolver::SystemLookup("127.0.0.2", port));
    AEGIS_ASSIGN(const auto second, Resolver::SystemLookup("127.0.0.1", port));
    addresses.push_back(second.front());
    return addresses;
  };
  EXPECT_EQ(Get(Post(*Get(MakeHttpClient(target, "", Resolver(lookup))))).body, "here");
}

TEST_F(HttpClientTest, AHangingResolverHangsNobody) {
  std::stop_source release;
  const auto lookup = [token = release.get_token()](
                          const std::string&,
                          std::uint16_t port) -> Result<std::vector<SocketAddress>> {
    while (!token.stop_requested()) {
      std::this_thread::sleep_for(milliseconds(1));
    }
    return Resolver::SystemLookup("127.0.0.1", port);
  };
  const ScriptedServer server(
      [](const std::string&, int) { return Act{.bytes = Answer(200, "here")}; });
  HttpTarget target = TargetOf(server);
  target.host = "witness.example";
  const auto client = Get(MakeHttpClient(target, "", Resolver(lookup)));
  const auto begin = steady_clock::now();
  const auto late = Post(*client, milliseconds(100));
  ASSERT_FALSE(late);
  EXPECT_THAT(late.error().message(), HasSubstr("no answer in time"));
  EXPECT_LT(steady_clock::now() - begin, milliseconds(2000));
  std::stop_source stopped;
  stopped.request_stop();
  EXPECT_FALSE(Post(*client, milliseconds(60'000), stopped.get_token()));
  release.request_stop();
  EXPECT_EQ(Get(Post(*client)).body, "here");
}

TEST_F(HttpClientTest, TellsOfAHostThatIsNotThere) {
  const auto client = Get(MakeHttpClient({.host = "no-such-host.invalid", .port = 80}, ""));
  const auto reply = Post(*client);
  ASSERT_FALSE(reply);
  EXPECT_THAT(reply.error().message(), StartsWith("look up the host: "));
}

class HttpsClientTest : public HttpClientTest {
 protected:
  HttpsClientTest() {
    tls_ = true;
    ca_file_ = directory_.File("ca.pem");
    certificate_.WritePem(ca_file_);
  }
  static Act Yes(const std::string&, int connection) {
    return Act{.bytes = Answer(200, std::to_string(connection))};
  }

  TestCertificate certificate_{"DNS:localhost,IP:127.0.0.1"};
};

TEST_F(HttpsClientTest, AcceptsACertificateForItsHost) {
  const ScriptedServer server(Yes, certificate_.Context());
  EXPECT_EQ(Get(Post(*ClientOf(server))).status, 200U);
  host_ = "localhost";
  EXPECT_EQ(Get(Post(*ClientOf(server))).status, 200U);
}

TEST_F(HttpsClientTest, KeepsItsConnection) {
  const ScriptedServer server(Yes, certificate_.Context());
  const auto client = ClientOf(server);
  EXPECT_EQ(Get(Post(*client)).body, "1");
  EXPECT_EQ(Get(Post(*client)).body, "1");
}

TEST_F(HttpsClientTest, RefusesAnUnknownAuthority) {
  const ScriptedServer server(Yes, certificate_.Context());
  ca_file_.clear();
  EXPECT_THAT(ErrorOf(server), HasSubstr("the server's certificate: self-signed certificate"));
  ca_file_ = directory_.File("other.pem");
  TestCertificate("DNS:localhost,IP:127.0.0.1").WritePem(ca_file_);
  EXPECT_THAT(ErrorOf(server), StartsWith("the server's certificate: "));
}

TEST_F(HttpsClientTest, RefusesACertificateForAnotherHost) {
  const TestCertificate other("DNS:other.example,IP:127.0.0.9");
  other.WritePem(ca_file_);
  const ScriptedServer server(Yes, other.Context());
  EXPECT_THAT(ErrorOf(server),
              AnyOf(StartsWith("the server's certificate: "), StartsWith("TLS handshake: ")));
  host_ = "localhost";
  EXPECT_THAT(ErrorOf(server),
              AnyOf(StartsWith("the server's certificate: "), StartsWith("TLS handshake: ")));
}

TEST_F(HttpsClientTest, RefusesPlainTextAndOldVersions) {
  const ScriptedServer plain(Yes);
  EXPECT_FALSE(Post(*ClientOf(plain), milliseconds(200)));
  const auto context = certificate_.Context();
  SSL_CTX_set_max_proto_version(context.get(), TLS1_1_VERSION);
  const ScriptedServer old(Yes, context);
  EXPECT_THAT(ErrorOf(old), StartsWith("TLS handshake: "));
}

TEST_F(HttpsClientTest, RefusesAFileThatHoldsNoAuthority) {
  Spill(directory_.File("empty"), "");
  for (const std::string& file : {directory_.File("none"), directory_.File("empty")}) {
    const auto client = MakeHttpClient({.tls = true, .host = "localhost", .port = 1}, file);
    ASSERT_FALSE(client) << file;
    EXPECT_EQ(client.error().code(), Errc::kInvalid);
  }
}

}  // namespace
}  // namespace aegis::witness
