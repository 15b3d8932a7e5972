#include "gate/proxy_link.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/unique_fd.h"
#include "gate/address_map.h"
#include "gate/inet_address.h"
#include "gate/messages.h"
#include "gate/network.h"
#include "gate/outside_sockets.h"
#include "gate/serving.h"
#include "gate/test_judge.h"
#include "gate/test_sockets.h"
#include "proxy/bytes.h"
#include "proxy/proxy.h"
#include "sandbox/inside_network.h"

namespace aegis::gate {
namespace {

constexpr const char* kPolicy = R"(
@id("api") permit(principal, action == Aegis::Action::"NetConnect", resource in Aegis::Resource::"api.example.com:443");
@id("below") permit(principal, action == Aegis::Action::"NetConnect", resource in Aegis::Resource::"*.example.org");
@id("no-bad") forbid(principal, action, resource in Aegis::Resource::"bad.example.org");
)";

proxy::IpAddress Ipv4(std::uint8_t last) {
  return {.family = proxy::Family::kIpv4, .bytes = {93, 184, 216, last}};
}
proxy::IpAddress Ipv6(std::uint8_t last) {
  proxy::IpAddress address{.family = proxy::Family::kIpv6, .bytes = {0x20, 0x01, 0x0d, 0xb8}};
  address.bytes[15] = last;
  return address;
}
InetHost HostOf(const proxy::IpAddress& address) {
  return {.family = address.family == proxy::Family::kIpv6 ? AF_INET6 : AF_INET,
          .bytes = address.bytes};
}

sandbox::InsideNetwork Inside() {
  sandbox::InsideNetwork inside;
  inside.name_sockets.emplace_back(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  inside.name_sockets.emplace_back(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return inside;
}

// The test is the proxy.
class ProxyLinkTest : public ::testing::Test {
 protected:
  ProxyLinkTest() {
    auto [ours, theirs] = testing_support::Packets();
    proxy_ = std::move(ours);
    names_.Begin(std::move(theirs));
  }

  void Say(const proxy::FromProxy& message) {
    ASSERT_TRUE(proxy::Send(proxy_.get(), proxy::Encode(message)).has_value());
    names_.Take();
  }

  template <typename Message>
  std::optional<Message> Heard() {
    pollfd socket{proxy_.get(), POLLIN, 0};
    if (::poll(&socket, 1, 0) != 1) {
      return std::nullopt;
    }
    const auto packet = proxy::ReceiveWithDescriptors(proxy_.get());
    if (!packet || !*packet) {
      return std::nullopt;
    }
    const auto message = proxy::DecodeFromSupervisor((*packet)->packet);
    const Message* const wanted = message ? std::get_if<Message>(&*message) : nullptr;
    return wanted != nullptr ? std::optional(*wanted) : std::nullopt;
  }

  std::optional<bool> MayResolve(const std::string& name, bool odd = false) {
    Say(proxy::NameQuestion{.id = ++id_,
                            .family = proxy::Family::kIpv4,
                            .client_port = 4711,
                            .odd = odd,
                            .name = name});
    const auto verdict = Heard<proxy::NameVerdict>();
    if (!verdict || verdict->id != id_) {
      return std::nullopt;
    }
    return verdict->allowed;
  }

  std::vector<proxy::IpAddress> Map(const std::string& name,
                                    std::vector<proxy::IpAddress> addresses) {
    Say(proxy::NameAddresses{.id = ++id_, .name = name, .addresses = std::move(addresses)});
    const auto mapped = Heard<proxy::NameMapped>();
    EXPECT_TRUE(mapped);
    EXPECT_EQ(mapped ? mapped->id : 0, id_);
    return mapped ? mapped->addresses : std::vector<proxy::IpAddress>();
  }

  TestJudge judge_{kPolicy};
  std::pair<base::UniqueFd, base::UniqueFd> launcher_ = testing_support::Packets();
  Network network_{judge_.files().roots, Inside(), launcher_.second.get()};
  Serving serving_;
  ProxyLink names_{network_, judge_.judge(), serving_};
  base::UniqueFd proxy_;
  std::uint64_t id_ = 0;
};

TEST_F(ProxyLinkTest, TheProxyGetsTheNameSockets) {
  const auto packet = proxy::ReceiveWithDescriptors(proxy_.get());
  ASSERT_TRUE(packet && *packet);
  const auto message = proxy::DecodeFromSupervisor((*packet)->packet);
  ASSERT_TRUE(message.has_value());
  ASSERT_TRUE(std::holds_alternative<proxy::Start>(*message));
  EXPECT_EQ(std::get<proxy::Start>(*message).name_sockets, 2);
  ASSERT_EQ((*packet)->descriptors.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(CookieOf((*packet)->descriptors[i]), CookieOf(network_.inside().name_sockets[i]));
  }
  EXPECT_GE(names_.fd(), 0);
}

class StartedProxyLinkTest : public ProxyLinkTest {
 protected:
  void SetUp() override { ASSERT_TRUE(Heard<proxy::Start>()); }
};

// What some rule could permit is judged when it is connected to, and recorded then.
TEST_F(StartedProxyLinkTest, ANameThatSomeRulePermitsIsLookedUp) {
  EXPECT_EQ(MayResolve("api.example.com"), true);
  EXPECT_EQ(MayResolve("any.example.org"), true);
  EXPECT_EQ(MayResolve("deep.any.example.org"), true);
  EXPECT_TRUE(judge_.Recorded().empty());
}

TEST_F(StartedProxyLinkTest, ARefusedNameIsRecordedBeforeTheProxyHears) {
  network_.RememberAsker(4711, {.pid = 42, .exe = "/usr/bin/curl"});
  EXPECT_EQ(MayResolve("secret.evil.test"), false);
  ASSERT_EQ(judge_.Recorded().size(), 1U);
  EXPECT_EQ(judge_.Recorded()[0],
            R"(ACTION_DECIDED {"action":"NetConnect","context":{"exe":"/usr/bin/curl",)"
            R"("host":"secret.evil.test","pid":42,"protocol":"dns"},"decision":"deny",)"
            R"("policies":[],"reason":"NO_PERMIT","resource":"secret.evil.test"})");
}

TEST_F(StartedProxyLinkTest, WhoAsksByAnUnknownPortIsUnknown) {
  network_.RememberAsker(4712, {.pid = 42, .exe = "/usr/bin/curl"});
  EXPECT_EQ(MayResolve("evil.test"), false);
  EXPECT_EQ(judge_.Recorded()[0].find("curl"), std::string::npos);
}

TEST_F(StartedProxyLinkTest, AForbiddenNameIsRefusedByItsRule) {
  EXPECT_EQ(MayResolve("bad.example.org"), false);
  ASSERT_EQ(judge_.Recorded().size(), 1U);
  EXPECT_NE(judge_.Recorded()[0].find(R"("policies":["no-bad"])"), std::string::npos);
  EXPECT_NE(judge_.Recorded()[0].find(R"("reason":"POLICY_FORBID")"), std::string::npos);
}

// The protocol takes these, and the supervisor does not take the proxy's word for what they are.
TEST_F(StartedProxyLinkTest, ANameInNoWrittenFormIsRefused) {
  EXPECT_EQ(MayResolve("a\\x20b.example.org", true), false);
  EXPECT_EQ(MayResolve("\\x41\\x00.example.org", true), false);
  EXPECT_EQ(MayResolve("a_b.example.com"), false);
  const auto recorded = judge_.Recorded();
  ASSERT_EQ(recorded.size(), 3U);
  EXPECT_NE(recorded[0].find(R"("reason":"UNSUPPORTED")"), std::string::npos) << recorded[0];
  EXPECT_NE(recorded[0].find("a\\\\"), std::string::npos) << recorded[0];
}

// A name that is odd by its own account is refused even where its text would be permitted.
TEST_F(StartedProxyLinkTest, AnAddressIsNoName) {
  for (const char* name : {"10.0.0.1", "127.1", "2130706433", "0x7f.1"}) {
    EXPECT_EQ(MayResolve(name, true), false) << name;
  }
  EXPECT_EQ(judge_.Recorded().size(), 4U);
}

TEST_F(StartedProxyLinkTest, AddressesOfANameAreMapped) {
  const auto mapped = Map("api.example.com", {Ipv4(34), Ipv6(1), Ipv4(35)});
  ASSERT_EQ(mapped.size(), 3U);
  const std::vector<proxy::IpAddress> real = {Ipv4(34), Ipv6(1), Ipv4(35)};
  for (std::size_t i = 0; i < real.size(); ++i) {
    EXPECT_EQ(mapped[i].family, real[i].family);
    EXPECT_TRUE(AddressMap::IsInRange(HostOf(mapped[i])));
    const NamedAddress* const named = network_.names.Find(HostOf(mapped[i]));
    ASSERT_NE(named, nullptr);
    EXPECT_EQ(named->name, "api.example.com");
    EXPECT_EQ(named->real, HostOf(real[i]));
  }
  // The same again, whatever the order; another name has its own.
  EXPECT_EQ(Map("api.example.com", {Ipv4(35), Ipv4(34)}),
            (std::vector<proxy::IpAddress>{mapped[2], mapped[0]}));
  EXPECT_NE(Map("x.example.org", {Ipv4(34)}), (std::vector<proxy::IpAddress>{mapped[0]}));
}

// An IPv4 address in IPv6's form is judged, and dialled, as the IPv4 address.
TEST_F(StartedProxyLinkTest, AMappedAddressIsTheIpv4Address) {
  proxy::IpAddress address{.family = proxy::Family::kIpv6, .bytes = {}};
  address.bytes[10] = address.bytes[11] = 0xff;
  address.bytes[12] = 127;
  address.bytes[15] = 1;
  const auto mapped = Map("api.example.com", {address});
  ASSERT_EQ(mapped.size(), 1U);
  const NamedAddress* const named = network_.names.Find(HostOf(mapped[0]));
  ASSERT_NE(named, nullptr);
  EXPECT_EQ(named->real, testing_support::Loopback());
}

// The proxy may claim what it likes: without the rule no address is given.
TEST_F(StartedProxyLinkTest, ANameThatWasNotAllowedGetsNone) {
  for (const char* name : {"evil.test", "bad.example.org", "example.org", "a_b.example.com"}) {
    EXPECT_TRUE(Map(name, {Ipv4(34), Ipv6(1)}).empty()) << name;
  }
  EXPECT_EQ(network_.names.Find({.family = AF_INET, .bytes = {198, 18, 0, 2}}), nullptr);
  EXPECT_EQ(Map("api.example.com", {Ipv4(34)}).size(), 1U);  // the twin
}

TEST_F(StartedProxyLinkTest, AProxyThatIsReadyNeedsNoAnswer) {
  Say(proxy::Ready{});
  EXPECT_FALSE(Heard<proxy::NameVerdict>());
  EXPECT_GE(names_.fd(), 0);
  EXPECT_EQ(MayResolve("api.example.com"), true);
}

TEST_F(StartedProxyLinkTest, AProxyThatFailsIsNotListenedToAnyMore) {
  Say(proxy::Failed{.message = "out of luck"});
  EXPECT_EQ(names_.fd(), -1);
}

TEST_F(StartedProxyLinkTest, AProxyThatDiesIsNotListenedToAnyMore) {
  proxy_.Reset();
  names_.Take();
  EXPECT_EQ(names_.fd(), -1);
  names_.Take();  // nobody is there
  EXPECT_EQ(names_.fd(), -1);
}

TEST_F(StartedProxyLinkTest, NothingToReadIsNoEnd) {
  names_.Take();
  EXPECT_GE(names_.fd(), 0);
  EXPECT_EQ(MayResolve("api.example.com"), true);
}

// What the proxy would never write ends it: nothing of the packet is used.
TEST_F(StartedProxyLinkTest, APacketOfAnotherFormEndsIt) {
  const proxy::Bytes question =
      proxy::Encode(proxy::FromProxy(proxy::NameQuestion{.id = 1, .name = "api.example.com"}));
  std::vector<proxy::Bytes> packets = {{0}, {0xff, 1, 2}, proxy::Bytes(1024), proxy::Bytes(2000)};
  packets.push_back(question);
  packets.back().pop_back();
  packets.push_back(question);
  packets.back().push_back(0);
  packets.push_back(proxy::Encode(proxy::FromSupervisor(proxy::NameVerdict{.id = 1})));
  for (const proxy::Bytes& packet : packets) {
    auto [ours, theirs] = testing_support::Packets();
    Network network(judge_.files().roots, Inside(), launcher_.second.get());
    ProxyLink names(network, judge_.judge(), serving_);
    names.Begin(std::move(theirs));
    ASSERT_GE(names.fd(), 0);
    ASSERT_EQ(::send(ours.get(), packet.data(), packet.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(packet.size()));
    names.Take();
    EXPECT_EQ(names.fd(), -1) << packet.size();
    EXPECT_TRUE(network.inside().name_sockets.empty());  // who asks now is refused at once
  }
  EXPECT_TRUE(judge_.Recorded().empty());
}

// Answers that nobody reads keep nobody waiting.
TEST_F(StartedProxyLinkTest, AProxyThatDoesNotReadIsNotWaitedFor) {
  for (int i = 0; i < 2000; ++i) {
    Say(proxy::NameQuestion{.id = static_cast<std::uint64_t>(i) + 1, .name = "api.example.com"});
  }
  EXPECT_GE(names_.fd(), 0);
}

TEST(NameQuestionsWithoutAProxy, StartsWithNone) {
  TestJudge judge(kPolicy);
  Network network(judge.files().roots, Inside(), -1);
  Serving serving;
  ProxyLink names(network, judge.judge(), serving);
  EXPECT_EQ(names.fd(), -1);
  auto [ours, theirs] = testing_support::Packets();
  ours.Reset();  // died before it could be told anything
  names.Begin(std::move(theirs));
  EXPECT_EQ(names.fd(), -1);
}

// What can't be recorded is refused all the same.
TEST(NameQuestionsWithoutAJournal, RefuseAsEver) {
  TestJudge judge(kPolicy, 1U << 20U);
  Network network(judge.files().roots, Inside(), -1);
  Serving serving;
  ProxyLink names(network, judge.judge(), serving);
  auto [ours, theirs] = testing_support::Packets();
  names.Begin(std::move(theirs));
  ASSERT_TRUE(proxy::ReceiveWithDescriptors(ours.get()).has_value());
  for (std::uint64_t id = 1; id < 5000; ++id) {
    const proxy::NameQuestion question{.id = id, .name = "no" + std::to_string(id) + ".test"};
    ASSERT_TRUE(proxy::Send(ours.get(), proxy::Encode(proxy::FromProxy(question))).has_value());
    names.Take();
    const auto packet = proxy::Receive(ours.get());
    ASSERT_TRUE(packet.has_value() && packet->has_value());
    const auto message = proxy::DecodeFromSupervisor(**packet);
    ASSERT_TRUE(message.has_value());
    EXPECT_FALSE(std::get<proxy::NameVerdict>(*message).allowed);
  }
}

TEST(NetworkTest, TheProxyIsWantedOnce) {
  const TestRoots files;
  const auto [launcher, supervisor] = testing_support::Packets();
  Network network(files.roots, Inside(), supervisor.get());
  for (int i = 0; i < 3; ++i) {
    network.WantProxy();
  }
  ASSERT_EQ(::fcntl(launcher.get(), F_SETFL, O_NONBLOCK), 0);
  std::array<char, 8> bytes{};
  ASSERT_EQ(::read(launcher.get(), bytes.data(), bytes.size()), 1);
  EXPECT_EQ(bytes[0], static_cast<char>(Message::kProxyWanted));
  EXPECT_EQ(::read(launcher.get(), bytes.data(), bytes.size()), -1);
}

TEST(NetworkTest, TheLastAskerOfAPortIsRemembered) {
  const TestRoots files;
  Network network(files.roots, Inside(), -1);
  EXPECT_EQ(network.FindAsker(4711).pid, 0);
  network.RememberAsker(4711, {.pid = 1, .exe = "/a"});
  network.RememberAsker(4711, {.pid = 2, .exe = "/b"});
  EXPECT_EQ(network.FindAsker(4711).pid, 2);
  EXPECT_EQ(network.FindAsker(4711).exe, "/b");
  EXPECT_EQ(network.FindAsker(4712).pid, 0);
}

TEST(NetworkTest, ASocketIsOutsideUnlessItIsOfTheRunsNamespace) {
  const TestRoots files;
  sandbox::InsideNetwork inside = Inside();
  inside.cookie = NamespaceOf(inside.name_sockets.front());
  inside.fresh4 = testing_support::MakeTcp();
  const int fresh4 = inside.fresh4.get();
  const Network own(files.roots, std::move(inside), -1);
  EXPECT_TRUE(own.is_private());
  EXPECT_FALSE(own.IsOutside(testing_support::MakeTcp()));
  EXPECT_TRUE(own.IsOutside(base::UniqueFd()));
  // A machine without IPv6 has the one kind alone.
  EXPECT_EQ(own.FreshSocket(AF_INET).get(), fresh4);
  EXPECT_EQ(own.FreshSocket(AF_INET6).get(), fresh4);
  sandbox::InsideNetwork other = Inside();
  other.cookie = NamespaceOf(other.name_sockets.front()) + 1;
  other.fresh6 = testing_support::MakeTcp(AF_INET6);
  const int fresh6 = other.fresh6.get();
  const Network another(files.roots, std::move(other), -1);
  EXPECT_TRUE(another.IsOutside(testing_support::MakeTcp()));
  EXPECT_EQ(another.FreshSocket(AF_INET6).get(), fresh6);
  const Network wrapped(files.roots, std::nullopt, -1);
  EXPECT_FALSE(wrapped.is_private());
  EXPECT_TRUE(wrapped.IsOutside(testing_support::MakeTcp()));
}

}  // namespace
}  // namespace aegis::gate
