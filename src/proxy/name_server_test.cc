#include "proxy/name_server.h"

#include <ares.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "proxy/bytes.h"
#include "proxy/channel.h"
#include "proxy/dns_message.h"
#include "proxy/inside_sockets.h"
#include "proxy/ip_address.h"
#include "proxy/outbox.h"
#include "proxy/protocol.h"
#include "proxy/published_ports.h"
#include "proxy/relay.h"
#include "proxy/resolver.h"
#include "proxy/server.h"
#include "proxy/test_addresses.h"
#include "proxy/test_dns_reader.h"
#include "proxy/test_dns_server.h"

namespace aegis::proxy {
namespace {

using testing_support::Address;
using testing_support::AddressOfSocket;
using testing_support::LoopbackSocket;
using testing_support::PortOfSocket;
using testing_support::Readable;
using testing_support::ReadAnswer;
using testing_support::ReadDnsAnswer;
using Outcome = Resolution::Outcome;

constexpr int kSoon = 5'000;  // ms; what does not come by then does not come
constexpr int kNot = 50;

// Knows some names at once, and never answers for "slow.test".
class FakeResolver final : public Resolver {
 public:
  void Resolve(const std::string& name, Family family, Done done) override {
    if (name == "slow.test") {
      return;
    }
    const auto found = names_.find({name, family});
    done(found == names_.end() ? Resolution{.outcome = Outcome::kNoName} : found->second);
  }
  void AddPolls(std::vector<pollfd>& /*polls*/) const override {}
  std::optional<std::chrono::milliseconds> Timeout() const override { return std::nullopt; }
  void Process(std::span<const pollfd> /*polls*/) override {}

 private:
  std::map<std::pair<std::string, Family>, Resolution> names_ = {
      {{"www.test", Family::kIpv4},
       {Outcome::kFound, {Address("192.0.2.1"), Address("192.0.2.2")}}},
      {{"www.test", Family::kIpv6}, {Outcome::kFound, {Address("2001:db8::1")}}},
      {{"four.test", Family::kIpv6}, {Outcome::kNoAddress, {}}},
      {{"broken.test", Family::kIpv4}, {Outcome::kFailed, {}}},
  };
};

Bytes Query(const std::string& name, int type, std::uint16_t id = 1) {
  unsigned char* bytes = nullptr;
  int size = 0;
  EXPECT_EQ(ares_create_query(name.c_str(), kClassIn, type, id, 1, &bytes, &size, 0), ARES_SUCCESS);
  Bytes query(bytes, bytes + size);
  ares_free_string(bytes);
  return query;
}

// The server on a thread, with this one as agent and supervisor.
class NameServing : public ::testing::Test {
 public:
  void Begin(const NameServerOptions& options = {}) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    supervisor.Reset(ends[0]);
    proxy_end_.Reset(ends[1]);
    ASSERT_EQ(::fcntl(proxy_end_.get(), F_SETFL, O_NONBLOCK), 0);
    std::vector<base::UniqueFd> sockets;
    sockets.push_back(LoopbackSocket());
    server_address_ = AddressOfSocket(sockets.front().get());
    outbox_.emplace(proxy_end_.get());
    names_.emplace(std::move(sockets), *outbox_, resolver_, options);
    auto relay = Relay::Create(InsideSockets({}, {}), *outbox_, 0);
    ASSERT_TRUE(relay);
    relay_ = *std::move(relay);
    auto published = PublishedPorts::Create({}, relay_->inside(), *outbox_, 0);
    ASSERT_TRUE(published);
    published_ = *std::move(published);
    server_.emplace(proxy_end_.get(), *outbox_, *names_, *relay_, *published_);
    thread_ = std::thread([this] { end = server_->Run(); });
  }
  void TearDown() override { End(); }

  void End() {
    supervisor.Reset();
    if (thread_.joinable()) {
      thread_.join();
    }
  }

