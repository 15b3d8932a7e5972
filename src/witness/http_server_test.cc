#include "witness/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "canon/canon.h"
#include "witness/cosigner.h"
#include "witness/http_client.h"
#include "witness/http_message.h"
#include "witness/http_sink.h"
#include "witness/listen_address.h"
#include "witness/state_directory.h"
#include "witness/target.h"
#include "witness/test_log.h"

namespace aegis::witness {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::HasSubstr;
using testing::StartsWith;

// A server on a thread of its own.
class Running {
 public:
  explicit Running(HttpServer::Handler handler, const HttpServerOptions& options = {})
      : server_(Get(HttpServer::Listen(options, std::move(handler)))),
        thread_([this] { Get(server_->Run()); }) {}
  ~Running() {
    if (thread_.joinable()) {
      Stop();
    }
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  void Stop() {
    server_->Stop();
    thread_.join();
  }
  void Join() { thread_.join(); }
  std::uint16_t port() const { return server_->address().port; }

 private:
  std::unique_ptr<HttpServer> server_;
  std::thread thread_;
};

// A client that says what no client would.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  bool Say(std::string_view bytes) {
    return ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  // All that comes until the server closes, or nothing comes for so long.
  std::string Hear(int patience_ms = 5000) {
    std::string heard;
    pollfd poll{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    while (::poll(&poll, 1, patience_ms) > 0) {
      std::array<char, 4096> buffer{};
      const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
      if (got <= 0) {
        return heard + "(closed)";
      }
      heard.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return heard;
  }

 private:
  base::UniqueFd fd_;
};

HttpReply Echo(const HttpRequest& request) {
  return {.status = 200,
          .content_type = "text/plain",
          .body = request.method + " " + request.path + " " + request.body};
}

TEST(HttpServerTest, AnswersRequestsOnOneConnection) {
  const Running server(Echo);
  RawClient client(server.port());
  client.Say("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
  const std::string first = client.Hear(200);
  EXPECT_THAT(first, StartsWith("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"));
  EXPECT_THAT(first, testing::EndsWith("\r\n\r\nPOST /a abc"));
  client.Say("GET /b?c HTTP/1.1\r\nHost: x\r\n\r\nGET /c HTTP/1.1\r\nConnection: close\r\n\r\n");
  const std::string rest = client.Hear();
  EXPECT_THAT(rest, HasSubstr("GET /b?c "));
  EXPECT_THAT(rest, testing::EndsWith("GET /c (closed)"));
}

TEST(HttpServerTest, RefusesWhatIsNoRequestOrTooLong) {
  const Running server(Echo);
  const std::vector<std::pair<std::string, std::string_view>> cases = {
      {"hello\r\n\r\n", "HTTP/1.1 400"},
      {"GET / HTTP/9.9\r\n\r\n", "HTTP/1.1 400"},
      {"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 400"},
      {"POST / HTTP/1.1\r\nContent-Length: 65537\r\n\r\n", "HTTP/1.1 413"},
      {"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", "HTTP/1.1 4"},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n10001\r\n", "HTTP/1.1 413"},
      {"GET / HTTP/1.1\r\nX: " + std::string(9000, 'x'), "HTTP/1.1 413"},
      {std::string(9000, 'x'), "HTTP/1.1 4"},
  };
  for (const auto& [bytes, answer] : cases) {
    RawClient client(server.port());
    client.Say(bytes);
    const std::string heard = client.Hear();
    EXPECT_THAT(heard, StartsWith(answer)) << bytes.substr(0, 60);
    EXPECT_THAT(heard, testing::EndsWith("(closed)"));
  }
  RawClient client(server.port());
  client.Say("POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: 65536\r\n\r\n" +
             std::string(65536, 'y'));
  EXPECT_THAT(client.Hear(), StartsWith("HTTP/1.1 200"));
}

TEST(HttpServerTest, SlowClientsHoldUpNobodyAndAreCutOff) {
  const Running server(Echo, {.patience = milliseconds(300)});
  RawClient silent(server.port());
  RawClient dripping(server.port());
  const auto begin = steady_clock::now();
  const std::string_view request = "GET /slow HTTP/1.1\r\nX-Long: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
  for (const char& c : request) {
    dripping.Say({&c, 1});
    RawClient quick(server.port());
    quick.Say("GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
    ASSERT_THAT(quick.Hear(), HasSubstr("200 OK"));
    std::this_thread::sleep_for(milliseconds(10));
  }
  EXPECT_EQ(dripping.Hear(), "(closed)");
  EXPECT_EQ(silent.Hear(), "(closed)");
  EXPECT_GE(steady_clock::now() - begin, milliseconds(300));
  EXPECT_LT(steady_clock::now() - begin, milliseconds(5000));
}

TEST(HttpServerTest, AClientThatTakesNoAnswerIsCutOff) {
  const Running server(
      [](const HttpRequest&) {
        return HttpReply{.status = 200, .body = std::string(16U << 20U, 'x')};
      },
      {.patience = milliseconds(200)});
  RawClient client(server.port());
  client.Say("GET / HTTP/1.1\r\n\r\n");
  std::this_thread::sleep_for(milliseconds(600));
  const std::string heard = client.Hear();
  EXPECT_LT(heard.size(), 16U << 20U);
  EXPECT_THAT(heard, testing::EndsWith("(closed)"));
}

TEST(HttpServerTest, HasSoManyConnectionsAndNoMore) {
  const Running server(Echo, {.max_connections = 3});
  std::vector<std::unique_ptr<RawClient>> held;
  for (int i = 0; i < 3; ++i) {
    held.push_back(std::make_unique<RawClient>(server.port()));
    held.back()->Say("GET / HTTP/1.1\r\n\r\n");
    EXPECT_THAT(held.back()->Hear(100), HasSubstr("200 OK"));
  }
  RawClient extra(server.port());
  EXPECT_EQ(extra.Hear(), "(closed)");
  held.pop_back();
  for (int i = 0; i < 100; ++i) {
    RawClient next(server.port());
    next.Say("GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
    if (next.Hear().find("200 OK") != std::string::npos) {
      return;
    }
    std::this_thread::sleep_for(milliseconds(10));
  }
  FAIL() << "a connection that ended made no place";
}

TEST(HttpServerTest, StopsWhileConnectionsAreOpen) {
  Running server(Echo);
  RawClient idle(server.port());
  RawClient used(server.port());
  used.Say("GET / HTTP/1.1\r\n\r\n");
  EXPECT_THAT(used.Hear(100), HasSubstr("200 OK"));
  const auto begin = steady_clock::now();
  server.Stop();
  EXPECT_LT(steady_clock::now() - begin, milliseconds(1500));
  EXPECT_EQ(used.Hear(), "(closed)");
}

TEST(HttpServerTest, StopsWithinAMomentWhenAClientTakesNoAnswer) {
  Running server([](const HttpRequest&) {
    return HttpReply{.status = 200, .body = std::string(16U << 20U, 'x')};
  });
  RawClient client(server.port());
  client.Say("GET / HTTP/1.1\r\n\r\n");
  std::this_thread::sleep_for(milliseconds(100));
  const auto begin = steady_clock::now();
  server.Stop();
  EXPECT_LT(steady_clock::now() - begin, milliseconds(5000));
}

TEST(HttpServerTest, StopsOnSignals) {
  for (const int signal : {SIGTERM, SIGINT}) {
    Running server(Echo, {.stop_on_signals = true});
    RawClient client(server.port());
    client.Say("GET / HTTP/1.1\r\n\r\n");
    EXPECT_THAT(client.Hear(100), HasSubstr("200 OK"));
    ASSERT_EQ(::kill(::getpid(), signal), 0);
    server.Join();
  }
}

TEST(HttpServerTest, TellsWhenItCannotListen) {
  const Running server(Echo);
  const auto taken =
      HttpServer::Listen({.address = {.host = "127.0.0.1", .port = server.port()}}, Echo);
  ASSERT_FALSE(taken);
  EXPECT_THAT(taken.error().message(), StartsWith("listen on http://127.0.0.1:"));
  EXPECT_FALSE(HttpServer::Listen({.address = {.host = "192.0.2.1", .port = 0}}, Echo));
  EXPECT_FALSE(HttpServer::Listen({.address = {.host = "nonsense", .port = 0}}, Echo));
}

// The whole witness, asked by the log's side of this module.
class WitnessTest : public testing::Test {
 protected:
  struct Witness {
    explicit Witness(const std::string& path, const canon::VerifierKey& log)
        : state(Get(StateDirectory::Open(path))),
          key(Get(state->Key("w.example")).cosigner()),
          cosigner(
              Get(state->Key("w.example")), {log}, *state, [] { return 1700000000; },
              [](std::string_view) {}),
          running([this](const HttpRequest& request) { return cosigner.Handle(request); }) {}
    std::unique_ptr<StateDirectory> state;
    canon::VerifierKey key;
    Cosigner cosigner;
    Running running;
  };

  static std::unique_ptr<HttpSink> SinkOf(const Witness& witness) {
    const HttpTarget target{.host = "127.0.0.1", .port = witness.running.port()};
    return std::make_unique<HttpSink>(target, std::vector{witness.key},
                                      Get(MakeHttpClient(target, "")));
  }

  TempDirectory directory_;
  std::string path_ = directory_.File("w");
  TestLog log_{"log.example"};
  TestLog fork_{"log.example", 5};
};

TEST_F(WitnessTest, CosignsAndRemembersAcrossRestarts) {
  std::string key;
  {
    const Witness witness(path_, log_.key());
    key = witness.key.Text();
    const auto sink = SinkOf(witness);
    for (const std::uint64_t size : {3U, 3U, 9U, 40U}) {
      EXPECT_EQ(Get(sink->Publish(log_.Submit(size), {})).size(), 1U);
    }
  }
  const Witness witness(path_, log_.key());
  EXPECT_EQ(witness.key.Text(), key);
  const auto back = SinkOf(witness)->Publish(log_.Submit(9), {});
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code(), base::Errc::kConflict);
  const auto forked = SinkOf(witness)->Publish(fork_.Submit(50), {});
  ASSERT_FALSE(forked);
  EXPECT_EQ(forked.error().code(), base::Errc::kCorrupt);
  EXPECT_EQ(SinkOf(witness)->Publish(fork_.Submit(40), {}).error().code(), base::Errc::kCorrupt);
  EXPECT_EQ(Get(SinkOf(witness)->Publish(log_.Submit(50), {})).size(), 1U);
}

TEST_F(WitnessTest, ASinkOutlivesARestart) {
  auto witness = std::make_unique<Witness>(path_, log_.key());
  const auto sink = SinkOf(*witness);
  Get(sink->Publish(log_.Submit(3), {}));
  witness.reset();
  const auto down = sink->Publish(log_.Submit(4), {});
  ASSERT_FALSE(down);
  EXPECT_EQ(down.error().code(), base::Errc::kUnavailable);
}

TEST_F(WitnessTest, ToldApartFromAStranger) {
  const TestLog stranger("stranger.example");
  const Witness witness(path_, log_.key());
  EXPECT_EQ(SinkOf(witness)->Publish(stranger.Submit(3), {}).error().code(), base::Errc::kNotFound);
  const HttpTarget target{.host = "127.0.0.1", .port = witness.running.port()};
  HttpSink wrong_key(target, {stranger.signer().cosigner()}, Get(MakeHttpClient(target, "")));
  EXPECT_EQ(wrong_key.Publish(log_.Submit(3), {}).error().code(), base::Errc::kDenied);
}

TEST_F(WitnessTest, ConcurrentSubmissionsNeverRollBack) {
  const Witness witness(path_, log_.key());
  std::atomic<int> cosigned = 0;
  {
    std::vector<std::jthread> runs;
    for (std::uint64_t first = 1; first <= 6; ++first) {
      runs.emplace_back([&, first] {
        const auto sink = SinkOf(witness);
        std::uint64_t known = 0;
        for (std::uint64_t size = first; size <= 120; size += 6) {
          const auto done = sink->Publish(log_.Submit(size), {});
          cosigned += done ? 1 : 0;
          // Behind another run, or three times overtaken: both are told as such.
          EXPECT_TRUE(done || done.error().code() == base::Errc::kConflict ||
                      done.error().code() == base::Errc::kUnavailable)
              << done.error().message();
          const auto latest = Get(witness.state->Latest("log.example"));
          if (latest) {
            const std::uint64_t now = Get(ledger::Checkpoint::Parse(latest->text)).size;
            EXPECT_GE(now, known);
            known = now;
          }
        }
      });
    }
  }
  EXPECT_GT(cosigned, 0);
  Get(SinkOf(witness)->Publish(log_.Submit(121), {}));
}

}  // namespace
}  // namespace aegis::witness
