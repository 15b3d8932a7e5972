#include "gate/peer_address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

namespace aegis::gate {
namespace {

sockaddr_in6 V6(const char* text, int port) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(static_cast<std::uint16_t>(port));
  EXPECT_EQ(::inet_pton(AF_INET6, text, &address.sin6_addr), 1);
  return address;
}

PeerAddress ParseUnix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return ParsePeer(&address, offsetof(sockaddr_un, sun_path) + path.size());
}

TEST(PeerAddressTest, NamesHostAndPort) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(443);
  address.sin_addr.s_addr = htonl(0x0a000001);
  const PeerAddress peer = ParsePeer(&address, sizeof(address));
  EXPECT_EQ(peer.resource, "10.0.0.1:443");
  EXPECT_EQ(peer.host, "10.0.0.1");
  EXPECT_EQ(peer.port, 443);
}

TEST(PeerAddressTest, BracketsIpv6) {
  const sockaddr_in6 address = V6("2001:db8::1", 80);
  EXPECT_EQ(ParsePeer(&address, sizeof(address)).resource, "[2001:db8::1]:80");
  // The form of RFC 2133 lacks the scope.
  EXPECT_EQ(ParsePeer(&address, offsetof(sockaddr_in6, sin6_scope_id)).resource,
            "[2001:db8::1]:80");
}

TEST(PeerAddressTest, AMappedAddressIsTheIpv4Host) {
  const sockaddr_in6 address = V6("::ffff:169.254.169.254", 80);
  EXPECT_EQ(ParsePeer(&address, sizeof(address)).resource, "169.254.169.254:80");
}

TEST(PeerAddressTest, UnixNames) {
  EXPECT_EQ(ParseUnix("/run/x").resource, "unix:/run/x");
  EXPECT_EQ(ParseUnix("/run/x").path, "/run/x");
  EXPECT_EQ(ParseUnix(std::string("/run/x\0rubbish", 14)).path, "/run/x");
  EXPECT_EQ(ParseUnix(std::string("\0name", 5)).resource, "unix:@name");
  EXPECT_TRUE(ParseUnix(std::string("\0name", 5)).path.empty());
  EXPECT_EQ(ParseUnix("/a\xff").resource, "unix:/a\\xff");
}

TEST(PeerAddressTest, ShortAddressesNameTheFamilyOnly) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  EXPECT_EQ(ParsePeer(&address, 8).resource, "family:2");
  EXPECT_EQ(ParsePeer(&address, 1).resource, "family:0");
  EXPECT_EQ(ParsePeer(&address, 0).family, AF_UNSPEC);
}

}  // namespace
}  // namespace aegis::gate
