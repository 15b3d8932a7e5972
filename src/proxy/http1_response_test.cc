#include "proxy/http1_response.h"

#include <gtest/gtest.h>

#include <string>

#include "proxy/http1_fault.h"
#include "proxy/http1_framing.h"

namespace aegis::proxy {
namespace {

using Kind = Http1Framing::Kind;

Http1Response Parsed(const std::string& head, const std::string& method = "GET") {
  const auto response = ParseHttp1Response(head + "\r\n", method);
  EXPECT_TRUE(response) << head;
  return response.value_or(Http1Response{});
}

Http1Fault Fault(const std::string& head) {
  const auto response = ParseHttp1Response(head + "\r\n", "GET");
  return response ? Http1Fault::kNone : response.error();
}

TEST(Http1Response, LinesHaveAStatus) {
  EXPECT_EQ(Parsed("HTTP/1.1 200 OK\r\n").status, 200);
  EXPECT_EQ(Parsed("HTTP/1.1 404 Not \xc3\xbc Found\r\n").status, 404);
  EXPECT_EQ(Parsed("HTTP/1.0 999 \r\n").status, 999);
  EXPECT_EQ(Parsed("HTTP/1.1 200\r\n").status, 200);
  for (const std::string line :
       {"HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 20", "HTTP/1.1 2000", "HTTP/1.1  200", "HTTP/1.1 099 x",
        "HTTP/1.1 2x0", "HTTP/1.1 +20", "HTTP/1.1 200\tx"}) {
    EXPECT_EQ(Fault(line + "\r\n"), Http1Fault::kStatusLine) << line;
  }
  for (const std::string line :
       {"", "ICY 200 OK", "HTTP/1.2 200 OK", "http/1.1 200 OK", " HTTP/1.1 200"}) {
    EXPECT_EQ(Fault(line + "\r\n"), Http1Fault::kVersion) << line;
  }
  EXPECT_EQ(Fault("HTTP/2.0 200 OK\r\n"), Http1Fault::kHttp2);
}

TEST(Http1Response, BodiesAreFramed) {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  EXPECT_EQ(Parsed(ok + "Content-Length: 7\r\n").framing, Http1Framing{.length = 7});
  EXPECT_FALSE(Parsed(ok + "Content-Length: 7\r\n").last);
  EXPECT_EQ(Parsed(ok + "Transfer-Encoding: Chunked\r\n").framing,
            Http1Framing{.kind = Kind::kChunked});
  EXPECT_EQ(Parsed(ok).framing, Http1Framing{.kind = Kind::kUntilClose});
  EXPECT_TRUE(Parsed(ok).last);
}

TEST(Http1Response, SomeHaveNoBody) {
  for (const std::string fields : {"", "Content-Length: 7\r\n", "Transfer-Encoding: chunked\r\n"}) {
    EXPECT_EQ(Parsed("HTTP/1.1 304 Same\r\n" + fields).framing, Http1Framing{}) << fields;
    EXPECT_EQ(Parsed("HTTP/1.1 200 OK\r\n" + fields, "HEAD").framing, Http1Framing{}) << fields;
    EXPECT_FALSE(Parsed("HTTP/1.1 200 OK\r\n" + fields, "HEAD").last) << fields;
  }
  for (const std::string line :
       {"HTTP/1.1 100 Go\r\n", "HTTP/1.1 103 Early\r\n", "HTTP/1.1 204 No\r\n"}) {
    EXPECT_EQ(Parsed(line).framing, Http1Framing{}) << line;
    EXPECT_EQ(Parsed(line + "Content-Length: 0\r\n").framing, Http1Framing{}) << line;
    EXPECT_EQ(Fault(line + "Content-Length: 1\r\n"), Http1Fault::kBodyOfNone) << line;
    EXPECT_EQ(Fault(line + "Transfer-Encoding: chunked\r\n"), Http1Fault::kBodyOfNone) << line;
  }
}

TEST(Http1Response, AmbiguousFramingIsRefused) {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  EXPECT_EQ(Fault(ok + "Content-Length: 7\r\nTransfer-Encoding: chunked\r\n"),
            Http1Fault::kLengthAndEncoding);
  EXPECT_EQ(Fault(ok + "Content-Length: 7\r\nContent-Length: 7\r\n"), Http1Fault::kLengthRepeated);
  EXPECT_EQ(Fault(ok + "Content-Length: 7,7\r\n"), Http1Fault::kLength);
  EXPECT_EQ(Fault(ok + "Transfer-Encoding: gzip, chunked\r\n"), Http1Fault::kTransferEncoding);
  EXPECT_EQ(Fault("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n"),
            Http1Fault::kTransferEncoding);
  EXPECT_EQ(Fault(ok + "X : y\r\n"), Http1Fault::kFieldName);
  EXPECT_EQ(Fault(ok + "X: y\r\n z\r\n"), Http1Fault::kFolded);
}

TEST(Http1Response, SaysWhetherItIsTheLast) {
  const std::string length = "Content-Length: 0\r\n";
  EXPECT_TRUE(Parsed("HTTP/1.1 200 OK\r\nConnection: close\r\n" + length).last);
  EXPECT_TRUE(Parsed("HTTP/1.0 200 OK\r\n" + length).last);
  EXPECT_FALSE(Parsed("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + length).last);
}

}  // namespace
}  // namespace aegis::proxy
