#include "gate/published_ports.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "gate/inet_address.h"
#include "policy/host_name.h"

namespace aegis::gate {
namespace {

PublishedPort Port(const char* address, std::uint16_t host_port = 0) {
  return {.address = policy::ParseAddress(address).value(), .host_port = host_port, .port = 3000};
}

bool Connects(const PublishedPort& port) {
  const int family = port.address.six ? AF_INET6 : AF_INET;
  const base::UniqueFd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const SocketAddress there = AddressFor(
      family, {.host = CanonicalHost(family, port.address.bytes), .port = port.host_port});
  return ::connect(socket.get(), there.get(), there.size) == 0;
}

TEST(PublishedPorts, TextsSayBothPorts) {
  EXPECT_EQ(TextOf(Port("127.0.0.1", 8080)), "127.0.0.1:8080:3000");
  EXPECT_EQ(TextOf(Port("::1", 8080)), "[::1]:8080:3000");
}

TEST(PublishedPorts, TheyListenWhereTheySay) {
  auto open = OpenPublishedPorts(std::vector{Port("127.0.0.1"), Port("127.0.0.1"), Port("::1")});
  ASSERT_TRUE(open) << open.error().message();
  for (const OpenPort& one : *open) {
    EXPECT_NE(one.where.host_port, 0);
    EXPECT_TRUE(Connects(one.where)) << TextOf(one.where);
  }
  PublishedPort elsewhere = (*open)[0].where;
  elsewhere.address = policy::ParseAddress("127.0.0.2").value();
  EXPECT_FALSE(Connects(elsewhere));
  const PublishedPort first = (*open)[0].where;
  open->clear();
  EXPECT_FALSE(Connects(first));
}

TEST(PublishedPorts, ATakenPortIsNamed) {
  const auto open = OpenPublishedPorts(std::vector{Port("127.0.0.1")});
  ASSERT_TRUE(open);
  const PublishedPort taken = open->front().where;
  const auto again = OpenPublishedPorts(std::vector{Port("127.0.0.1"), taken});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), base::Errc::kExists);
  EXPECT_EQ(again.error().message(),
            "publish 127.0.0.1:" + std::to_string(taken.host_port) + ": the port is taken");
}

// An address of all machines of one family leaves the other one's free.
TEST(PublishedPorts, FamiliesAreApart) {
  const auto four = OpenPublishedPorts(std::vector{Port("0.0.0.0")});
  ASSERT_TRUE(four);
  const auto six = OpenPublishedPorts(std::vector{Port("::", four->front().where.host_port)});
  EXPECT_TRUE(six) << six.error().message();
}

TEST(PublishedPorts, AnotherMachinesAddressIsRefused) {
  const auto open = OpenPublishedPorts(std::vector{Port("192.0.2.1", 8080)});
  ASSERT_FALSE(open);
  EXPECT_EQ(open.error().message(), "publish 192.0.2.1:8080: this machine has no such address");
}

TEST(PublishedPorts, ThereAreNotTooMany) {
  EXPECT_TRUE(OpenPublishedPorts(std::vector(32, Port("127.0.0.1"))));
  const auto more = OpenPublishedPorts(std::vector(33, Port("127.0.0.1")));
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().message(), "publish ports: a run has at most 32");
}

}  // namespace
}  // namespace aegis::gate
