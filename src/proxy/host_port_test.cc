#include "proxy/host_port.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "proxy/bytes.h"
#include "proxy/ip_address.h"
#include "proxy/test_addresses.h"

namespace aegis::proxy {
namespace {

using testing_support::Address;

constexpr std::string_view kNeither = "neither a host's name nor an address";

HostPort Taken(std::string_view host) {
  const auto target = HostPortOf(host, 443);
  EXPECT_TRUE(target) << host;
  return target ? *target : HostPort{};
}

TEST(HostPort, NamesHaveOneForm) {
  const HostPort target{.name = "www.example.com", .port = 443};
  for (const std::string_view host : {"www.example.com", "WWW.Example.COM", "www.example.com."}) {
    EXPECT_EQ(Taken(host), target) << host;
  }
}

TEST(HostPort, PlainAddressesAreAddresses) {
  for (const std::string_view host :
       {"192.0.2.1", "0.0.0.0", "2001:db8::1", "::", "2001:DB8:0:0::1", "64:ff9b::192.0.2.1"}) {
    EXPECT_EQ(Taken(host), (HostPort{.address = Address(host), .port = 443})) << host;
  }
}

TEST(HostPort, OtherTextIsRefused) {
  for (const std::string_view host :
       {"",           ".",          "a..",        "a b",        "a%b",          "a@b",
        "a\r\nb",     "b\xc3\xbc",  "a:1",        "[::1]",      "fe80::1%eth0", "127.1",
        "0x7f.0.0.1", "0177.0.0.1", "2130706433", "127.0.0.01", "127.0.0.1.",   "1.2.3.4.5",
        "256.0.0.1",  "::1.",       "1::2::3",    ":::",        "12345::"}) {
    const auto target = HostPortOf(host, 443);
    ASSERT_FALSE(target) << host;
    EXPECT_EQ(target.error(), kNeither);
  }
  EXPECT_FALSE(HostPortOf(std::string_view("a\0b", 3), 443));
  EXPECT_FALSE(HostPortOf(std::string_view("127.0.0.1\0", 10), 443));
  EXPECT_FALSE(HostPortOf(std::string(70000, 'a'), 443));
  EXPECT_FALSE(HostPortOf(std::string(254, 'a'), 443));
}

TEST(HostPort, PortZeroIsNone) {
  EXPECT_EQ(HostPortOf("a.example", 0).error(), "port 0");
  EXPECT_EQ(HostPortOf("192.0.2.1", 0).error(), "port 0");
  EXPECT_EQ(HostPortOf("a.example", 65535)->port, 65535);
}

TEST(HostPort, AMappedAddressIsTheIpv4Address) {
  EXPECT_EQ(Taken("::ffff:127.0.0.1"), Taken("127.0.0.1"));
  EXPECT_EQ(Taken("::FFFF:7f00:1"), Taken("127.0.0.1"));
  EXPECT_EQ(Taken("::fffe:7f00:1").address->family, Family::kIpv6);
  EXPECT_EQ(AddressOf(Address("::ffff:10.0.0.1").bytes), Address("10.0.0.1"));
  EXPECT_EQ(AddressOf(Address("2001:db8::1").bytes), Address("2001:db8::1"));
  EXPECT_EQ(AddressOf(Bytes{10, 0, 0, 1}), Address("10.0.0.1"));
}

}  // namespace
}  // namespace aegis::proxy
