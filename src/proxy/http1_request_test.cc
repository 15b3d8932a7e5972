#include "proxy/http1_request.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/http1_fault.h"
#include "proxy/http1_framing.h"
#include "proxy/test_http1.h"

namespace aegis::proxy {
namespace {

using testing_support::AsBytes;

std::string Head(const std::string& line, const std::string& fields) {
  return line + "\r\n" + fields + "\r\n";
}

// A request line with a plain Host.
Http1Fault LineFault(const std::string& line) {
  const auto request = ParseHttp1Request(Head(line, "Host: a.example\r\n"));
  return request ? Http1Fault::kNone : request.error();
}

// Fields of a POST.
Http1Fault FieldFault(const std::string& fields, const std::string& version = "HTTP/1.1") {
  const auto request = ParseHttp1Request(Head("POST / " + version, fields));
  return request ? Http1Fault::kNone : request.error();
}

// Fields of a POST that has its Host.
Http1Fault WithHost(const std::string& fields, const std::string& version = "HTTP/1.1") {
  return FieldFault("Host: a.example\r\n" + fields, version);
}

Http1Request Parsed(const std::string& line, const std::string& fields = "Host: a.example\r\n") {
  const auto request = ParseHttp1Request(Head(line, fields));
  EXPECT_TRUE(request) << line;
  return request.value_or(Http1Request{});
}

TEST(Http1Request, SaysWhatIsAskedOfWhom) {
  const Http1Request request =
      Parsed("PATCH /a/b?c=/d HTTP/1.1", "host:  A.Example:8080 \r\nContent-Length: 12\r\n");
  EXPECT_EQ(request.method, "PATCH");
  EXPECT_EQ(request.target, "/a/b?c=/d");
  EXPECT_EQ(request.path, "/a/b");
  EXPECT_EQ(request.authority.host, "a.example");
  EXPECT_EQ(request.authority.port, std::uint16_t{8080});
  EXPECT_EQ(request.upgrade, "");
  EXPECT_EQ(request.framing, Http1Framing{.length = 12});
  EXPECT_FALSE(request.expects_continue);
  EXPECT_FALSE(request.last);
}

TEST(Http1Request, TargetsHaveThreeForms) {
  EXPECT_EQ(Parsed("GET http://a.example/x?y HTTP/1.1").path, "/x");
  EXPECT_EQ(Parsed("GET http://A.example HTTP/1.1").path, "/");
  EXPECT_EQ(Parsed("GET http://a.example?y HTTP/1.1").path, "/");
  EXPECT_EQ(Parsed("OPTIONS * HTTP/1.1").path, "*");
  EXPECT_EQ(Parsed("GET /{}|^`\"<>\\~ HTTP/1.1").path, "/{}|^`\"<>\\~");
  EXPECT_EQ(Parsed("GET //b/x HTTP/1.1").authority.host, "a.example");
  for (const std::string target :
       {"*", "x", "a.example:80", "https://a.example/", "HTTP://a.example/", "http:/x", "http://",
        "http:///x", "http://u@a.example/", "ftp://a.example/", "/a#b", "/a b", "/\x80", "/\t",
        "?x", "/\x7f", ""}) {
    EXPECT_EQ(LineFault("GET " + target + " HTTP/1.1"), Http1Fault::kTarget) << target;
  }
}

TEST(Http1Request, AnAbsoluteTargetIsOfTheSameHost) {
  EXPECT_EQ(LineFault("GET http://a.example/ HTTP/1.1"), Http1Fault::kNone);
  for (const std::string target :
       {"http://b.example/", "http://a.example:80/", "http://b?a.example", "http://a.example.b/"}) {
    EXPECT_EQ(LineFault("GET " + target + " HTTP/1.1"), Http1Fault::kTargetIsNotHost) << target;
  }
}

TEST(Http1Request, LinesHaveThreeParts) {
  EXPECT_EQ(LineFault("GET / HTTP/1.1"), Http1Fault::kNone);
  EXPECT_EQ(LineFault("M-SEARCH / HTTP/1.0"), Http1Fault::kNone);
  for (const std::string line : {"", "GET", "GET /"}) {
    EXPECT_EQ(LineFault(line), Http1Fault::kRequestLine) << line;
  }
  for (const std::string line : {"GET  / HTTP/1.1", "GET /  HTTP/1.1", "GET / x HTTP/1.1"}) {
    EXPECT_EQ(LineFault(line), Http1Fault::kTarget) << line;
  }
  for (const std::string line :
       {"GET / HTTP/1.1 ", "GET / HTTP/1.2", "GET / HTTP/0.9", "GET / http/1.1", "GET / HTTP/1.01",
        "GET / HTTP/11", "GET / b c", "GET / HTTP/3", "GET / HTTP/1.1\tx"}) {
    EXPECT_EQ(LineFault(line), Http1Fault::kVersion) << line;
  }
  for (const std::string line : {" GET / HTTP/1.1", "G\"T / HTTP/1.1", "G:T / HTTP/1.1",
                                 "\tGET / HTTP/1.1", "SSH-2 / HTTP/1.1", "Head / HTTP/1.1"}) {
    EXPECT_EQ(LineFault(line), Http1Fault::kMethod) << line;
  }
  EXPECT_EQ(LineFault(std::string(32, 'A') + " / HTTP/1.1"), Http1Fault::kNone);
  EXPECT_EQ(LineFault(std::string(33, 'A') + " / HTTP/1.1"), Http1Fault::kMethod);
}

TEST(Http1Request, OtherProtocolsAreRefused) {
  EXPECT_EQ(LineFault("CONNECT a.example:443 HTTP/1.1"), Http1Fault::kConnect);
  EXPECT_EQ(LineFault("connect / HTTP/1.1"), Http1Fault::kConnect);
  EXPECT_EQ(LineFault("PRI * HTTP/2.0"), Http1Fault::kHttp2);
  EXPECT_EQ(LineFault("GET / HTTP/2.0"), Http1Fault::kHttp2);
}

TEST(Http1Request, HasOneHost) {
  EXPECT_EQ(FieldFault("Host: a\r\n"), Http1Fault::kNone);
  EXPECT_EQ(FieldFault("Host: a\r\n", "HTTP/1.0"), Http1Fault::kNone);
  EXPECT_EQ(FieldFault(""), Http1Fault::kHostMissing);
  EXPECT_EQ(FieldFault("", "HTTP/1.0"), Http1Fault::kHostMissing);
  EXPECT_EQ(FieldFault("Host: a\r\nHOST: a\r\n"), Http1Fault::kHostRepeated);
  EXPECT_EQ(FieldFault("Host: a\r\nX: y\r\nhost: b\r\n"), Http1Fault::kHostRepeated);
  for (const std::string host : {"", "a, b", "u@a", "a%62", "a.", "127.1", "\ta", "a\t"}) {
    EXPECT_EQ(FieldFault("Host: " + host + "\r\n"), Http1Fault::kHost) << host;
  }
}

TEST(Http1Request, FieldsArePlain) {
  EXPECT_EQ(WithHost("X: y\r\n"), Http1Fault::kNone);
  EXPECT_EQ(WithHost("Content-Length : 5\r\n"), Http1Fault::kFieldName);
  EXPECT_EQ(WithHost("X: y\r\n z\r\n"), Http1Fault::kFolded);
  EXPECT_EQ(WithHost("X: y\r\n\tTransfer-Encoding: chunked\r\n"), Http1Fault::kFolded);
  EXPECT_EQ(WithHost("no field\r\n"), Http1Fault::kFieldName);
}

TEST(Http1Request, LengthIsOnePlainNumber) {
  for (const std::string length : {"0", "5", "999999999999999999"}) {
    EXPECT_EQ(WithHost("Content-Length: " + length + "\r\n"), Http1Fault::kNone) << length;
    EXPECT_EQ(WithHost("Content-Length: " + length + "\r\n", "HTTP/1.0"), Http1Fault::kNone);
  }
  for (const std::string length : {"", "+5", "-5", "-0", "0x5", "5 5", "5,5", "5, 5", "5.0", "5;",
                                   "05", "00", "5a", "\t5", "5\t", "1000000000000000000"}) {
    EXPECT_EQ(WithHost("Content-Length: " + length + "\r\n"), Http1Fault::kLength) << length;
  }
  EXPECT_EQ(WithHost("Content-Length: 5\r\ncontent-length: 5\r\n"), Http1Fault::kLengthRepeated);
  EXPECT_EQ(WithHost("Content-Length: 5\r\nContent-Length: 6\r\n"), Http1Fault::kLengthRepeated);
}

TEST(Http1Request, EncodingIsChunkedAndNothingElse) {
  const std::string field = "Transfer-Encoding: ";
  EXPECT_EQ(Parsed("GET / HTTP/1.1", "Host: a\r\nTransfer-Encoding: chunked\r\n").framing,
            Http1Framing{.kind = Http1Framing::Kind::kChunked});
  for (const std::string encoding :
       {"xchunked", "chunked, chunked", "gzip, chunked", "chunked, gzip", "identity", "Chunked", "",
        "\tchunked", "chunked\t", "chunked;x", "\"chunked\"", "chunked,", "x chunked"}) {
    EXPECT_EQ(WithHost(field + encoding + "\r\n"), Http1Fault::kTransferEncoding) << encoding;
  }
  EXPECT_EQ(WithHost(field + "chunked\r\n" + field + "chunked\r\n"), Http1Fault::kTransferEncoding);
  EXPECT_EQ(WithHost(field + "chunked\r\n", "HTTP/1.0"), Http1Fault::kTransferEncoding);
  EXPECT_EQ(WithHost("Content-Length: 5\r\n" + field + "chunked\r\n"),
            Http1Fault::kLengthAndEncoding);
  EXPECT_EQ(WithHost(field + "chunked\r\nContent-Length: 5\r\n"), Http1Fault::kLengthAndEncoding);
}

TEST(Http1Request, SaysWhetherItIsTheLast) {
  const auto last = [](const std::string& version, const std::string& fields) {
    return Parsed("GET / " + version, "Host: a\r\n" + fields).last;
  };
  EXPECT_FALSE(last("HTTP/1.1", ""));
  EXPECT_FALSE(last("HTTP/1.1", "Connection: keep-alive\r\n"));
  EXPECT_TRUE(last("HTTP/1.1", "Connection: Close\r\n"));
  EXPECT_TRUE(last("HTTP/1.1", "Connection: keep-alive\r\nConnection: x,\tclose\r\n"));
  EXPECT_TRUE(last("HTTP/1.0", ""));
  EXPECT_FALSE(last("HTTP/1.0", "Connection: Keep-Alive\r\n"));
  EXPECT_TRUE(last("HTTP/1.0", "Connection: keep-alive, close\r\n"));
}

TEST(Http1Request, ConnectionHidesNothing) {
  EXPECT_EQ(WithHost("Connection: te, x-own\r\n"), Http1Fault::kNone);
  for (const std::string option : {"host", "Content-Length", "close, transfer-encoding"}) {
    EXPECT_EQ(WithHost("Connection: " + option + "\r\n"), Http1Fault::kConnection) << option;
  }
}

TEST(Http1Request, UpgradesToWhatCarriesNoRequests) {
  EXPECT_EQ(Parsed("GET / HTTP/1.1", "Host: a\r\nUpgrade: websocket\r\n").upgrade, "websocket");
  EXPECT_EQ(WithHost("Upgrade: tcp, foo/1\r\n"), Http1Fault::kNone);
  for (const std::string upgrade : {"h2c", "H2C", "websocket, h2c", "HTTP/2.0", "TLS/1.0", "h2", "",
                                    "websocket,", ",websocket"}) {
    EXPECT_EQ(WithHost("Upgrade: " + upgrade + "\r\n"), Http1Fault::kUpgrade) << upgrade;
  }
  EXPECT_EQ(WithHost("Upgrade: websocket\r\nUpgrade: h2c\r\n"), Http1Fault::kUpgrade);
  EXPECT_EQ(WithHost("Upgrade: websocket\r\n", "HTTP/1.0"), Http1Fault::kUpgrade);
}

TEST(Http1Request, ExpectsNothingButContinue) {
  const std::string expect = "Host: a\r\nExpect: 100-Continue\r\n";
  EXPECT_TRUE(Parsed("PUT / HTTP/1.1", expect + "Content-Length: 1\r\n").expects_continue);
  EXPECT_TRUE(Parsed("PUT / HTTP/1.1", expect + "Transfer-Encoding: chunked\r\n").expects_continue);
  EXPECT_FALSE(Parsed("PUT / HTTP/1.1", expect + "Content-Length: 0\r\n").expects_continue);
  EXPECT_FALSE(Parsed("PUT / HTTP/1.1", expect).expects_continue);
  for (const std::string other :
       {"", "100", "100-continue, x", "100-continue\t", "y 100-continue"}) {
    EXPECT_EQ(WithHost("Expect: " + other + "\r\n"), Http1Fault::kExpect) << other;
  }
  EXPECT_EQ(WithHost("Expect: 100-continue\r\nExpect: 100-continue\r\n"), Http1Fault::kExpect);
  EXPECT_EQ(WithHost("Expect: 100-continue\r\n", "HTTP/1.0"), Http1Fault::kExpect);
}

TEST(Http1Look, TellsHttpFromOthers) {
  for (const std::string_view bytes :
       {"GET ", "GET / HTTP/1.1\r\n", "M-SEARCH *", "PRI * HTTP/2.0"}) {
    EXPECT_EQ(LooksLikeHttp1(AsBytes(bytes)), Http1Look::kYes) << bytes;
  }
  for (const std::string_view bytes : {"", "G", "GET", "SSH"}) {
    EXPECT_EQ(LooksLikeHttp1(AsBytes(bytes)), Http1Look::kNeedsMore) << bytes;
  }
  for (const std::string_view bytes :
       {"\x16\x03\x01", "SSH-2.0-x y", " GET", "\r\n", "GET\r", "GET\t/", "{", "\x80"}) {
    EXPECT_EQ(LooksLikeHttp1(AsBytes(bytes)), Http1Look::kNo) << bytes;
  }
  EXPECT_EQ(LooksLikeHttp1(AsBytes(std::string(32, 'A'))), Http1Look::kNeedsMore);
  EXPECT_EQ(LooksLikeHttp1(AsBytes(std::string(32, 'A') + " ")), Http1Look::kYes);
  EXPECT_EQ(LooksLikeHttp1(AsBytes(std::string(33, 'A'))), Http1Look::kNo);
}

}  // namespace
}  // namespace aegis::proxy