  void SendQuery(const Bytes& query) const {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the socket interface
    const auto* const to = reinterpret_cast<const sockaddr*>(&server_address_);
    EXPECT_EQ(::sendto(agent.get(), query.data(), query.size(), 0, to, sizeof server_address_),
              static_cast<ssize_t>(query.size()));
  }
  ReadAnswer Answered() const {
    std::array<std::uint8_t, 1500> bytes{};
    EXPECT_TRUE(Readable(agent.get(), kSoon));
    const ssize_t got = ::recv(agent.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    const auto answer =
        ReadDnsAnswer(std::span(bytes).first(got < 0 ? 0 : static_cast<std::size_t>(got)));
    EXPECT_TRUE(answer);
    return answer.value_or(ReadAnswer{});
  }
  bool AskedSupervisor(int patience = kNot) const { return Readable(supervisor.get(), patience); }

  template <typename Message>
  Message Told() const {
    EXPECT_TRUE(AskedSupervisor(kSoon));
    const auto packet = Receive(supervisor.get());
    EXPECT_TRUE(packet && *packet);
    const auto message = DecodeFromProxy(packet && *packet ? **packet : Bytes{});
    EXPECT_TRUE(message);
    const auto* const one = message ? std::get_if<Message>(&*message) : nullptr;
    EXPECT_NE(one, nullptr);
    return one == nullptr ? Message{} : *one;
  }
  void Say(const FromSupervisor& message) const {
    EXPECT_TRUE(Send(supervisor.get(), Encode(message)));
  }
  NameQuestion AskAndAllow(const std::string& name, int type) const {
    SendQuery(Query(name, type));
    auto question = Told<NameQuestion>();
    Say(NameVerdict{.id = question.id, .allowed = true});
    return question;
  }

  base::UniqueFd supervisor;
  base::UniqueFd agent = LoopbackSocket();
  base::Result<> end;

 private:
  base::UniqueFd proxy_end_;
  sockaddr_in server_address_{};
  FakeResolver resolver_;
  std::optional<Outbox> outbox_;
  std::optional<NameServer> names_;
  std::unique_ptr<Relay> relay_;
  std::unique_ptr<PublishedPorts> published_;
  std::optional<Server> server_;
  std::thread thread_;
};

TEST_F(NameServing, AnAllowedNameGetsTheSupervisorsAddresses) {
  Begin();
  SendQuery(Query("WWW.test", kTypeA, 77));
  const auto question = Told<NameQuestion>();
  EXPECT_EQ(question.name, "www.test");
  EXPECT_EQ(question.family, Family::kIpv4);
  EXPECT_EQ(question.client_port, PortOfSocket(agent.get()));
  EXPECT_FALSE(question.odd);
  Say(NameVerdict{.id = question.id, .allowed = true});
  const auto found = Told<NameAddresses>();
  EXPECT_EQ(found.id, question.id);
  EXPECT_EQ(found.name, "www.test");
  EXPECT_EQ(found.addresses, (std::vector{Address("192.0.2.1"), Address("192.0.2.2")}));
  Say(NameMapped{.id = found.id, .addresses = {Address("198.18.0.5"), Address("fd00::5")}});
  const ReadAnswer answer = Answered();
  EXPECT_EQ(answer.id, 77U);
  EXPECT_EQ(answer.rcode(), 0U);
  ASSERT_EQ(answer.answers.size(), 1U) << "those of the family that was asked for";
  EXPECT_EQ(answer.answers[0].data, (Bytes{198, 18, 0, 5}));
  EXPECT_EQ(answer.answers[0].ttl, 60U);
  EXPECT_EQ(Bytes(answer.question.begin() + 1, answer.question.begin() + 4),
            (Bytes{'W', 'W', 'W'}));
}

TEST_F(NameServing, SixthVersionToo) {
  Begin();
  const auto question = AskAndAllow("www.test", kTypeAaaa);
  EXPECT_EQ(question.family, Family::kIpv6);
  const auto found = Told<NameAddresses>();
  Say(NameMapped{.id = found.id, .addresses = {Address("fd00::5")}});
  const ReadAnswer answer = Answered();
  ASSERT_EQ(answer.answers.size(), 1U);
  EXPECT_EQ(answer.answers[0].type, kTypeAaaa);
  EXPECT_EQ(answer.answers[0].data.size(), 16U);
}

TEST_F(NameServing, ARefusedNameDoesNotExistAndIsNotLookedUp) {
  Begin();
  SendQuery(Query("www.test", kTypeA));
  const auto question = Told<NameQuestion>();
  Say(NameVerdict{.id = question.id, .allowed = false});
  EXPECT_EQ(Answered().rcode(), 3U);
  EXPECT_FALSE(AskedSupervisor()) << "no addresses are told";
}

TEST_F(NameServing, TheVerdictIsAskedForEachTime) {
  Begin();
  for (int i = 0; i < 3; ++i) {
    SendQuery(Query("www.test", kTypeA));
    const auto question = Told<NameQuestion>();
    EXPECT_EQ(question.id, static_cast<std::uint64_t>(i) + 1);
    Say(NameVerdict{.id = question.id, .allowed = false});
    EXPECT_EQ(Answered().rcode(), 3U);
  }
}

TEST_F(NameServing, WhatTheOutsideSaysIsPassedOn) {
  Begin();
  AskAndAllow("missing.test", kTypeA);
  EXPECT_EQ(Answered().rcode(), 3U);
  AskAndAllow("broken.test", kTypeA);
  EXPECT_EQ(Answered().rcode(), 2U);
  AskAndAllow("four.test", kTypeAaaa);
  const ReadAnswer answer = Answered();
  EXPECT_EQ(answer.rcode(), 0U);
  EXPECT_TRUE(answer.answers.empty());
}

TEST_F(NameServing, NothingMappedIsRefused) {
  Begin();
  AskAndAllow("www.test", kTypeA);
  Say(NameMapped{.id = Told<NameAddresses>().id});
  EXPECT_EQ(Answered().rcode(), 3U);
}

TEST_F(NameServing, OtherRecordsOfAllowedNamesAreMissing) {
  Begin();
  for (const int type : {int{kTypeHttps}, 64, 16, 15, 2, 6}) {
    const auto question = AskAndAllow("www.test", type);
    EXPECT_EQ(question.family, Family::kNone);
    const ReadAnswer answer = Answered();
    EXPECT_EQ(answer.rcode(), 0U);
    EXPECT_TRUE(answer.answers.empty());
  }
  SendQuery(Query("www.test", kTypeHttps));
  Say(NameVerdict{.id = Told<NameQuestion>().id, .allowed = false});
  EXPECT_EQ(Answered().rcode(), 3U);
}

TEST_F(NameServing, OddNamesAreToldAndDoNotExistWhateverTheVerdict) {
  Begin();
  Bytes query = Query("a-b.test", kTypeA);
  query[14] = '\n';
  SendQuery(query);
  auto question = Told<NameQuestion>();
  EXPECT_TRUE(question.odd);
  EXPECT_EQ(question.name, "a\\x0ab.test");
  Say(NameVerdict{.id = question.id, .allowed = true});
  EXPECT_EQ(Answered().rcode(), 3U);
  SendQuery(Query("192.0.2.1", kTypeA));
  question = Told<NameQuestion>();
  EXPECT_TRUE(question.odd);
  Say(NameVerdict{.id = question.id, .allowed = true});
  EXPECT_EQ(Answered().rcode(), 3U);
}

TEST_F(NameServing, LocalhostIsKnown) {
  Begin();
  for (const char* const name : {"localhost", "a.LocalHost"}) {
    SendQuery(Query(name, kTypeA));
    ReadAnswer answer = Answered();
    ASSERT_EQ(answer.answers.size(), 1U);
    EXPECT_EQ(answer.answers[0].data, (Bytes{127, 0, 0, 1}));
    SendQuery(Query(name, kTypeAaaa));
    answer = Answered();
    ASSERT_EQ(answer.answers.size(), 1U);
    EXPECT_EQ(answer.answers[0].data, (Bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}));
    SendQuery(Query(name, kTypeHttps));
    EXPECT_TRUE(Answered().answers.empty());
  }
  EXPECT_FALSE(AskedSupervisor());
}

TEST_F(NameServing, SomeQuestionsNeedNobody) {
  Begin();
  SendQuery(Query("1.0.18.198.in-addr.arpa", kTypePtr));
  EXPECT_EQ(Answered().rcode(), 3U);
  for (const int type : {int{kTypeAny}, 252, 251, int{kTypeOpt}}) {
    SendQuery(Query("www.test", type));
    EXPECT_EQ(Answered().rcode(), 4U);
  }
  Bytes chaos = Query("www.test", kTypeA);
  chaos.back() = 3;
  SendQuery(chaos);
  EXPECT_EQ(Answered().rcode(), 5U);
  SendQuery(Query(".", 2));
  EXPECT_EQ(Answered().rcode(), 0U);
  EXPECT_FALSE(AskedSupervisor());
}

TEST_F(NameServing, BrokenDatagramsAreAnsweredOrIgnored) {
  Begin();
  SendQuery(Bytes{});
  SendQuery(Bytes(11, 0xff));
  Bytes query = Query("www.test", kTypeA, 9);
  query.pop_back();
  SendQuery(query);
  const ReadAnswer answer = Answered();
  EXPECT_EQ(answer.id, 9U);
  EXPECT_EQ(answer.rcode(), 1U);
  EXPECT_FALSE(Readable(agent.get(), kNot));
}

TEST_F(NameServing, ASilentSupervisorOrResolverIsAFailureInTime) {
  Begin({.patience = std::chrono::milliseconds(20)});
  SendQuery(Query("www.test", kTypeA));
  const auto question = Told<NameQuestion>();
  EXPECT_EQ(Answered().rcode(), 2U);
  Say(NameVerdict{.id = question.id, .allowed = true});
  Say(NameMapped{.id = question.id, .addresses = {Address("198.18.0.1")}});
  EXPECT_FALSE(Readable(agent.get(), kNot)) << "too late";
  AskAndAllow("slow.test", kTypeA);
  EXPECT_EQ(Answered().rcode(), 2U);
}

TEST_F(NameServing, MessagesOutOfTurnChangeNothing) {
  Begin();
  SendQuery(Query("www.test", kTypeA));
  const auto question = Told<NameQuestion>();
  Say(NameVerdict{.id = question.id + 1, .allowed = true});
  Say(NameMapped{.id = question.id, .addresses = {Address("198.18.0.1")}});
  EXPECT_FALSE(Readable(agent.get(), kNot));
  Say(NameVerdict{.id = question.id, .allowed = false});
  EXPECT_EQ(Answered().rcode(), 3U);
}

TEST_F(NameServing, OutstandingQuestionsAreBoundedAndComeLater) {
  Begin({.most_outstanding = 2});
  for (std::uint16_t id = 1; id <= 4; ++id) {
    SendQuery(Query("www.test", kTypeA, id));
  }
  const auto first = Told<NameQuestion>();
  const auto second = Told<NameQuestion>();
  EXPECT_FALSE(AskedSupervisor());
  Say(NameVerdict{.id = first.id, .allowed = false});
  EXPECT_EQ(Told<NameQuestion>().id, 3U);
  Say(NameVerdict{.id = second.id, .allowed = false});
  EXPECT_EQ(Told<NameQuestion>().id, 4U);
}

TEST_F(NameServing, ASlowSupervisorGetsEverything) {
  Begin();
  constexpr std::uint16_t kMany = 800;  // more than a socket holds
  for (std::uint16_t id = 1; id <= kMany; ++id) {
    SendQuery(Query("www.test", kTypeA, id));
    if (id % 50 == 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  int told = 0;
  while (AskedSupervisor(200)) {
    Say(NameVerdict{.id = Told<NameQuestion>().id, .allowed = false});
    ++told;
  }
  int answered = 0;
  while (Readable(agent.get(), kNot)) {
    EXPECT_EQ(Answered().rcode(), 3U);
    ++answered;
  }
  EXPECT_GT(told, 100);  // the rest fell out of the sockets' buffers
  EXPECT_GT(answered, 100);
}

TEST_F(NameServing, EndsWithTheSupervisor) {
  Begin();
  SendQuery(Query("www.test", kTypeA));
  Told<NameQuestion>();
  End();
  EXPECT_TRUE(end);
}

TEST_F(NameServing, NonsenseEndsIt) {
  Begin();
  EXPECT_TRUE(Send(supervisor.get(), Bytes{1, 2, 3}));
  End();
  EXPECT_FALSE(end);
}

TEST_F(NameServing, ASecondStartEndsIt) {
  Begin();
  Say(Start{.name_sockets = 1});
  End();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().message(), "serve the agent: not what the supervisor may say now");
}

}  // namespace
}  // namespace aegis::proxy
