#include "proxy/stage.h"

#include <ares.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>  // WEXITED
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/test_requirements.h"
#include "base/unique_fd.h"
#include "proxy/bytes.h"
#include "proxy/channel.h"
#include "proxy/dns_message.h"
#include "proxy/ip_address.h"
#include "proxy/protocol.h"
#include "proxy/test_addresses.h"
#include "proxy/test_dns_reader.h"
#include "proxy/test_dns_server.h"

namespace aegis::proxy {
namespace {

using testing_support::Address;
using testing_support::AddressOfSocket;
using testing_support::DnsServer;
using testing_support::LoopbackSocket;
using testing_support::Readable;
using testing_support::ReadAnswer;
using testing_support::ReadDnsAnswer;

constexpr int kSoon = 10'000;

std::optional<Bytes> Internet(const DnsQuery& query) {
  if (query.name != "www.test") {
    return BuildDnsAnswer(query, Rcode::kNxDomain);
  }
  return BuildDnsAnswer(query, Rcode::kNoError,
                        std::vector{Address(query.type == kTypeA ? "192.0.2.7" : "2001:db8::7")},
                        5);
}

// The real process, confined, with this one as agent, supervisor and the outside.
class Stage : public ::testing::Test {
 public:
  void Begin() {
    auto started =
        StartProxy({.program = PROXY_STAGE, .argv = {std::string(kProxyName), outside.Where()}});
    ASSERT_TRUE(started) << started.error().message();
    proxy.emplace(std::move(*started));
    ASSERT_TRUE(SendStart(proxy->socket(), {.name_sockets = 1}, std::array{serving.get()}));
    const FromProxy first = Told();
    const auto* const failed = std::get_if<Failed>(&first);
    ASSERT_TRUE(std::holds_alternative<Ready>(first)) << (failed == nullptr ? "" : failed->message);
  }

