#include "proxy/protocol.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/bytes.h"
#include "proxy/ip_address.h"
#include "proxy/test_addresses.h"

namespace aegis::proxy {
namespace {

using testing_support::Address;

std::string Long(std::string_view character) {
  std::string name;
  for (const int size : {63, 63, 63, 61}) {
    name += name.empty() ? "" : ".";
    for (int i = 0; i < size; ++i) {
      name += character;
    }
  }
  return name;
}

std::vector<FromProxy> OfProxy() {
  return {
      Ready{},
      Failed{.message = "no resolver"},
      Failed{.message = std::string(kLongestFailure, 'x')},
      NameQuestion{
          .id = 7, .family = Family::kIpv4, .client_port = 40000, .name = "www.example.com"},
      NameQuestion{.id = ~std::uint64_t{0}, .client_port = 1, .name = Long("a")},
      NameQuestion{.family = Family::kIpv6, .odd = true, .name = Long("\\x00")},
      NameQuestion{.odd = true, .name = "10.0.0.1"},
      NameAddresses{.id = 7, .name = "a", .addresses = {Address("192.0.2.1"), Address("2001::1")}},
      NameAddresses{.id = 8,
                    .name = Long("b"),
                    .addresses = std::vector<IpAddress>(kMostAddresses, Address("fd00::2"))},
      ConnectionRefused{.id = 9, .objection = Objection::kOtherName, .seen = "b.test"},
      ConnectionRefused{.id = 9, .objection = Objection::kMalformed},
      Finished{},
      PublishedUse{.connections = ~std::uint64_t{0}},
  };
}

std::vector<FromSupervisor> OfSupervisor() {
  return {
      Start{.name_sockets = 1},
      Start{.name_sockets = kMostNameSockets, .meeting_port4 = 1, .meeting_port6 = 65'535},
      Start{.name_sockets = 1, .published = {3000}},
      Start{.name_sockets = 1,
            .published = std::vector<std::uint16_t>(kMostPublishedPorts, 65'535)},
      NewConnection{.id = 9, .name = Long("c"), .port = 443},
      Finish{},
      NameVerdict{.id = 7, .allowed = true},
      NameVerdict{.id = 8},
      NameMapped{.id = 7, .addresses = {Address("198.18.0.1")}},
      NameMapped{.id = 7, .addresses = std::vector<IpAddress>(kMostAddresses, Address("::1"))},
      NameMapped{.id = 8},
  };
}

TEST(Protocol, MessagesAreReadAsWritten) {
  for (const FromProxy& message : OfProxy()) {
    const Bytes packet = Encode(message);
    EXPECT_LE(packet.size(), kLongestMessage);
    const auto read = DecodeFromProxy(packet);
    ASSERT_TRUE(read) << message.index();
    EXPECT_EQ(*read, message);
  }
  for (const FromSupervisor& message : OfSupervisor()) {
    const Bytes packet = Encode(message);
    EXPECT_LE(packet.size(), kLongestMessage);
    const auto read = DecodeFromSupervisor(packet);
    ASSERT_TRUE(read) << message.index();
    EXPECT_EQ(*read, message);
  }
}

TEST(Protocol, EachKindHasOneSize) {
  const auto messages = OfProxy();
  EXPECT_EQ(Encode(messages[1]).size(), Encode(messages[2]).size());
  EXPECT_EQ(Encode(messages[3]).size(), Encode(messages[4]).size());
  EXPECT_EQ(Encode(messages[3]).size(), kLongestMessage);
  EXPECT_EQ(Encode(messages[7]).size(), Encode(messages[8]).size());
}

TEST(Protocol, NoDirectionTakesTheOther) {
  for (const FromProxy& message : OfProxy()) {
    EXPECT_FALSE(DecodeFromSupervisor(Encode(message)));
  }
  for (const FromSupervisor& message : OfSupervisor()) {
    EXPECT_FALSE(DecodeFromProxy(Encode(message)));
  }
}

TEST(Protocol, CutAndLongerPacketsAreRefused) {
  for (const FromProxy& message : OfProxy()) {
    Bytes packet = Encode(message);
    for (std::size_t size = 0; size < packet.size(); ++size) {
      EXPECT_FALSE(DecodeFromProxy(std::span(packet).first(size))) << message.index();
    }
    packet.push_back(0);
    EXPECT_FALSE(DecodeFromProxy(packet)) << message.index();
  }
  for (const FromSupervisor& message : OfSupervisor()) {
    Bytes packet = Encode(message);
    for (std::size_t size = 0; size < packet.size(); ++size) {
      EXPECT_FALSE(DecodeFromSupervisor(std::span(packet).first(size))) << message.index();
    }
    packet.push_back(0);
    EXPECT_FALSE(DecodeFromSupervisor(packet)) << message.index();
  }
}

// A changed byte gives another message or none, but never the same one.
TEST(Protocol, WrittenFormsAreUnique) {
  for (const FromProxy& message : OfProxy()) {
    const Bytes packet = Encode(message);
    for (std::size_t at = 0; at < packet.size(); ++at) {
      for (const unsigned flip : {1U, 0x80U, 0xffU}) {
        Bytes changed = packet;
        changed[at] = static_cast<std::uint8_t>(changed[at] ^ flip);
        const auto read = DecodeFromProxy(changed);
        if (read) {
          EXPECT_NE(*read, message) << at;
          EXPECT_EQ(Encode(*read), changed);
        }
      }
    }
  }
}

TEST(Protocol, NamesMustBeWhatTheyAreSaidToBe) {
  constexpr std::size_t kOdd = 15;
  Bytes packet = Encode(FromProxy(NameQuestion{.id = 1, .name = "example.com"}));
  ASSERT_EQ(packet[kOdd], 0);
  packet[kOdd] = 1;
  EXPECT_FALSE(DecodeFromProxy(packet)) << "a good name said to be odd";
  packet = Encode(FromProxy(NameQuestion{.id = 1, .odd = true, .name = "127.0.0.1"}));
  packet[kOdd] = 0;
  EXPECT_FALSE(DecodeFromProxy(packet)) << "an odd name said to be good";
  packet[kOdd] = 2;
  EXPECT_FALSE(DecodeFromProxy(packet));
  packet = Encode(FromProxy(NameQuestion{.id = 1, .name = "example.com"}));
  for (const char bad : std::string_view("A /\0\n\x7f\xff:*", 9)) {
    packet[18] = static_cast<std::uint8_t>(bad);
    EXPECT_FALSE(DecodeFromProxy(packet)) << int{bad};
  }
}

TEST(Protocol, SocketsAreCounted) {
  constexpr std::size_t kCount = 4;
  Bytes packet = Encode(FromSupervisor(Start{.name_sockets = 1}));
  packet[kCount] = 0;
  EXPECT_FALSE(DecodeFromSupervisor(packet));
  packet[kCount] = kMostNameSockets + 1;
  EXPECT_FALSE(DecodeFromSupervisor(packet));
  EXPECT_EQ(Start{.name_sockets = 2}.sockets(), 2U);
  EXPECT_EQ((Start{.name_sockets = 1, .meeting_port4 = 7}.sockets()), 3U);
  EXPECT_EQ((Start{.name_sockets = kMostNameSockets,
                   .meeting_port4 = 7,
                   .meeting_port6 = 8,
                   .published = std::vector<std::uint16_t>(kMostPublishedPorts, 1)}
                 .sockets()),
            kMostSockets);
}

// Their number says which of the places are ports.
TEST(Protocol, PublishedPortsAreAllOfThem) {
  constexpr std::size_t kCount = 9;
  const Bytes two = Encode(FromSupervisor(Start{.name_sockets = 1, .published = {1, 2}}));
  ASSERT_TRUE(DecodeFromSupervisor(two));
  for (const int count : {0, 1, 3, 33, 255}) {
    Bytes packet = two;
    packet[kCount] = static_cast<std::uint8_t>(count);
    EXPECT_FALSE(DecodeFromSupervisor(packet)) << count;
  }
  Bytes packet = two;
  packet[kCount + 1] = 0;
  EXPECT_FALSE(DecodeFromSupervisor(packet));
}

TEST(Protocol, AConnectionHasAHostAndAPort) {
  Bytes packet = Encode(FromSupervisor(NewConnection{.id = 1, .name = "a", .port = 1}));
  packet.back() = packet[packet.size() - 2] = 0;
  EXPECT_FALSE(DecodeFromSupervisor(packet));
}

TEST(Protocol, WhatWasSeenIsHarmlessText) {
  const ConnectionRefused refused{
      .id = 1, .objection = Objection::kMalformed, .seen = SeenText(std::string(2000, '\xff'))};
  EXPECT_LE(refused.seen.size(), kLongestSeen);
  Bytes packet = Encode(FromProxy(refused));
  EXPECT_TRUE(DecodeFromProxy(packet));
  constexpr std::size_t kObjection = 12;
  for (const int bad : {0, 6, 255}) {
    packet[kObjection] = static_cast<std::uint8_t>(bad);
    EXPECT_FALSE(DecodeFromProxy(packet));
  }
  packet[kObjection] = 1;
  packet[kObjection + 3] = '\n';
  EXPECT_FALSE(DecodeFromProxy(packet));
}

TEST(Protocol, AFailureIsHarmlessText) {
  EXPECT_EQ(FailureOf("a\nb").message, "a\\u{a}b");
  for (const char c : {'a', '\n', '\xff'}) {
    const Failed failed = FailureOf(std::string(2000, c));
    EXPECT_LE(failed.message.size(), kLongestFailure);
    EXPECT_GT(failed.message.size(), kLongestFailure - 10);
    EXPECT_TRUE(DecodeFromProxy(Encode(FromProxy(failed))));
  }
  Bytes packet = Encode(FromProxy(Failed{.message = "a"}));
  packet[6] = '\x1b';
  EXPECT_FALSE(DecodeFromProxy(packet));
}

}  // namespace
}  // namespace aegis::proxy
