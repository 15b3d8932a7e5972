#include "gate/inet_calls.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/test_requirements.h"
#include "base/unique_fd.h"
#include "gate/call.h"
#include "gate/inet_address.h"
#include "gate/lifecycle.h"
#include "gate/outside_sockets.h"
#include "gate/serving.h"
#include "gate/shared_cpu.h"
#include "gate/socket_calls.h"
#include "gate/test_judge.h"
#include "gate/test_notified_child.h"
#include "gate/test_sockets.h"
#include "gate/tracer.h"
#include "gate/wake_signal.h"
#include "sandbox/inside_network.h"
#include "sandbox/mode.h"

namespace aegis::gate {
namespace {

using testing_support::Loopback;
using testing_support::MakeTcp;
using testing_support::NotifiedChild;
using testing_support::Packets;
using testing_support::TestServer;

constexpr int kSocket = 300;     // the agent's socket
constexpr int kDatagrams = 301;  // and one of datagrams
constexpr int kUnix = 302;

// `annotation`: "@opaque", or nothing.
std::string Permits(std::initializer_list<std::string> resources,
                    std::string_view annotation = {}) {
  std::string policy = R"(@id("none") permit(principal, action == Aegis::Action::"NetConnect", )"
                       R"(resource in Aegis::Resource::"nowhere.test");)";
  for (const std::string& resource : resources) {
    policy.append("\n@id(\"").append(resource);
    policy.append("\") ").append(annotation);
    policy += R"( permit(principal, action == Aegis::Action::"NetConnect", )";
    policy.append(R"(resource in Aegis::Resource::")").append(resource).append("\");");
  }
  return policy;
}

// An agent in a network of its own, which waits in a call; the test is its supervisor.
class Agent {
 public:
  template <typename After>
  Agent(const std::string& policy, After after, int flags = SOCK_NONBLOCK)
      : judge_(policy),
        child_([this, flags] { Enter(flags); }, after),
        network_(judge_.files().roots, Received(), SupervisorEnd()) {}
  explicit Agent(const std::string& policy) : Agent(policy, [] { return 0; }) {}

  Reply Connect(const InetPeer& peer, int fd = kSocket) {
    const SocketAddress address = AddressFor(peer.host.family, peer);
    return Connect(address, fd);
  }
  Reply Connect(const SocketAddress& address, int fd = kSocket) {
    return With({static_cast<std::uint64_t>(fd)},
                [&](Call& call) { return ConnectInet(services_, call, Bytes(address)); });
  }
  Reply Bind(const InetPeer& peer) {
    const SocketAddress address = AddressFor(AF_INET, peer);
    return With({kSocket}, [&](Call& call) { return BindInet(services_, call, Bytes(address)); });
  }
  int Datagram(const InetPeer& peer) {
    const SocketAddress address = AddressFor(peer.host.family, peer);
    int error = -1;
    (void)With({kDatagrams}, [&](Call& call) {
      error = JudgeDatagramTo(services_, call, Bytes(address));
      return Reply::Continue();
    });
    return error;
  }
  Reply Do(Handler handler, std::initializer_list<std::uint64_t> arguments) {
    return With(arguments, [&](Call& call) { return handler(services_, call); });
  }

  // Ends the agent's call; what its `after` said.
  int Finish() { return child_.Finish(); }
  std::vector<std::string> Recorded() const { return judge_.Recorded(); }
  Network& network() { return network_; }
  pid_t pid() const { return child_.pid(); }
  const base::UniqueFd& launcher() const { return launcher_.first; }
  // What the agent has under its number now.
  base::UniqueFd Taken() { return processes_.Descriptor(*processes_.Find(child_.pid()), kSocket); }

 private:
  static std::span<const char> Bytes(const SocketAddress& address) {
    return {reinterpret_cast<const char*>(&address.storage), address.size};
  }