  FromProxy Told() const {
    EXPECT_TRUE(Readable(proxy->socket(), kSoon));
    const auto packet = Receive(proxy->socket());
    EXPECT_TRUE(packet && *packet);
    const auto message = DecodeFromProxy(packet && *packet ? **packet : Bytes{});
    EXPECT_TRUE(message);
    // Not value_or(): with sanitizers g++ takes the temporary for uninitialized.
    return message ? *message : FromProxy{Ready{}};
  }
  void Say(const FromSupervisor& message) const {
    EXPECT_TRUE(Send(proxy->socket(), Encode(message)));
  }
  void Ask(const std::string& name, int type) const {
    unsigned char* bytes = nullptr;
    int size = 0;
    ASSERT_EQ(ares_create_query(name.c_str(), kClassIn, type, 1, 1, &bytes, &size, 0),
              ARES_SUCCESS);
    const sockaddr_in to = AddressOfSocket(serving.get());
    EXPECT_EQ(::sendto(agent.get(), bytes, static_cast<std::size_t>(size), 0,
                       reinterpret_cast<const sockaddr*>(&to), sizeof to),
              size);
    ares_free_string(bytes);
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
  // Allows what is asked next.
  void Allow() const {
    const FromProxy asked = Told();
    ASSERT_TRUE(std::holds_alternative<NameQuestion>(asked));
    Say(NameVerdict{.id = std::get<NameQuestion>(asked).id, .allowed = true});
  }
  // How it ended, without reaping it.
  siginfo_t End() const {
    siginfo_t info{};
    EXPECT_TRUE(Readable(proxy->pidfd(), kSoon));
    EXPECT_EQ(::waitid(P_PIDFD, static_cast<id_t>(proxy->pidfd()), &info, WEXITED | WNOWAIT), 0);
    return info;
  }

  DnsServer outside{Internet};
  base::UniqueFd serving = LoopbackSocket();
  base::UniqueFd agent = LoopbackSocket();
  std::optional<ProxyProcess> proxy;
};

TEST_F(Stage, ResolvesConfined) {
  REQUIRE_LANDLOCK(2);
  ASSERT_NO_FATAL_FAILURE(Begin());
  for (const int type : {int{kTypeA}, int{kTypeAaaa}}) {
    Ask("www.test", type);
    ASSERT_NO_FATAL_FAILURE(Allow());
    const FromProxy found = Told();
    ASSERT_TRUE(std::holds_alternative<NameAddresses>(found));
    const auto& addresses = std::get<NameAddresses>(found);
    EXPECT_EQ(addresses.addresses,
              std::vector{Address(type == kTypeA ? "192.0.2.7" : "2001:db8::7")});
    Say(NameMapped{.id = addresses.id,
                   .addresses = {Address(type == kTypeA ? "198.18.0.1" : "fd00::1")}});
    const ReadAnswer answer = Answered();
    ASSERT_EQ(answer.answers.size(), 1U);
    EXPECT_EQ(answer.answers[0].data.size(), type == kTypeA ? 4U : 16U);
  }
  Ask("missing.test", kTypeA);
  ASSERT_NO_FATAL_FAILURE(Allow());
  EXPECT_EQ(Answered().rcode(), 3U);
}

TEST_F(Stage, ARefusedNameNeverLeaves) {
  REQUIRE_LANDLOCK(2);
  ASSERT_NO_FATAL_FAILURE(Begin());
  Ask("secret.www.test", kTypeA);
  const FromProxy asked = Told();
  ASSERT_TRUE(std::holds_alternative<NameQuestion>(asked));
  Say(NameVerdict{.id = std::get<NameQuestion>(asked).id, .allowed = false});
  EXPECT_EQ(Answered().rcode(), 3U);
  EXPECT_TRUE(outside.Asked().empty());
}

// A name of the machine's own file, which stays readable.
TEST_F(Stage, ReadsTheHostsFileConfined) {
  REQUIRE_LANDLOCK(2);
  std::ifstream hosts("/etc/hosts");
  std::string name;
  for (std::string line; name.empty() && std::getline(hosts, line);) {
    std::istringstream words(line);
    std::string address;
    words >> address >> name;
    if (Address(address).family != Family::kIpv4 || name.starts_with("localhost")) {
      name.clear();
    }
  }
  if (name.empty()) {
    GTEST_SKIP() << "needs a name in /etc/hosts";
  }
  ASSERT_NO_FATAL_FAILURE(Begin());
  Ask(name, kTypeA);
  ASSERT_NO_FATAL_FAILURE(Allow());
  EXPECT_TRUE(std::holds_alternative<NameAddresses>(Told())) << name;
  EXPECT_TRUE(outside.Asked().empty());
}

TEST_F(Stage, EndsWhenNobodyIsThere) {
  REQUIRE_LANDLOCK(2);
  ASSERT_NO_FATAL_FAILURE(Begin());
  proxy->TakeSocket().Reset();
  const siginfo_t end = End();
  EXPECT_EQ(end.si_code, CLD_EXITED);
  EXPECT_EQ(end.si_status, 0);
}

TEST_F(Stage, IsKilledWithItsOwner) {
  REQUIRE_LANDLOCK(2);
  ASSERT_NO_FATAL_FAILURE(Begin());
  const base::UniqueFd socket = proxy->TakeSocket();
  proxy.reset();
  EXPECT_FALSE(Receive(socket.get()).value());
}

TEST_F(Stage, AnImproperStartIsSaid) {
  auto started = StartProxy({.program = PROXY_STAGE, .argv = {"stage", outside.Where()}});
  ASSERT_TRUE(started);
  proxy.emplace(std::move(*started));
  Say(Start{.name_sockets = 2});  // without any
  const FromProxy first = Told();
  ASSERT_TRUE(std::holds_alternative<Failed>(first));
  EXPECT_EQ(std::get<Failed>(first).message, "start the proxy: not a proper start");
  EXPECT_EQ(End().si_status, 1);
}

TEST_F(Stage, WrongServersAreSaid) {
  auto started = StartProxy({.program = PROXY_STAGE, .argv = {"stage", "nonsense:x"}});
  ASSERT_TRUE(started);
  proxy.emplace(std::move(*started));
  ASSERT_TRUE(SendStart(proxy->socket(), {.name_sockets = 1}, std::array{serving.get()}));
  const FromProxy first = Told();
  ASSERT_TRUE(std::holds_alternative<Failed>(first));
  EXPECT_TRUE(std::get<Failed>(first).message.starts_with("set the name servers: "));
}

TEST_F(Stage, AStartThatNeverComesEndsIt) {
  auto started = StartProxy({.program = PROXY_STAGE, .argv = {"stage"}});
  ASSERT_TRUE(started);
  proxy.emplace(std::move(*started));
  proxy->TakeSocket().Reset();
  EXPECT_EQ(End().si_status, 1);
}

TEST(StartProxy, ANamedProgramMustStart) {
  const auto started = StartProxy({.program = "/nonexistent/proxy", .argv = {"x"}});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().message(), "start the proxy: No such file or directory");
}

}  // namespace
}  // namespace aegis::proxy
