#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "proxy/http1_fault.h"
#include "proxy/http1_relay.h"
#include "proxy/test_http1.h"

// How the bytes of a connection are cut into pieces makes no difference.
namespace aegis::proxy {
namespace {

using testing_support::AsBytes;
using testing_support::Http1Connection;
using testing_support::Http1Trace;

struct Streams {
  std::string_view client;
  std::string_view server;
};

constexpr Streams kStreams[] = {
    {"GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n",
     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"},
    {"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
     "3\r\nabc\r\n0\r\nX: y\r\n\r\nGET /b HTTP/1.1\r\nHost: b\r\n\r\n",
     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\nHTTP/1.1 200\r\n"
     "Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\n\r\n"},
    {"GET /w HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nGET \nx",
     "HTTP/1.1 101 Now\r\nUpgrade: websocket\r\n\r\n\r\n\nanything"},
    {"GET /w HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\nGET /n HTTP/1.1\r\nHost: b\r\n\r\n",
     "HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\nHTTP/1.1 304 Same\r\nContent-Length: 9\r\n\r\n"},
    {"PUT /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabcGET",
     "HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 200 OK\r\nConnection: close\r\n\r\nrest until close"},
    {"GET / HTTP/1.0\r\nHost: a\r\n\r\ndropped", "HTTP/1.0 200 OK\r\n\r\nrest"},
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost : b\r\n\r\n", "HTTP/1.1 200 OK\r\n"},
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n\r\n", ""},
    {"GET / HTTP/1.1\r\nHost: a\n\n", ""},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde0\r\n\r\n", ""},
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
     "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n\r\n"},
};

Http1Trace Whole(const Streams& streams) {
  return Http1Connection(streams.client, streams.server, std::string::npos / 2).RunInTurns();
}

TEST(Http1Split, PiecesOfOneSizeMakeNoDifference) {
  for (const Streams& streams : kStreams) {
    for (std::size_t piece = 1; piece < 40; ++piece) {
      EXPECT_EQ(Http1Connection(streams.client, streams.server, piece).RunInTurns(), Whole(streams))
          << streams.client << "\npiece " << piece;
    }
  }
}

// Steps of one direction when the bytes up to `cut` come first.
template <typename Ask>
std::size_t Passed(std::string_view stream, std::size_t cut, const Ask& ask) {
  std::size_t passed = 0;
  for (const std::size_t arrived : {cut, stream.size()}) {
    for (;;) {
      const Http1Step step = ask(stream.substr(passed, arrived - passed));
      if (step.action != Http1Action::kPass && step.action != Http1Action::kJudge) {
        break;
      }
      passed += step.action == Http1Action::kPass ? step.bytes : 0;
    }
  }
  return passed;
}

TEST(Http1Split, NorDoesAnySplitInTwo) {
  for (const Streams& streams : kStreams) {
    std::size_t expected = std::string::npos;
    Http1Fault fault = Http1Fault::kNone;
    for (std::size_t cut = 0; cut <= streams.client.size(); ++cut) {
      Http1Relay relay;
      const std::size_t passed = Passed(streams.client, cut, [&relay](std::string_view bytes) {
        const Http1Step step = relay.FromClient(AsBytes(bytes));
        relay.Permit();
        return step;
      });
      if (cut == 0) {
        expected = passed;
        fault = relay.FromClient({}).fault;
      }
      EXPECT_EQ(passed, expected) << streams.client << "\ncut at " << cut;
      EXPECT_EQ(relay.FromClient({}).fault, fault) << streams.client << "\ncut at " << cut;
    }
  }
}

TEST(Http1Split, NothingPassesAfterARefusal) {
  const Http1Trace trace = Whole(kStreams[6]);
  EXPECT_EQ(trace.judged.size(), 1);
  EXPECT_EQ(trace.client_passed, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(trace.server_passed, "");
  EXPECT_EQ(trace.fault, Http1Fault::kFieldName);
}

}  // namespace
}  // namespace aegis::proxy
