#include "gate/inet_address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aegis::gate {
namespace {

InetHost Host(const std::string& text) {
  std::array<std::uint8_t, 16> bytes{};
  if (::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) {
    return {.family = AF_INET, .bytes = bytes};
  }
  EXPECT_EQ(::inet_pton(AF_INET6, text.c_str(), bytes.data()), 1) << text;
  return {.family = AF_INET6, .bytes = bytes};
}

// The system's own sockaddr for a numeric address and port.
std::vector<char> Resolved(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  EXPECT_EQ(::getaddrinfo(host.c_str(), port.c_str(), &hints, &found), 0) << host;
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
  const char* const bytes = reinterpret_cast<const char*>(found->ai_addr);
  return {bytes, bytes + found->ai_addrlen};
}

std::optional<InetPeer> Parse(const std::vector<char>& bytes) {
  return ParseInetPeer(bytes.data(), bytes.size());
}

TEST(InetAddress, AddressesAreReadAsTheSystemWritesThem) {
  for (const char* text : {"10.0.0.1", "0.0.0.0", "255.255.255.255", "127.0.0.1", "::", "::1",
                           "2001:db8::1", "fe80::1", "fd61:6567:6973::5"}) {
    const auto peer = Parse(Resolved(text, "443"));
    ASSERT_TRUE(peer) << text;
    EXPECT_EQ(peer->host, Host(text)) << text;
    EXPECT_EQ(peer->host.Text(), text);
    EXPECT_EQ(peer->port, 443);
  }
  EXPECT_EQ(Parse(Resolved("10.0.0.1", "0"))->port, 0);
  EXPECT_EQ(Parse(Resolved("10.0.0.1", "65535"))->port, 65535);
}

// Whoever writes an IPv4 address as an IPv6 one gets the rules for the IPv4 address.
TEST(InetAddress, AMappedAddressIsTheIpv4Address) {
  const auto peer = Parse(Resolved("::ffff:10.1.2.3", "80"));
  ASSERT_TRUE(peer);
  EXPECT_EQ(peer->host, Host("10.1.2.3"));
  EXPECT_TRUE(Parse(Resolved("::ffff:127.0.0.1", "80"))->host.IsOwnHost());
  EXPECT_TRUE(Parse(Resolved("::ffff:0.0.0.0", "80"))->host.IsUnspecified());
  // The twins: what only looks like it stays what it is.
  for (const char* text : {"::fffe:a01:203", "::10.1.2.3", "64:ff9b::a01:203", "1::ffff:a01:203",
                           "::ffff:0:a01:203"}) {
    EXPECT_EQ(Parse(Resolved(text, "80"))->host.family, AF_INET6) << text;
  }
}

// No byte beyond what the caller named is looked at: the vector has no more.
TEST(InetAddress, AnyLengthIsReadOrRefused) {
  const std::map<std::string, std::size_t> shortest = {{"10.0.0.1", sizeof(sockaddr_in)},
                                                       {"2001:db8::1", 24}};
  for (const auto& [text, least] : shortest) {
    const std::vector<char> whole = Resolved(text, "443");
    for (std::size_t size = 0; size <= sizeof(sockaddr_storage); ++size) {
      std::vector<char> bytes = whole;
      bytes.resize(size, '\x7f');
      const auto peer = Parse(bytes);
      EXPECT_EQ(peer.has_value(), size >= least) << text << " " << size;
      if (peer) {
        EXPECT_EQ(peer->host, Host(text));
        EXPECT_EQ(peer->port, 443);
      }
    }
  }
}

TEST(InetAddress, OtherFamiliesAreNone) {
  const std::vector<char> whole = Resolved("10.0.0.1", "443");
  for (unsigned family = 0; family <= UINT16_MAX; ++family) {
    std::vector<char> bytes = whole;
    bytes.resize(sizeof(sockaddr_storage));
    const auto number = static_cast<sa_family_t>(family);
    std::memcpy(bytes.data(), &number, sizeof number);
    EXPECT_EQ(Parse(bytes).has_value(), family == AF_INET || family == AF_INET6) << family;
  }
}

TEST(InetAddress, ASocketAddressLeadsBack) {
  for (const char* text : {"10.0.0.1", "255.0.1.2", "2001:db8::1", "::1", "::"}) {
    const InetPeer peer{.host = Host(text), .port = 8443};
    const SocketAddress own = AddressFor(peer.host.family, peer);
    const std::vector<char> expected = Resolved(text, "8443");
    ASSERT_EQ(own.size, expected.size());
    EXPECT_EQ(std::memcmp(own.get(), expected.data(), own.size), 0) << text;
    // A socket of IPv6 takes either.
    const SocketAddress six = AddressFor(AF_INET6, peer);
    EXPECT_EQ(six.size, sizeof(sockaddr_in6));
    const auto back = ParseInetPeer(six.get(), six.size);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->host, peer.host) << text;
    EXPECT_EQ(back->port, peer.port);
  }
  EXPECT_EQ(AddressFor(AF_INET, {.host = Host("10.0.0.1"), .port = 1}).storage.ss_family, AF_INET);
  EXPECT_EQ(AddressFor(AF_INET6, {.host = Host("10.0.0.1"), .port = 1}).storage.ss_family,
            AF_INET6);
}

TEST(InetAddress, TheOwnHost) {
  for (const char* text : {"127.0.0.1", "127.0.0.0", "127.255.255.255", "0.0.0.0", "::1", "::"}) {
    EXPECT_TRUE(Host(text).IsOwnHost()) << text;
  }
  for (const char* text : {"126.255.255.255", "128.0.0.1", "0.0.0.1", "10.0.0.1", "169.254.169.254",
                           "::2", "::1:0:0", "1::", "fe80::1", "::127.0.0.1"}) {
    EXPECT_FALSE(Host(text).IsOwnHost()) << text;
  }
}

TEST(InetAddress, TheUnspecifiedAddress) {
  EXPECT_TRUE(Host("0.0.0.0").IsUnspecified());
  EXPECT_TRUE(Host("::").IsUnspecified());
  for (const char* text : {"0.0.0.1", "127.0.0.1", "::1", "8000::", "255.255.255.255"}) {
    EXPECT_FALSE(Host(text).IsUnspecified()) << text;
  }
}

// A key of maps: families stay apart, though their bytes are the same.
TEST(InetAddress, HostsAreInOrder) {
  EXPECT_NE(Host("0.0.0.0"), Host("::"));
  EXPECT_LT(Host("10.0.0.1"), Host("10.0.0.2"));
  EXPECT_EQ(CanonicalHost(AF_INET, Host("10.0.0.1").bytes), Host("10.0.0.1"));
  // What stands behind an IPv4 address is nothing.
  std::array<std::uint8_t, 16> bytes = Host("10.0.0.1").bytes;
  bytes.back() = 7;
  EXPECT_EQ(CanonicalHost(AF_INET, bytes), Host("10.0.0.1"));
}

}  // namespace
}  // namespace aegis::gate
