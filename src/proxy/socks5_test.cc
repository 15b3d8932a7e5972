#include "proxy/socks5.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "proxy/bytes.h"
#include "proxy/host_port.h"
#include "proxy/ip_address.h"
#include "proxy/parsed.h"
#include "proxy/test_addresses.h"
#include "proxy/test_parsed.h"

namespace aegis::proxy {
namespace {

using testing_support::Address;
using testing_support::BytesOf;
using testing_support::IsSteady;

// A request of the address, which has its type before it, and port 443.
Bytes Request(std::string_view address, std::uint8_t command = 1, std::uint8_t reserved = 0) {
  std::string text = {5, static_cast<char>(command), static_cast<char>(reserved)};
  text += address;
  text += "\x01\xbb";
  return BytesOf(text);
}

Bytes NameRequest(std::string_view name) {
  return Request("\x03" + std::string(1, static_cast<char>(name.size())) + std::string(name));
}

// Every prefix needs more, and bytes behind do not matter.
template <class T>
T Read(Bytes bytes, Parsed<T> (*parse)(std::span<const std::uint8_t>)) {
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_TRUE(std::holds_alternative<NeedMore>(parse(std::span(bytes).first(size)))) << size;
  }
  const std::size_t size = bytes.size();
  bytes.push_back(7);
  EXPECT_TRUE(IsSteady(bytes, parse));
  const Parsed<T> parsed = parse(bytes);
  const auto* taken = std::get_if<T>(&parsed);
  EXPECT_NE(taken, nullptr);
  EXPECT_TRUE(taken == nullptr || taken->size == size);
  return taken == nullptr ? T{} : *taken;
}

template <class T>
Refused RefusalOf(const Bytes& bytes, Parsed<T> (*parse)(std::span<const std::uint8_t>)) {
  EXPECT_TRUE(IsSteady(bytes, parse));
  const Parsed<T> parsed = parse(bytes);
  const auto* refused = std::get_if<Refused>(&parsed);
  EXPECT_NE(refused, nullptr);
  return refused == nullptr ? Refused{} : *refused;
}

HostPort Target(const Bytes& bytes) { return Read(bytes, ParseSocksRequest).target; }

// The code of the reply to what is refused; nothing if there is no reply.
std::optional<SocksReply> ReplyTo(const Bytes& bytes) {
  const Refused refused = RefusalOf(bytes, ParseSocksRequest);
  EXPECT_FALSE(refused.reason.empty());
  if (refused.reply.empty()) {
    return std::nullopt;
  }
  EXPECT_EQ(refused.reply.size(), 10U);
  return static_cast<SocksReply>(refused.reply[1]);
}

TEST(SocksGreeting, NoAuthenticationIsPreferred) {
  for (const Bytes& bytes : {Bytes{5, 1, 0}, Bytes{5, 2, 0, 1}, Bytes{5, 3, 2, 1, 0}}) {
    EXPECT_EQ(Read(bytes, ParseSocksGreeting).method, SocksMethod::kNone);
  }
  for (const Bytes& bytes : {Bytes{5, 1, 2}, Bytes{5, 2, 1, 2}}) {
    EXPECT_EQ(Read(bytes, ParseSocksGreeting).method, SocksMethod::kPassword);
  }
  EXPECT_EQ(BuildSocksMethod(SocksMethod::kNone), (Bytes{5, 0}));
  EXPECT_EQ(BuildSocksMethod(SocksMethod::kPassword), (Bytes{5, 2}));
}

TEST(SocksGreeting, OtherMethodsAndVersionsAreRefused) {
  for (const Bytes& bytes : {Bytes{5, 0}, Bytes{5, 1, 1}, Bytes{5, 2, 3, 0xff}}) {
    EXPECT_EQ(RefusalOf(bytes, ParseSocksGreeting).reply, (Bytes{5, 0xff}));
  }
  for (const Bytes& bytes : {Bytes{4}, Bytes{4, 1, 0}, BytesOf("GET / HTTP/1.1"), Bytes{0x16, 3}}) {
    const Refused refused = RefusalOf(bytes, ParseSocksGreeting);
    EXPECT_EQ(refused.reason, "not SOCKS5");
    EXPECT_TRUE(refused.reply.empty());
  }
}

TEST(SocksCredentials, AnyWillDo) {
  Read(BytesOf(std::string_view("\1\4user\4pass", 11)), ParseSocksCredentials);
  Read(Bytes{1, 0, 0}, ParseSocksCredentials);
  Read(BytesOf("\1\xff" + std::string(255, '\0') + "\xff" + std::string(255, 'p')),
       ParseSocksCredentials);
  EXPECT_EQ(BuildSocksWelcome(), (Bytes{1, 0}));
  EXPECT_TRUE(RefusalOf(Bytes{5, 0, 0}, ParseSocksCredentials).reply.empty());
}

TEST(SocksRequest, ReadsEachTypeOfAddress) {
  EXPECT_EQ(Target(Request("\1\xc0\2\2\1")),
            (HostPort{.address = Address("192.2.2.1"), .port = 443}));
  EXPECT_EQ(Target(Request("\4abcdefghijklmnop")).address->family, Family::kIpv6);
  EXPECT_EQ(Target(NameRequest("Www.Example.com.")),
            (HostPort{.name = "www.example.com", .port = 443}));
  EXPECT_EQ(Target(NameRequest(std::string(63, 'a') + ".b")).name, std::string(63, 'a') + ".b");
}

TEST(SocksRequest, AMappedAddressIsTheIpv4Address) {
  EXPECT_EQ(Target(Request(std::string_view("\4\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1", 17))),
            (HostPort{.address = Address("127.0.0.1"), .port = 443}));
}

TEST(SocksRequest, APlainAddressInPlaceOfANameIsTheAddress) {
  EXPECT_EQ(Target(NameRequest("192.0.2.1")),
            (HostPort{.address = Address("192.0.2.1"), .port = 443}));
  EXPECT_EQ(Target(NameRequest("2001:db8::1")),
            (HostPort{.address = Address("2001:db8::1"), .port = 443}));
}

TEST(SocksRequest, NamesThatAreNoneAreRefused) {
  for (const std::string_view name :
       {std::string_view(""), std::string_view("."), std::string_view("a.."),
        std::string_view("a\0b", 3), std::string_view("a\r\nb"), std::string_view("a%b"),
        std::string_view("user@a"), std::string_view("b\xc3\xbc"), std::string_view("0x7f.1"),
        std::string_view("127.1"), std::string_view("2130706433"), std::string_view("[::1]"),
        std::string_view("fe80::1%lo"), std::string_view("127.0.0.1.")}) {
    EXPECT_EQ(ReplyTo(NameRequest(name)), SocksReply::kHostUnreachable) << name;
  }
  EXPECT_EQ(ReplyTo(NameRequest(std::string(64, 'a'))), SocksReply::kHostUnreachable);
  EXPECT_EQ(ReplyTo(NameRequest(std::string(255, 'a'))), SocksReply::kHostUnreachable);
}

TEST(SocksRequest, PortZeroIsRefused) {
  for (Bytes bytes : {NameRequest("a.example"), Request("\1\xc0\2\2\1")}) {
    bytes[bytes.size() - 2] = 0;
    bytes[bytes.size() - 1] = 0;
    EXPECT_EQ(ReplyTo(bytes), SocksReply::kHostUnreachable);
    bytes[bytes.size() - 1] = 1;
    EXPECT_EQ(Target(bytes).port, 1);
  }
}

TEST(SocksRequest, OtherCommandsAreNotSupported) {
  for (const std::uint8_t command : std::to_array<std::uint8_t>({0, 2, 3, 4, 255})) {
    EXPECT_EQ(ReplyTo(Request("\1\xc0\2\2\1", command)), SocksReply::kCommandNotSupported);
    const Bytes cut = {5, command, 0, 1, 192};
    EXPECT_TRUE(std::holds_alternative<NeedMore>(ParseSocksRequest(cut)));
  }
}

TEST(SocksRequest, OtherTypesOfAddressesAreNotSupported) {
  for (const std::uint8_t type : std::to_array<std::uint8_t>({0, 2, 5, 255})) {
    EXPECT_EQ(ReplyTo(Bytes{5, 1, 0, type}), SocksReply::kAddressTypeNotSupported);
    EXPECT_EQ(ReplyTo(Bytes{5, 2, 1, type, 9, 9}), SocksReply::kAddressTypeNotSupported);
  }
}

TEST(SocksRequest, TheFixedPartIsChecked) {
  EXPECT_EQ(ReplyTo(Bytes{4}), std::nullopt);
  EXPECT_EQ(ReplyTo(Request("\1\xc0\2\2\1", 1, 1)), SocksReply::kFailed);
}

TEST(SocksReply, NamesNoAddress) {
  EXPECT_EQ(BuildSocksReply(SocksReply::kGranted), (Bytes{5, 0, 0, 1, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(BuildSocksReply(SocksReply::kNotAllowed), (Bytes{5, 2, 0, 1, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(BuildSocksReply(SocksReply::kConnectionRefused)[1], 5);
}

}  // namespace
}  // namespace aegis::proxy