  void Enter(int flags) {
    AEGIS_CHECK(::unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0);
    AEGIS_CHECK(sandbox::SetUpInsideNetwork(channel_.second.get()).has_value());
    AEGIS_CHECK(::dup2(MakeTcp(AF_INET, flags).get(), kSocket) == kSocket);
    const base::UniqueFd datagrams(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    AEGIS_CHECK(::dup2(datagrams.get(), kDatagrams) == kDatagrams);
    AEGIS_CHECK(::dup2(Packets().first.get(), kUnix) == kUnix);
  }
  int SupervisorEnd() const { return launcher_.second.get(); }
  sandbox::InsideNetwork Received() {
    auto inside = sandbox::ReceiveInsideNetwork(channel_.first.get());
    AEGIS_CHECK(inside.has_value());
    return *std::move(inside);
  }

  template <typename Body>
  Reply With(std::initializer_list<std::uint64_t> arguments, Body body) {
    seccomp_notif notification{};
    notification.id = child_.id();
    int index = 0;
    for (const std::uint64_t argument : arguments) {
      notification.data.args[index++] = argument;
    }
    Call call{notification, *processes_.Find(child_.pid())};
    return body(call);
  }

  TestJudge judge_;
  std::pair<base::UniqueFd, base::UniqueFd> channel_ = Packets();
  std::pair<base::UniqueFd, base::UniqueFd> launcher_ = Packets();
  NotifiedChild child_;
  const Roots& roots_ = judge_.files().roots;
  // Its thread that registers lasts as long as the process; none is started without an epoll.
  Network network_;
  ProcessTable processes_{roots_};
  Resolver resolver_{roots_, processes_};
  Executions executions_;
  Serving serving_;
  SharedCpu cpu_;
  Lifecycle lifecycle_{{judge_.judge(), processes_, executions_, resolver_}};
  Tracer tracer_{roots_, lifecycle_, serving_, cpu_};
  Handover handover_{child_.listener(), cpu_};
  BlockingCalls blocking_calls_{child_.listener(), roots_, tracer_, network_};
  BoundSockets bound_sockets_;
  Services services_{child_.listener(),
                     handover_,
                     judge_.judge(),
                     resolver_,
                     processes_,
                     executions_,
                     roots_,
                     blocking_calls_,
                     bound_sockets_,
                     network_,
                     {},
                     sandbox::Level::kFull};
};

void ExpectFailure(const Reply& reply, int error) {
  EXPECT_EQ(reply.kind(), Reply::Kind::kFail);
  EXPECT_EQ(reply.value(), error) << std::strerror(static_cast<int>(reply.value()));  // NOLINT
}

bool Connects(const Reply& reply) {
  return (reply.kind() == Reply::Kind::kReturn && reply.value() == 0) ||
         (reply.kind() == Reply::Kind::kFail && reply.value() == EINPROGRESS);
}

InetHost Host(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  return {.family = AF_INET, .bytes = {a, b, c, d}};
}

std::string Text(const InetPeer& peer) {
  return peer.host.Text() + ":" + std::to_string(peer.port);
}

class InetCallsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_USERNS();
    InstallWakeSignal();
  }

  bool SomebodyConnected() const { return testing_support::WaitFor(server_.socket(), POLLIN, 50); }

  TestServer server_;  // of the host's network
};

TEST_F(InetCallsTest, APermittedConnectionLeadsOutside) {
  Agent agent(Permits({Text(server_.peer())}), [] {
    const base::UniqueFd socket(::fcntl(kSocket, F_DUPFD_CLOEXEC, 0));
    return testing_support::WaitFor(socket, POLLOUT) && ::write(kSocket, "x", 1) == 1 ? 0 : 1;
  });
  EXPECT_TRUE(Connects(agent.Connect(server_.peer())));
  EXPECT_TRUE(agent.network().IsOutside(agent.Taken()));
  ASSERT_TRUE(agent.network().sockets.Find(agent.Taken()));
  EXPECT_EQ(agent.network().sockets.Find(agent.Taken())->pid, agent.pid());
  const base::UniqueFd accepted = server_.Accept();
  EXPECT_EQ(agent.Finish(), 0);
  char byte = 0;
  EXPECT_EQ(::read(accepted.get(), &byte, 1), 1);
  ASSERT_EQ(agent.Recorded().size(), 1U);
  EXPECT_NE(agent.Recorded()[0].find(R"("decision":"allow")"), std::string::npos);
}

TEST_F(InetCallsTest, ARefusedConnectionFindsNobody) {
  Agent agent(Permits({}));
  ExpectFailure(agent.Connect(server_.peer()), EINPROGRESS);
  EXPECT_FALSE(agent.network().IsOutside(agent.Taken()));
  EXPECT_FALSE(SomebodyConnected());
  ASSERT_EQ(agent.Recorded().size(), 1U);
  EXPECT_NE(agent.Recorded()[0].find(R"("reason":"NO_PERMIT")"), std::string::npos);
  // Elsewhere it is refused outright.
  Agent other(Permits({}));
  ExpectFailure(other.Connect({.host = Host(10, 0, 0, 1), .port = 80}), EACCES);
}

// Another spelling of the same address is the same resource.
TEST_F(InetCallsTest, TheUnspecifiedAddressIsTheOwnHost) {
  Agent agent(Permits({Text(server_.peer())}));
  EXPECT_TRUE(Connects(agent.Connect({.host = Host(0, 0, 0, 0), .port = server_.peer().port})));
  EXPECT_NE(agent.Recorded()[0].find("\"resource\":\"" + Text(server_.peer())), std::string::npos);
  EXPECT_TRUE(SomebodyConnected());
}

