#include "proxy/http_connect.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "proxy/bytes.h"
#include "proxy/host_port.h"
#include "proxy/parsed.h"
#include "proxy/test_addresses.h"
#include "proxy/test_parsed.h"

namespace aegis::proxy {
namespace {

using testing_support::Address;
using testing_support::BytesOf;
using testing_support::IsSteady;

// The request with these lines between the first and the empty one.
std::string Request(std::string_view authority, std::string_view fields = "") {
  std::string text = "CONNECT ";
  text += authority;
  text += " HTTP/1.1\r\n";
  text += fields;
  return text + "\r\n";
}

HostPort Target(std::string_view text) {
  const Bytes bytes = BytesOf(text);
  const auto parsed = ParseConnectRequest(bytes);
  const auto* request = std::get_if<ConnectRequest>(&parsed);
  EXPECT_NE(request, nullptr) << text << testing_support::ReasonOf(parsed);
  EXPECT_TRUE(IsSteady(bytes, ParseConnectRequest)) << text;
  EXPECT_TRUE(request == nullptr || request->size == bytes.size());
  return request == nullptr ? HostPort{} : request->target;
}

Refused Refusal(std::string_view text) {
  const Bytes bytes = BytesOf(text);
  const auto parsed = ParseConnectRequest(bytes);
  const auto* refused = std::get_if<Refused>(&parsed);
  EXPECT_NE(refused, nullptr) << text;
  EXPECT_TRUE(IsSteady(bytes, ParseConnectRequest)) << text;
  return refused == nullptr ? Refused{} : *refused;
}

std::string_view Reason(std::string_view text) {
  const Refused refused = Refusal(text);
  EXPECT_EQ(refused.reply, BuildConnectReply(ConnectReply::kBadRequest)) << text;
  return refused.reason;
}

TEST(ConnectRequest, OfRealProgramsIsRead) {
  const HostPort target{.name = "api.example.com", .port = 443};
  for (const std::string_view text :
       {"CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n"
        "User-Agent: curl/7.88.1\r\nProxy-Connection: Keep-Alive\r\n\r\n",
        "CONNECT api.example.com:443 HTTP/1.0\r\nProxy-Connection: Keep-Alive\r\n\r\n",
        "CONNECT api.example.com:443 HTTP/1.0\r\n\r\n",
        "CONNECT api.example.com:443 HTTP/1.1\r\nUser-Agent: Wget/1.21.3\r\n"
        "Host: api.example.com:443\r\n\r\n"}) {
    EXPECT_EQ(Target(text), target);
  }
}

TEST(ConnectRequest, EveryPrefixNeedsMoreAndWhatFollowsIsTheTargets) {
  const std::string text = Request("a.example:443", "Host: a.example:443\r\n");
  const Bytes bytes = BytesOf(text + "\x16\n");
  for (std::size_t size = 0; size < text.size(); ++size) {
    const auto parsed = ParseConnectRequest(std::span(bytes).first(size));
    EXPECT_TRUE(std::holds_alternative<NeedMore>(parsed)) << size;
  }
  const auto parsed = ParseConnectRequest(bytes);
  EXPECT_EQ(std::get<ConnectRequest>(parsed).size, text.size());
  EXPECT_TRUE(IsSteady(bytes, ParseConnectRequest));
}

TEST(ConnectRequest, TargetsHaveOneForm) {
  EXPECT_EQ(Target(Request("WWW.Example.com.:8443")),
            (HostPort{.name = "www.example.com", .port = 8443}));
  EXPECT_EQ(Target(Request("192.0.2.1:1")), (HostPort{.address = Address("192.0.2.1"), .port = 1}));
  EXPECT_EQ(Target(Request("[2001:db8::1]:65535")),
            (HostPort{.address = Address("2001:db8::1"), .port = 65535}));
  EXPECT_EQ(Target(Request("[::ffff:127.0.0.1]:80")),
            (HostPort{.address = Address("127.0.0.1"), .port = 80}));
}

TEST(ConnectRequest, OtherTargetsAreRefused) {
  for (const std::string_view authority : {"a.example",
                                           "a.example:",
                                           "a.example:0",
                                           "a.example:0443",
                                           "a.example:65536",
                                           "a.example:-1",
                                           "a.example:+1",
                                           "a.example:1x",
                                           "a.example:1:2",
                                           ":443",
                                           "::1:443",
                                           "2001:db8::1:443",
                                           "[::1]",
                                           "[::1]443",
                                           "[::1:443",
                                           "[a.example]:443",
                                           "[127.0.0.1]:443",
                                           "[fe80::1%lo]:443",
                                           "user@a.example:443",
                                           "http://a.example:443",
                                           "a.example:443/",
                                           "a%2eexample:443",
                                           "127.1:443",
                                           "0x7f000001:443",
                                           "a_b..c:443",
                                           "*:443",
                                           "/"}) {
    EXPECT_EQ(Reason(Request(authority)), "CONNECT to something else than HOST:PORT") << authority;
  }
}

TEST(ConnectRequest, TheRequestLineHasOneForm) {
  for (const std::string_view line :
       {"", "CONNECT", "CONNECT a.example:443", "CONNECT  a.example:443 HTTP/1.1",
        "CONNECT a.example:443  HTTP/1.1", "CONNECT a.example:443 HTTP/1.1 ",
        " CONNECT a.example:443 HTTP/1.1", "CONNECT a.example:443 HTTP/2.0",
        "CONNECT a.example:443 http/1.1", "CONNECT a.example:443 b.example:443 HTTP/1.1",
        "CON(NECT a.example:443 HTTP/1.1", "PRI * HTTP/2.0"}) {
    EXPECT_EQ(Reason(std::string(line) + "\r\n\r\n"), "malformed request line") << line;
  }
}

TEST(ConnectRequest, OtherMethodsAreNotAllowed) {
  for (const std::string_view line :
       {"GET http://a.example/ HTTP/1.1", "connect a.example:443 HTTP/1.1", "OPTIONS * HTTP/1.0"}) {
    const Refused refused = Refusal(std::string(line) + "\r\n\r\n");
    EXPECT_EQ(refused.reason, "another method than CONNECT");
    EXPECT_EQ(refused.reply, BuildConnectReply(ConnectReply::kMethodNotAllowed));
  }
}

TEST(ConnectRequest, LinesEndInCrlf) {
  for (const std::string_view text :
       {"CONNECT a.example:443 HTTP/1.1\n\n", "CONNECT a.example:443 HTTP/1.1\r\n\n",
        "CONNECT a.example:443 HTTP/1.1\r\r\n", "CONNECT a.example:443 HTTP/1.1\r\nX: a\rb\r\n\r\n",
        "\n", "\rx"}) {
    EXPECT_EQ(Reason(text), "a line that does not end in CRLF") << text;
  }
}

TEST(ConnectRequest, BytesArePrintableAscii) {
  EXPECT_EQ(Target(Request("a.example:443", "X: ~ !\r\n")).name, "a.example");
  for (const char byte : {'\0', '\t', '\x1b', '\x7f', '\x80', '\xff'}) {
    const std::string field = std::string("X: a") + byte + "\r\n";
    EXPECT_EQ(Reason(Request("a.example:443", field)), "a byte that is not printable ASCII");
  }
  EXPECT_EQ(Reason("\x16\x03\x01"), "a byte that is not printable ASCII");
}

TEST(ConnectRequest, FieldsAreStrict) {
  EXPECT_EQ(Target(Request("a.example:443", "X:\r\nY:  b  \r\n!#$%&'*+-.^_`|~09aZ: c\r\n")).port,
            443);
  for (const std::string_view fields :
       {"X\r\n", ": a\r\n", "X : a\r\n", " X: a\r\n", "X: a\r\n b\r\n", "X(: a\r\n"}) {
    EXPECT_EQ(Reason(Request("a.example:443", fields)), "malformed header field") << fields;
  }
}

TEST(ConnectRequest, HasNoBody) {
  for (const std::string_view fields :
       {"Content-Length: 0\r\n", "content-length:1\r\n", "Transfer-Encoding: chunked\r\n",
        "X: a\r\nTRANSFER-ENCODING: identity\r\n"}) {
    EXPECT_EQ(Reason(Request("a.example:443", fields)), "CONNECT with a body") << fields;
  }
}

TEST(ConnectRequest, HostAgrees) {
  for (const std::string_view fields :
       {"Host: a.example:443\r\n", "HOST:A.Example.\r\n", "host:   a.example  \r\n"}) {
    EXPECT_EQ(Target(Request("a.example:443", fields)).name, "a.example") << fields;
  }
  EXPECT_EQ(Target(Request("[::1]:443", "Host: [0::1]\r\n")).port, 443);
  for (const std::string_view fields :
       {"Host: b.example:443\r\n", "Host: a.example:80\r\n", "Host:\r\n", "Host: a.example:\r\n",
        "Host: a.example, a.example\r\n", "Host: a.example\r\nHost: a.example\r\n"}) {
    EXPECT_EQ(Reason(Request("a.example:443", fields)), "a Host that is not the one of CONNECT")
        << fields;
  }
}

TEST(ConnectRequest, HasALimit) {
  const std::size_t rest = Request("a.example:443", "X: \r\n").size();
  const auto sized = [rest](std::size_t size) {
    return Request("a.example:443", "X: " + std::string(size - rest, 'a') + "\r\n");
  };
  EXPECT_EQ(Target(sized(kMostConnectBytes)).port, 443);
  EXPECT_EQ(Reason(sized(kMostConnectBytes + 1)), "request head too long");
  EXPECT_EQ(Reason(sized(kMostConnectBytes * 2)), "request head too long");
  const Bytes open(kMostConnectBytes - 1, 'a');
  EXPECT_TRUE(std::holds_alternative<NeedMore>(ParseConnectRequest(open)));
}

TEST(ConnectReply, IsWhatClientsRead) {
  const auto text = [](ConnectReply reply) {
    const Bytes bytes = BuildConnectReply(reply);
    return std::string(bytes.begin(), bytes.end());
  };
  EXPECT_EQ(text(ConnectReply::kEstablished), "HTTP/1.1 200 Connection established\r\n\r\n");
  EXPECT_EQ(text(ConnectReply::kMethodNotAllowed),
            "HTTP/1.1 405 Method Not Allowed\r\nAllow: CONNECT\r\nContent-Type: text/plain\r\n"
            "Content-Length: 34\r\nConnection: close\r\n\r\nThis is a proxy for CONNECT only.\n");
  EXPECT_TRUE(text(ConnectReply::kBadRequest).starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(text(ConnectReply::kForbidden).starts_with("HTTP/1.1 403 "));
  EXPECT_TRUE(text(ConnectReply::kBadGateway).starts_with("HTTP/1.1 502 "));
}

}  // namespace
}  // namespace aegis::proxy
