#include "gate/address_map.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <set>
#include <string>

#include "gate/inet_address.h"

namespace aegis::gate {
namespace {

InetHost Host(const std::string& text) {
  std::array<std::uint8_t, 16> bytes{};
  const int family = text.find(':') == std::string::npos ? AF_INET : AF_INET6;
  EXPECT_EQ(::inet_pton(family, text.c_str(), bytes.data()), 1) << text;
  return {.family = family, .bytes = bytes};
}

InetHost Numbered(std::uint32_t number) {
  InetHost host;
  const std::uint32_t order = ::htonl(number);
  std::memcpy(host.bytes.data(), &order, sizeof order);
  return host;
}

TEST(AddressMap, OneForEachNameAddressAndFamily) {
  AddressMap map;
  const InetHost shared = Host("93.184.216.34");
  const auto first = map.Give({"a.example", shared}, AF_INET);
  ASSERT_TRUE(first);
  EXPECT_EQ(map.Give({"a.example", shared}, AF_INET), first);  // the same again
  std::set<InetHost> all = {*first};
  // Names that share an address, addresses that share a name, and the other family stay apart.
  EXPECT_TRUE(all.insert(*map.Give({"b.example", shared}, AF_INET)).second);
  EXPECT_TRUE(all.insert(*map.Give({"a.example", Host("93.184.216.35")}, AF_INET)).second);
  EXPECT_TRUE(all.insert(*map.Give({"a.example", shared}, AF_INET6)).second);
  EXPECT_TRUE(all.insert(*map.Give({"a.example", Host("2001:db8::1")}, AF_INET6)).second);
  for (const InetHost& inside : all) {
    EXPECT_TRUE(AddressMap::IsInRange(inside)) << inside.Text();
    EXPECT_FALSE(inside.IsOwnHost());
  }
}

TEST(AddressMap, AnAddressStandsForWhatItWasGivenFor) {
  AddressMap map;
  const auto four = map.Give({"a.example", Host("10.1.2.3")}, AF_INET);
  const auto six = map.Give({"b.example", Host("10.1.2.3")}, AF_INET6);
  ASSERT_TRUE(four && six);
  EXPECT_EQ(four->family, AF_INET);
  EXPECT_EQ(six->family, AF_INET6);
  ASSERT_NE(map.Find(*four), nullptr);
  EXPECT_EQ(map.Find(*four)->name, "a.example");
  EXPECT_EQ(map.Find(*four)->real, Host("10.1.2.3"));
  ASSERT_NE(map.Find(*six), nullptr);
  EXPECT_EQ(map.Find(*six)->name, "b.example");
  EXPECT_EQ(map.Find(*six)->real, Host("10.1.2.3"));
}

TEST(AddressMap, WhatWasNotGivenStandsForNothing) {
  AddressMap map;
  EXPECT_EQ(map.Find(Host("198.18.0.2")), nullptr);
  const auto given = map.Give({"a.example", Host("10.1.2.3")}, AF_INET);
  ASSERT_TRUE(given);
  for (const char* other : {"198.18.0.0", "198.18.0.1", "198.18.0.3", "198.19.255.255", "10.1.2.3",
                            "127.0.0.1", "fd61:6567:6973::2"}) {
    EXPECT_EQ(map.Find(Host(other)), nullptr) << other;
  }
  EXPECT_EQ(*given, Host("198.18.0.2"));  // the namespace's own address is not given
}

TEST(AddressMap, ThereAreSoManyAndNoMore) {
  for (const int family : {AF_INET, AF_INET6}) {
    AddressMap map;
    std::set<InetHost> all;
    std::uint32_t given = 0;
    std::optional<InetHost> last;
    for (; given <= AddressMap::kMost; ++given) {
      const auto inside = map.Give({"a.example", Numbered(given)}, family);
      if (!inside) {
        break;
      }
      last = inside;
      EXPECT_TRUE(AddressMap::IsInRange(*inside)) << inside->Text();
      EXPECT_TRUE(all.insert(*inside).second) << inside->Text();
    }
    EXPECT_EQ(given, AddressMap::kMost - 2);
    // What is given stays, and the other family has its own.
    EXPECT_EQ(map.Give({"a.example", Numbered(given - 1)}, family), last);
    EXPECT_EQ(map.Find(*last)->real, Numbered(given - 1));
    EXPECT_FALSE(map.Give({"b.example", Numbered(1)}, family));
    EXPECT_TRUE(map.Give({"b.example", Numbered(1)}, family == AF_INET ? AF_INET6 : AF_INET));
  }
}

TEST(AddressMap, TheRanges) {
  for (const char* text : {"198.18.0.0", "198.18.0.1", "198.19.255.255",
                           "fd61:6567:6973::", "fd61:6567:6973:0:ffff:ffff:ffff:ffff"}) {
    EXPECT_TRUE(AddressMap::IsInRange(Host(text))) << text;
  }
  for (const char* text :
       {"198.17.255.255", "198.20.0.0", "199.18.0.1", "127.0.0.1", "0.0.0.0", "::", "::1",
        "fd61:6567:6973:1::", "fd61:6567:6972:ffff::", "fd61:6567:6974::", "c612::"}) {
    EXPECT_FALSE(AddressMap::IsInRange(Host(text))) << text;
  }
}

}  // namespace
}  // namespace aegis::gate