// Who may reach a name must not choose what is reached on this machine.
TEST_F(InetCallsTest, ANameThatLeadsToThisMachineNeedsARuleForItToo) {
  const std::string named = "api.example.com:" + std::to_string(server_.peer().port);
  for (const bool both : {false, true}) {
    Agent agent(both ? Permits({named, Text(server_.peer())}, "@opaque") : Permits({named}));
    const auto inside = agent.network().names.Give({"api.example.com", Loopback()}, AF_INET);
    ASSERT_TRUE(inside);
    const Reply reply = agent.Connect({.host = *inside, .port = server_.peer().port});
    EXPECT_EQ(Connects(reply), both);
    EXPECT_EQ(SomebodyConnected(), both);
    const std::string recorded = agent.Recorded().back();
    EXPECT_NE(recorded.find("\"resource\":\"" + (both ? named : Text(server_.peer()))),
              std::string::npos)
        << recorded;
  }
}

// It can't be looked at: nothing is connected.
TEST_F(InetCallsTest, ANameThatIsNotOpaqueNeedsTheProxy) {
  const std::string named = "api.example.com:" + std::to_string(server_.peer().port);
  Agent agent(Permits({named, Text(server_.peer())}));
  const auto inside = agent.network().names.Give({"api.example.com", Loopback()}, AF_INET);
  ASSERT_TRUE(inside);
  ExpectFailure(agent.Connect({.host = *inside, .port = server_.peer().port}), ENETUNREACH);
  EXPECT_FALSE(SomebodyConnected());
}

TEST_F(InetCallsTest, AnAddressThatStandsForNoNameIsRefused) {
  Agent agent(Permits({"0.0.0.0/0"}));
  ExpectFailure(agent.Connect({.host = Host(198, 18, 0, 9), .port = 80}), EACCES);
  EXPECT_FALSE(agent.network().IsOutside(agent.Taken()));
}

TEST_F(InetCallsTest, OddSocketsAndAddressesFailAsTheKernelHasIt) {
  Agent agent(Permits({"0.0.0.0/0"}));
  ExpectFailure(agent.Connect(server_.peer(), 999), EBADF);
  ExpectFailure(agent.Connect(server_.peer(), 0), ENOTSOCK);
  ExpectFailure(agent.Connect(server_.peer(), kUnix), EINVAL);
  ExpectFailure(agent.Connect({.host = {.family = AF_INET6, .bytes = {0x20, 1}}, .port = 1}),
                EAFNOSUPPORT);
  SocketAddress cut = server_.address();
  cut.size = 8;
  ExpectFailure(agent.Connect(cut), EINVAL);
  EXPECT_TRUE(agent.Recorded().empty());
}

TEST_F(InetCallsTest, DatagramsStayInTheNamespace) {
  Agent agent(Permits({"10.0.0.1:53"}));
  EXPECT_EQ(agent.Datagram({.host = Host(198, 18, 0, 9), .port = 80}), 0);
  EXPECT_EQ(agent.Datagram({.host = Host(127, 0, 0, 1), .port = 80}), 0);
  EXPECT_FALSE(testing_support::WaitFor(agent.launcher(), POLLIN, 0));
  // A question about a name: the proxy is wanted.
  EXPECT_EQ(agent.Datagram({.host = Host(127, 0, 0, 1), .port = 53}), 0);
  EXPECT_TRUE(testing_support::WaitFor(agent.launcher(), POLLIN, 0));
  EXPECT_TRUE(agent.Recorded().empty());
  // Elsewhere there is no way, permitted or not.
  EXPECT_EQ(agent.Datagram({.host = Host(10, 0, 0, 1), .port = 53}), EACCES);
  EXPECT_EQ(agent.Datagram({.host = Host(10, 0, 0, 2), .port = 53}), EACCES);
  const auto recorded = agent.Recorded();
  ASSERT_EQ(recorded.size(), 2U);
  EXPECT_NE(recorded[0].find(R"("reason":"UNSUPPORTED")"), std::string::npos);
  EXPECT_NE(recorded[1].find(R"("reason":"NO_PERMIT")"), std::string::npos);
}

TEST_F(InetCallsTest, WhoAsksForNamesIsRemembered) {
  Agent agent(Permits({}));
  const Reply reply = agent.Connect({.host = Loopback(), .port = 53}, kDatagrams);
  EXPECT_EQ(reply.kind(), Reply::Kind::kReturn);
  bool found = false;
  for (unsigned port = 1; port <= UINT16_MAX; ++port) {
    found = found || agent.network().FindAsker(static_cast<std::uint16_t>(port)).pid == agent.pid();
  }
  EXPECT_TRUE(found);
}

