#include "policy/host_name.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>

namespace aegis::policy {
namespace {

using namespace std::string_view_literals;

// The text of what is named; "!" for what is refused, "=" in front of an address.
std::string Read(std::string_view named) {
  const auto host = ParseHost(named);
  if (!host) {
    return "!";
  }
  return (host->address ? "=" : "") + host->text;
}

TEST(HostNameTest, NamesHaveOneForm) {
  EXPECT_EQ(Read("api.example.com"), "api.example.com");
  EXPECT_EQ(Read("API.Example.COM."), "api.example.com");
  EXPECT_EQ(Read("localhost"), "localhost");
  EXPECT_EQ(Read("_dmarc.a_b.example"), "_dmarc.a_b.example");
  EXPECT_EQ(Read("1a.2-3.x4"), "1a.2-3.x4");
  EXPECT_EQ(Read("0x7g"), "0x7g");
  const std::string label(63, 'a');
  EXPECT_EQ(Read(label + "." + label + "." + label + "." + label.substr(2)),
            label + "." + label + "." + label + "." + label.substr(2));
}

TEST(HostNameTest, OtherScriptsBecomeALabels) {
  EXPECT_EQ(Read("b\u00fccher.example"), "xn--bcher-kva.example");
  EXPECT_EQ(Read("B\u00dcCHER.example"), "xn--bcher-kva.example");
  EXPECT_EQ(Read("bu\u0308cher.example"), "xn--bcher-kva.example") << "composed first";
  EXPECT_EQ(Read("xn--bcher-kva.example"), "xn--bcher-kva.example");
  EXPECT_EQ(Read("XN--BCHER-KVA.example"), "xn--bcher-kva.example");
  EXPECT_EQ(Read("fa\u00df.de"), "xn--fa-hia.de") << "not transitional";
  EXPECT_EQ(Read("a\u3002b"), "a.b") << "the ideographic full stop";
  EXPECT_EQ(Read("\uff11\uff12\uff17.0.0.1"), "=127.0.0.1") << "full-width digits";
  for (const std::string_view bad :
       {"a\u200bb\u2044c.de"sv, "\u2488com"sv, "xn--a.example"sv, "xn--.example"sv, "\xff.de"sv,
        "a\uff0fb.de"sv, "a\uff20b.de"sv, "a\uff05b.de"sv}) {
    EXPECT_EQ(Read(bad), "!") << bad;
  }
}

TEST(HostNameTest, AddressesHaveOneForm) {
  for (const auto& [named, text] : {std::pair("10.0.0.1"sv, "=10.0.0.1"sv),
                                    {"2130706433", "=127.0.0.1"},
                                    {"0x7f.1", "=127.0.0.1"},
                                    {"0X7F000001", "=127.0.0.1"},
                                    {"0177.0.0.1", "=127.0.0.1"},
                                    {"127.1", "=127.0.0.1"},
                                    {"10.1.2", "=10.1.0.2"},
                                    {"0", "=0.0.0.0"},
                                    {"0x", "=0.0.0.0"},
                                    {"4294967295", "=255.255.255.255"},
                                    {"127.0.0.1.", "=127.0.0.1"},
                                    {"010.0.0.1", "=8.0.0.1"},
                                    {"::1", "=::1"},
                                    {"[::1]", "=::1"},
                                    {"2001:DB8:0:0:0::1", "=2001:db8::1"},
                                    {"1:0:0:2:0:0:0:3", "=1:0:0:2::3"},
                                    {"1:2:3:0:4:5:6:7", "=1:2:3:0:4:5:6:7"},
                                    {"::ffff:10.0.0.1", "=10.0.0.1"},
                                    {"::FFFF:a00:1", "=10.0.0.1"},
                                    {"[::ffff:10.0.0.1]", "=10.0.0.1"},
                                    {"64:ff9b::10.0.0.1", "=64:ff9b::a00:1"}}) {
    EXPECT_EQ(Read(named), text) << named;
  }
}

TEST(HostNameTest, WhatIsNeitherIsRefused) {
  for (const std::string_view named : {""sv,
                                       "."sv,
                                       "a..b"sv,
                                       ".a"sv,
                                       "a.."sv,
                                       "-a"sv,
                                       "a-.b"sv,
                                       "a b"sv,
                                       "a\0b"sv,
                                       "a\r\nb"sv,
                                       "a\tb"sv,
                                       "a%b"sv,
                                       "a@b"sv,
                                       "a/b"sv,
                                       "a\\b"sv,
                                       "a*b"sv,
                                       "*"sv,
                                       "*.a.b"sv,
                                       "a:443"sv,
                                       "10.0.0.1:443"sv,
                                       "[::1]:443"sv,
                                       "[::1"sv,
                                       "::1]"sv,
                                       "[10.0.0.1]"sv,
                                       "[]"sv,
                                       "fe80::1%eth0"sv,
                                       "[fe80::1%251]"sv,
                                       ":::"sv,
                                       "1::2::3"sv,
                                       "1.2.3.256"sv,
                                       "1.2.3.4.5"sv,
                                       "256.1.1"sv,
                                       "4294967296"sv,
                                       "08.0.0.1"sv,
                                       "a.1"sv,
                                       "a.0x1"sv,
                                       "1.2.3.0xg.5"sv,
                                       "0x100000000"sv,
                                       "a\x7f.b"sv,
                                       "a.b.."sv}) {
    EXPECT_EQ(Read(named), "!") << named;
  }
  EXPECT_EQ(Read(std::string(64, 'a')), "!");
  std::string longest;
  for (int i = 0; i < 127; ++i) {
    longest += "a.";
  }
  EXPECT_EQ(Read(longest), longest.substr(0, 253));
  EXPECT_EQ(Read(longest + "a"), "!");
  EXPECT_THAT(ParseHost("a\nb").error().message(),
              ::testing::StartsWith("\"a\\u{a}b\" is no host"));
}

std::optional<std::string> ByLibc(const std::string& text) {
  in_addr four{};
  if (::inet_aton(text.c_str(), &four) == 0) {
    return std::nullopt;
  }
  std::array<char, INET_ADDRSTRLEN> out{};
  return ::inet_ntop(AF_INET, &four, out.data(), out.size());
}

// What the resolver of libc takes for an address is that address, and never a name.
TEST(HostNameProperty, LibcAgreesOnFour) {
  constexpr std::array<std::string_view, 24> kParts = {
      "0",     "1",        "7",          "8",          "09", "010",  "0177", "0x7f",
      "0X1",   "0xff",     "255",        "256",        "a",  "0x",   "0xg",  "65535",
      "65536", "16777215", "2130706433", "4294967295", "-1", "0000", "0x00", "4294967296"};
  std::mt19937_64 random(7);
  std::size_t addresses = 0;
  std::size_t names = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::string text;
    for (std::size_t count = 1 + random() % 5; count > 0; --count) {
      text.append(text.empty() ? "" : ".").append(kParts.at(random() % kParts.size()));
    }
    const auto host = ParseHost(text);
    const auto libc = ByLibc(text);
    if (libc) {
      ++addresses;
      ASSERT_TRUE(host.has_value() && host->address) << text;
      ASSERT_EQ(host->text, *libc) << text;
    } else if (host && host->address) {
      // Browsers take a bare 0x for zero.
      ASSERT_TRUE(text.ends_with("0x") || text.find("0x.") != std::string::npos) << text;
    } else if (host) {
      ++names;
      ASSERT_FALSE(EndsInNumber(text)) << text;
    }
  }
  EXPECT_GT(addresses, 1000U);
  EXPECT_GT(names, 1000U);
}

TEST(HostNameProperty, LibcAgreesOnSix) {
  constexpr std::array<std::string_view, 12> kParts = {
      "0", "1", "::", "ffff", "db8", "0001", "DB8", ":", "2001", "1.2.3.4", "12345", "0"};
  std::mt19937_64 random(8);
  std::size_t addresses = 0;
  for (int i = 0; i < 300'000; ++i) {
    std::string text = random() % 2 == 0 ? "::" : "1:";
    for (std::size_t count = random() % 9; count > 0; --count) {
      const std::string_view part = kParts.at(random() % kParts.size());
      text.append(text.ends_with(':') || part.starts_with(':') ? "" : ":").append(part);
    }
    in6_addr six{};
    const bool known = ::inet_pton(AF_INET6, text.c_str(), &six) == 1;
    const auto host = ParseHost(text);
    ASSERT_EQ(host.has_value(), known) << text;
    if (!known) {
      continue;
    }
    ++addresses;
    in6_addr back{};
    if (host->address->six) {
      ASSERT_EQ(::inet_pton(AF_INET6, host->text.c_str(), &back), 1);
      ASSERT_EQ(std::memcmp(&six, &back, sizeof(six)), 0) << text;
    } else {
      ASSERT_EQ(::inet_pton(AF_INET, host->text.c_str(), &back), 1);
      ASSERT_TRUE(IN6_IS_ADDR_V4MAPPED(&six)) << text;
      ASSERT_EQ(std::memcmp(&six.s6_addr[12], &back, 4), 0) << text;
    }
    ASSERT_EQ(ParseHost(host->text), *host) << text;
  }
  EXPECT_GT(addresses, 1000U);
}

TEST(HostNameTest, RangesAreCanonical) {
  for (const std::string_view text :
       {"0.0.0.0/0", "10.0.0.0/8", "10.0.0.1/32", "::/0", "fd00::/8", "2001:db8::/33", "::1/128"}) {
    EXPECT_TRUE(ParseAddressRange(text)) << text;
  }
  for (const std::string_view text :
       {"10.0.0.0", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/", "10.0.0.0/+8", "/8",
        "10/8", "010.0.0.0/8", "FD00::/8", "fd00:0::/8", "fd00::1/8", "::/129", "::ffff:0:0/96",
        "::ffff:10.0.0.0/104", "10.0.0.0/8/8", "10.0.0.0/8 "}) {
    EXPECT_FALSE(ParseAddressRange(text)) << text;
  }
  const auto holds = [](std::string_view range, std::string_view address) {
    return ParseAddressRange(range)->Contains(*ParseAddress(address));
  };
  EXPECT_TRUE(holds("10.0.0.0/8", "10.255.255.255"));
  EXPECT_FALSE(holds("10.0.0.0/8", "11.0.0.0"));
  EXPECT_TRUE(holds("10.0.0.0/9", "::ffff:10.127.0.1"));
  EXPECT_FALSE(holds("10.0.0.0/9", "10.128.0.1"));
  EXPECT_TRUE(holds("0.0.0.0/0", "1.2.3.4"));
  EXPECT_FALSE(holds("::/0", "1.2.3.4"));
  EXPECT_FALSE(holds("0.0.0.0/0", "::1"));
  EXPECT_TRUE(holds("fd00::/8", "fdff::1"));
  EXPECT_FALSE(holds("fd00::/8", "fe00::1"));
  EXPECT_TRUE(holds("::1/128", "::1"));
}

TEST(HostNameTest, WhatIsNotOnTheInternetIsSpecial) {
  for (const std::string_view text : {"0.0.0.0",
                                      "0.1.2.3",
                                      "10.1.2.3",
                                      "100.64.0.1",
                                      "100.127.255.255",
                                      "127.0.0.1",
                                      "127.9.9.9",
                                      "169.254.169.254",
                                      "172.16.0.1",
                                      "172.31.255.255",
                                      "192.0.0.8",
                                      "192.168.1.1",
                                      "198.18.0.1",
                                      "198.19.255.255",
                                      "224.0.0.1",
                                      "239.1.1.1",
                                      "240.0.0.1",
                                      "255.255.255.255",
                                      "203.0.113.7",
                                      "::",
                                      "::1",
                                      "::ffff:10.0.0.1",
                                      "::10.0.0.1",
                                      "fc00::1",
                                      "fdff::1",
                                      "fe80::1",
                                      "fec0::1",
                                      "ff02::1",
                                      "64:ff9b::a00:1",
                                      "64:ff9b::169.254.169.254",
                                      "64:ff9b:1::1",
                                      "2002:a00:1::",
                                      "2002:7f00:1::1",
                                      "2001:0:1::1",
                                      "2001:db8::1",
                                      "3fff::1",
                                      "100::1",
                                      "4000::1"}) {
    EXPECT_TRUE(IsSpecial(*ParseAddress(text))) << text;
  }
  for (const std::string_view text :
       {"1.1.1.1",          "8.8.8.8",         "9.255.255.255",   "11.0.0.0",     "100.63.255.255",
        "100.128.0.0",      "126.0.0.1",       "128.0.0.1",       "169.253.0.1",  "169.255.0.1",
        "172.15.0.1",       "172.32.0.1",      "192.0.1.1",       "192.167.0.1",  "198.17.0.1",
        "198.20.0.1",       "223.255.255.255", "2606:4700::1111", "2a00:1450::1", "2001:4860::1",
        "64:ff9b::1.1.1.1", "2002:101:101::1", "::ffff:1.1.1.1",  "3ffe::1"}) {
    EXPECT_FALSE(IsSpecial(*ParseAddress(text))) << text;
  }
}

TEST(HostNameTest, ConnectionsAreNamedByHostAndPort) {
  EXPECT_EQ(HostAndPort("api.example.com", 443), "api.example.com:443");
  EXPECT_EQ(HostAndPort("10.0.0.1", 0), "10.0.0.1:0");
  EXPECT_EQ(HostAndPort("::1", 65'535), "[::1]:65535");
}

}  // namespace
}  // namespace aegis::policy
