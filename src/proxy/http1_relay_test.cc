#include "proxy/http1_relay.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/http1_fault.h"
#include "proxy/http1_lines.h"
#include "proxy/test_http1.h"

namespace aegis::proxy {
namespace {

using testing_support::AsBytes;
using testing_support::Http1Connection;
using testing_support::Http1Trace;
using Requests = std::vector<std::string>;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view kEmpty = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
constexpr std::string_view kWebSocket =
    "GET /w HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
constexpr std::string_view kSwitch = "HTTP/1.1 101 Now\r\nUpgrade: websocket\r\n\r\n";
constexpr std::string_view kExpecting =
    "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";

constexpr Http1Step kNeedMore{};
constexpr Http1Step kWaits{.action = Http1Action::kWait};
constexpr Http1Step kEnds{.action = Http1Action::kEnded};

Http1Step Passes(std::size_t bytes) { return {.action = Http1Action::kPass, .bytes = bytes}; }
Http1Step Judges(std::size_t bytes) { return {.action = Http1Action::kJudge, .bytes = bytes}; }
Http1Step Refuses(Http1Fault fault) {
  return {.action = Http1Action::kRefused, .bytes = 0, .fault = fault};
}

std::string Joined(std::string_view first, std::string_view second) {
  return std::string(first) + std::string(second);
}

Http1Step Client(Http1Relay& relay, std::string_view bytes) {
  return relay.FromClient(AsBytes(bytes));
}
Http1Step Server(Http1Relay& relay, std::string_view bytes) {
  return relay.FromServer(AsBytes(bytes));
}

// Passes a head.
void Send(Http1Relay& relay, std::string_view head) {
  ASSERT_EQ(Client(relay, head), Judges(head.size()));
  relay.Permit();
  ASSERT_EQ(Client(relay, head), Passes(head.size()));
}

Http1Trace Relayed(std::string_view client, std::string_view server = "") {
  return Http1Connection(client, server, client.size() + server.size() + 1).RunInTurns();
}

TEST(Http1Relay, JudgesBeforeAByteIsPassed) {
  Http1Relay relay;
  const std::string two = Joined(kGet, kGet);
  EXPECT_EQ(Client(relay, kGet.substr(0, 20)), kNeedMore);
  EXPECT_EQ(Client(relay, two), Judges(kGet.size()));
  EXPECT_EQ(Client(relay, two), Judges(kGet.size()));
  EXPECT_EQ(relay.request().authority.host, "a");
  relay.Permit();
  EXPECT_EQ(Client(relay, two), Passes(kGet.size()));
  EXPECT_EQ(Client(relay, kGet), Judges(kGet.size()));
}

TEST(Http1Relay, PermitsOneRequestAtATime) {
  Http1Relay relay;
  relay.Permit();
  EXPECT_EQ(Client(relay, kGet), Judges(kGet.size()));
  relay.Permit();
  relay.Permit();
  EXPECT_EQ(Client(relay, kGet), Passes(kGet.size()));
  EXPECT_EQ(Client(relay, kGet), Judges(kGet.size()));
}

TEST(Http1Relay, SeesEachPipelinedRequest) {
  const std::string client =
      "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 28\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n\n"
      "POST /2 HTTP/1.1\r\nHost: b:8\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nGET\r\n0\r\n\r\n"
      "GET /3 HTTP/1.1\r\nHost: c\r\n\r\n";
  const Http1Trace trace = Relayed(client, Joined(kEmpty, kEmpty));
  EXPECT_EQ(trace.judged, (Requests{"POST a /1", "POST b:8 /2", "GET c /3"}));
  EXPECT_EQ(trace.client_passed, client);
  EXPECT_EQ(trace.server_passed, Joined(kEmpty, kEmpty));
  EXPECT_EQ(trace.fault, Http1Fault::kNone);
}

TEST(Http1Relay, BoundsWhatIsOutstanding) {
  std::string client;
  for (std::size_t i = 0; i < kMostHttp1Exchanges + 1; ++i) {
    client += kGet;
  }
  const Http1Trace held = Relayed(client);
  EXPECT_EQ(held.judged.size(), kMostHttp1Exchanges);
  EXPECT_EQ(held.client, Http1Action::kWait);
  const Http1Trace released = Relayed(client, kEmpty);
  EXPECT_EQ(released.judged.size(), kMostHttp1Exchanges + 1);
  EXPECT_EQ(released.client_passed, client);
}

TEST(Http1Relay, SmugglingEndsInARefusal) {
  const std::string after = "0\r\n\r\nGET /x HTTP/1.1\r\nHost: x\r\n\r\n";
  for (const std::string_view fields :
       {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding : chunked\r\n", "X: y\r\n Transfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nContent-Length: 34\r\n", "X: y\nContent-Length: 5\r\n",
        "X: y\rContent-Length: 5\r\n", "Host: b\r\n", "Transfer-Encoding:\vchunked\r\n"}) {
    const Http1Trace trace =
        Relayed("POST / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n" + after);
    EXPECT_NE(trace.fault, Http1Fault::kNone) << fields;
    EXPECT_EQ(trace.client_passed, "") << fields;
    EXPECT_TRUE(trace.judged.empty()) << fields;
  }
}

TEST(Http1Relay, ARefusalEndsBothDirections) {
  Http1Relay relay;
  Send(relay, kGet);
  EXPECT_EQ(Client(relay, "\n"), Refuses(Http1Fault::kBareLineFeed));
  EXPECT_EQ(Client(relay, kGet), Refuses(Http1Fault::kBareLineFeed));
  EXPECT_EQ(Server(relay, kEmpty), Refuses(Http1Fault::kBareLineFeed));
  relay.Permit();
  EXPECT_EQ(Client(relay, ""), Refuses(Http1Fault::kBareLineFeed));
  EXPECT_EQ(Text(Http1Fault::kBareLineFeed), "a line feed without a carriage return");
}

TEST(Http1Relay, EachFaultHasItsText) {
  for (auto fault = Http1Fault::kNone; fault <= Http1Fault::kNoUpgrade;
       fault = static_cast<Http1Fault>(static_cast<int>(fault) + 1)) {
    EXPECT_NE(Text(fault), "unknown") << static_cast<int>(fault);
  }
}

TEST(Http1Relay, HeadsAreBounded) {
  const std::string line = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  const std::string fits =
      line + std::string(kLongestHttp1Head - line.size() - 4, 'x') + "\r\n\r\n";
  EXPECT_EQ(Relayed(fits).client_passed, fits);
  EXPECT_EQ(Relayed(line + "x" + fits.substr(line.size())).fault, Http1Fault::kTooLong);
}

TEST(Http1Relay, FollowsResponses) {
  const std::string client = Joined(Joined(kGet, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"), kGet) +
                             std::string(kGet) + std::string(kGet);
  const std::string server =
      "HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
      "2\r\n\r\nab"
      "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"
      "HTTP/1.1 204 No\r\n\r\n"
      "HTTP/1.1 304 Same\r\nContent-Length: 7\r\n\r\n"
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x\r\na\r\n0\r\n\r\n";
  const Http1Trace trace = Relayed(client, server);
  EXPECT_EQ(trace.server_passed, server);
  EXPECT_EQ(trace.server, Http1Action::kNeedMore);
  EXPECT_EQ(Relayed(client, server + "H").fault, Http1Fault::kNotAsked);
}

TEST(Http1Relay, NobodyAnswersWithoutARequest) {
  Http1Relay relay;
  EXPECT_EQ(Server(relay, ""), kNeedMore);
  EXPECT_EQ(Client(relay, kGet), Judges(kGet.size()));
  relay.Permit();
  EXPECT_EQ(Client(relay, kGet.substr(0, 5)), Passes(5));
  EXPECT_EQ(Server(relay, "H"), Refuses(Http1Fault::kNotAsked));
}

TEST(Http1Relay, NothingFollowsTheLastRequest) {
  for (const std::string_view last : {"GET / HTTP/1.0\r\nHost: a\r\n\r\n",
                                      "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"}) {
    const Http1Trace trace = Relayed(Joined(last, kGet), Joined(kEmpty, "rest"));
    EXPECT_EQ(trace.client_passed, last);
    EXPECT_EQ(trace.client, Http1Action::kEnded);
    EXPECT_EQ(trace.server_passed, kEmpty);
    EXPECT_EQ(trace.server, Http1Action::kEnded);
    EXPECT_EQ(trace.fault, Http1Fault::kNone);
  }
}

TEST(Http1Relay, NothingFollowsTheLastResponse) {
  Http1Relay relay;
  Send(relay, kGet);
  Send(relay, kGet);
  EXPECT_EQ(Client(relay, kGet), Judges(kGet.size()));
  const std::string_view last = "HTTP/1.1 200 OK\r\n\r\n";
  EXPECT_EQ(Server(relay, last), Passes(last.size()));
  relay.Permit();
  EXPECT_EQ(Client(relay, kGet), kEnds);
  EXPECT_EQ(Server(relay, kEmpty), Passes(kEmpty.size()));  // its body, until it closes
}

TEST(Http1Relay, ABodyGoesOnAfterTheLastResponse) {
  const std::string_view post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n";
  for (const std::string_view response :
       {"HTTP/1.1 413 Big\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 413 Big\r\nContent-Length: 0\r\n\r\n"}) {
    Http1Relay relay;
    Send(relay, post);
    EXPECT_EQ(Client(relay, "ab"), Passes(2));
    EXPECT_EQ(Server(relay, response), Passes(response.size()));
    EXPECT_EQ(Client(relay, Joined("cd", kGet)), Passes(2));
    EXPECT_EQ(Client(relay, kGet), kEnds);
  }
}

TEST(Http1Relay, AnUpgradeIsFollowedByNothingUntilItIsDecided) {
  Http1Relay relay;
  Send(relay, kGet);
  Send(relay, kWebSocket);
  EXPECT_EQ(relay.request().upgrade, "websocket");
  EXPECT_EQ(Client(relay, kGet), kWaits);
  EXPECT_EQ(Server(relay, kEmpty), Passes(kEmpty.size()));  // of the request before
  EXPECT_EQ(Client(relay, kGet), kWaits);
  EXPECT_EQ(Server(relay, kSwitch), Passes(kSwitch.size()));
  EXPECT_EQ(Client(relay, "\n\x01 any"), Passes(6));
  EXPECT_EQ(Server(relay, "\n\x01 any"), Passes(6));
  EXPECT_EQ(Client(relay, ""), kNeedMore);
}

TEST(Http1Relay, HttpGoesOnAfterAnUpgradeThatWasDeclined) {
  const std::string client = Joined(kWebSocket, kGet);
  const Http1Trace trace = Relayed(client, Joined(kEmpty, kEmpty));
  EXPECT_EQ(trace.judged, (Requests{"GET a /w", "GET a /"}));
  EXPECT_EQ(trace.client_passed, client);
  EXPECT_EQ(trace.server_passed, Joined(kEmpty, kEmpty));
  const Http1Trace closed = Relayed(client, "HTTP/1.1 400 No\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(closed.client_passed, kWebSocket);
  EXPECT_EQ(closed.client, Http1Action::kEnded);
}

TEST(Http1Relay, NoChangeOfProtocolWithoutAnUpgrade) {
  EXPECT_EQ(Relayed(kGet, kSwitch).fault, Http1Fault::kNoUpgrade);
  // An earlier request's response must not change it either.
  EXPECT_EQ(Relayed(Joined(kGet, kWebSocket), kSwitch).fault, Http1Fault::kNoUpgrade);
  EXPECT_EQ(Relayed(Joined(kGet, kWebSocket), Joined(kEmpty, kSwitch)).fault, Http1Fault::kNone);
}

TEST(Http1Relay, ABodyWaitsForItsContinue) {
  const std::string client = std::string(kExpecting) + "abc" + std::string(kGet);
  const Http1Trace held = Relayed(client);
  EXPECT_EQ(held.client_passed, kExpecting);
  EXPECT_EQ(held.client, Http1Action::kWait);
  EXPECT_EQ(Relayed(client, "HTTP/1.1 103 Early\r\n\r\n").client_passed, kExpecting);
  EXPECT_EQ(Relayed(client, "HTTP/1.1 100 Go\r\n\r\n").client_passed, client);
}

TEST(Http1Relay, AContinueIsOfItsOwnRequest) {
  const std::string client = Joined(kGet, kExpecting) + "abc";
  const std::string go = "HTTP/1.1 100 Go\r\n\r\n";
  EXPECT_EQ(Relayed(client, go).client_passed, Joined(kGet, kExpecting));
  EXPECT_EQ(Relayed(client, Joined(kEmpty, go)).client_passed, client);
}

// A server that has answered takes what follows for a request; a client may still send the body.
TEST(Http1Relay, NothingFollowsABodyThatWasNotWanted) {
  const Http1Trace trace = Relayed(std::string(kExpecting) + "abc" + std::string(kGet), kEmpty);
  EXPECT_EQ(trace.client_passed, kExpecting);
  EXPECT_EQ(trace.client, Http1Action::kEnded);
  EXPECT_EQ(trace.server_passed, kEmpty);
}

TEST(Http1Relay, Http2IsRefused) {
  EXPECT_EQ(Relayed("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").fault, Http1Fault::kHttp2);
  EXPECT_EQ(Relayed("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n\r\n").fault,
            Http1Fault::kUpgrade);
  EXPECT_EQ(Relayed("GET /\r\n\r\n").fault, Http1Fault::kRequestLine);
}

}  // namespace
}  // namespace aegis::proxy