// The kernel reads the address of a message again: whatever stands there now, a message that would
// connect its socket is not let on.
TEST_F(InetCallsTest, NoMessageConnects) {
  static SocketAddress permitted;
  static SocketAddress refused;
  static sockaddr_un unix_name{.sun_family = AF_UNIX, .sun_path = "/x"};
  static msghdr nameless;
  permitted = AddressFor(AF_INET, {.host = Host(10, 0, 0, 1), .port = 80});
  refused = AddressFor(AF_INET, {.host = Host(10, 0, 0, 2), .port = 80});
  const auto at = [](const void* pointer) { return reinterpret_cast<std::uint64_t>(pointer); };
  Agent agent(Permits({"10.0.0.1:80"}));
  const auto send = [&](const void* name, std::size_t size, std::uint64_t flags) {
    return agent.Do(HandleSendTo, {kSocket, 0, 0, flags, at(name), size});
  };
  ExpectFailure(send(permitted.get(), permitted.size, MSG_FASTOPEN), EOPNOTSUPP);
  ExpectFailure(send(refused.get(), refused.size, MSG_FASTOPEN), EACCES);
  ExpectFailure(send(&unix_name, sizeof unix_name, MSG_FASTOPEN), EOPNOTSUPP);
  ExpectFailure(send(nullptr, 0, MSG_FASTOPEN), EOPNOTSUPP);
  ExpectFailure(agent.Do(HandleSendMsg, {kSocket, at(&nameless), MSG_FASTOPEN}), EOPNOTSUPP);
  // The twins: without the flag the kernel sends what it then finds in the run's own network.
  EXPECT_EQ(send(nullptr, 0, 0).kind(), Reply::Kind::kContinue);
  EXPECT_EQ(agent.Do(HandleSendMsg, {kSocket, at(&nameless), 0}).kind(), Reply::Kind::kContinue);
}

// What was made outside binds and listens nowhere; what is the run's own does.
TEST_F(InetCallsTest, ServersAreOfTheRunsOwnNetwork) {
  Agent inside(Permits({}));
  EXPECT_EQ(inside.Bind({.host = Loopback(), .port = 0}).kind(), Reply::Kind::kReturn);
  EXPECT_EQ(inside.Do(HandleListen, {kSocket, 1}).kind(), Reply::Kind::kReturn);
  ExpectFailure(inside.Do(HandleListen, {999, 1}), EBADF);
  EXPECT_TRUE(inside.Recorded().empty());
  Agent outside(Permits({Text(server_.peer())}));
  ASSERT_TRUE(Connects(outside.Connect(server_.peer())));
  ExpectFailure(outside.Bind({.host = Loopback(), .port = 0}), EACCES);
  ExpectFailure(outside.Do(HandleListen, {kSocket, 1}), EACCES);
  EXPECT_EQ(outside.Recorded().size(), 3U);
}

// The agent learns the address that it connected to, not where the name led.
TEST_F(InetCallsTest, ThePeerIsTheAddressThatWasDialled) {
  static sockaddr_in peer;
  static socklen_t room = sizeof peer;

  const std::string named = "api.example.com:" + std::to_string(server_.peer().port);
  Agent agent(Permits({named, Text(server_.peer())}, "@opaque"), [] {
    return peer.sin_family == AF_INET && room == sizeof peer &&
                   peer.sin_addr.s_addr == htonl(0xc6120002)
               ? 0
               : 1;
  });
  const auto inside = agent.network().names.Give({"api.example.com", Loopback()}, AF_INET);
  ASSERT_TRUE(Connects(agent.Connect({.host = *inside, .port = server_.peer().port})));
  ASSERT_TRUE(testing_support::WaitFor(agent.Taken(), POLLOUT));
  const auto at = [](void* pointer) { return reinterpret_cast<std::uint64_t>(pointer); };
  const Reply reply = agent.Do(HandleGetPeerName, {kSocket, at(&peer), at(&room)});
  EXPECT_EQ(reply.kind(), Reply::Kind::kReturn);
  ExpectFailure(agent.Do(HandleGetPeerName, {kSocket, at(&peer), 8}), EFAULT);
  EXPECT_EQ(agent.Finish(), 0);
}

TEST_F(InetCallsTest, PeersOfTheRunsOwnNetworkAreTheKernelsToTell) {
  Agent agent(Permits({}));
  for (const std::uint64_t fd :
       std::initializer_list<std::uint64_t>{kSocket, kDatagrams, kUnix, 999}) {
    EXPECT_EQ(agent.Do(HandleGetPeerName, {fd, 0, 0}).kind(), Reply::Kind::kContinue);
  }
  EXPECT_EQ(agent.Do(HandleEpollCreate, {0}).kind(), Reply::Kind::kContinue);
}

}  // namespace
}  // namespace aegis::gate
