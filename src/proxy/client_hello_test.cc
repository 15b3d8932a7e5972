#include "proxy/client_hello.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <ios>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proxy/bytes.h"
#include "proxy/parsed.h"
#include "proxy/test_client_hello.h"
#include "proxy/test_parsed.h"

namespace aegis::proxy {
namespace {

using testing_support::AlpnExtension;
using testing_support::Append;
using testing_support::BytesOf;
using testing_support::HelloWith;
using testing_support::IsSteady;
using testing_support::ReasonOf;
using testing_support::Record;
using testing_support::Records;
using testing_support::ServerNameExtension;
using testing_support::TestExtension;
using testing_support::TestHello;
using testing_support::Vector;

constexpr std::string_view kMalformed = "malformed ClientHello";

ClientHello Read(const Bytes& bytes) {
  const auto parsed = ParseClientHello(bytes);
  const auto* hello = std::get_if<ClientHello>(&parsed);
  EXPECT_NE(hello, nullptr) << ReasonOf(parsed);
  EXPECT_TRUE(IsSteady(bytes, ParseClientHello));
  return hello != nullptr ? *hello : ClientHello{};
}

std::string_view Reason(const Bytes& bytes) {
  EXPECT_TRUE(IsSteady(bytes, ParseClientHello));
  const auto parsed = ParseClientHello(bytes);
  EXPECT_FALSE(std::holds_alternative<NeedMore>(parsed));
  return ReasonOf(parsed);
}

bool NeedsMore(std::span<const std::uint8_t> bytes) {
  return std::holds_alternative<NeedMore>(ParseClientHello(bytes));
}

Bytes NamedHello() { return HelloWith({ServerNameExtension("www.example.com")}); }

struct Capture {
  std::string file;
  std::optional<std::string> name;
  std::vector<std::string> alpn;
};

TEST(ClientHello, OfRealProgramsIsRead) {
  const std::vector<std::string> http = {"h2", "http/1.1"};
  const std::vector<Capture> captures = {
      {"openssl", "www.example.com", {}},       {"openssl-no-sni", std::nullopt, {"http/1.1"}},
      {"openssl-tls12", "old.example.com", {}}, {"curl", "api.example.com", http},
      {"python", "pypi.example.org", {}},       {"node", "registry.example.net", http},
      {"go", "proxy.golang.example", http},     {"go-post-quantum", "proxy.golang.example", http},
  };
  for (const Capture& capture : captures) {
    SCOPED_TRACE(capture.file);
    std::ifstream in(std::string(HELLO_CAPTURES "/") + capture.file, std::ios::binary);
    const Bytes bytes{std::istreambuf_iterator<char>(in), {}};
    ASSERT_FALSE(bytes.empty());
    const ClientHello hello = Read(bytes);
    EXPECT_EQ(hello.server_name, capture.name);
    EXPECT_EQ(hello.alpn, capture.alpn);
    EXPECT_FALSE(hello.encrypted);
    EXPECT_FALSE(hello.early_data);
    EXPECT_EQ(hello.size, bytes.size());
  }
}

TEST(ClientHello, EveryPrefixNeedsMore) {
  const Bytes bytes = NamedHello();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_TRUE(NeedsMore(std::span(bytes).first(size))) << size;
  }
  EXPECT_EQ(Read(bytes).server_name, "www.example.com");
}

TEST(ClientHello, IsReadOverRecordsOfAnySize) {
  TestHello hello;
  hello.extensions = {ServerNameExtension("A.example"), AlpnExtension({"h2"})};
  const Bytes message = hello.Message();
  for (std::size_t size = 1; size <= message.size(); ++size) {
    const ClientHello read = Read(Records(message, size));
    EXPECT_EQ(read.server_name, "a.example");
    EXPECT_EQ(read.alpn, std::vector<std::string>{"h2"});
  }
}

TEST(ClientHello, WhatFollowsInOtherRecordsIsNotLookedAt) {
  Bytes bytes = HelloWith({ServerNameExtension("a.example"), {.type = 42}});
  const std::size_t size = bytes.size();
  Append(bytes, BytesOf("\x17\x03\x03 anything"));
  const ClientHello hello = Read(bytes);
  EXPECT_TRUE(hello.early_data);
  EXPECT_EQ(hello.size, size);
  EXPECT_EQ(Reason(HelloWith({{.type = 42, .data = {0}}})), kMalformed);
}

TEST(ClientHello, ADifferentBeginningIsRefusedAtOnce) {
  EXPECT_EQ(Reason(BytesOf("GET")), "not TLS");
  EXPECT_EQ(Reason({0x15}), "not TLS");
  EXPECT_EQ(Reason({0x16, 2}), "not TLS");
  EXPECT_EQ(Reason({0x80, 0x2e, 1, 0, 2}), "SSLv2");
  EXPECT_EQ(Reason({0x80, 0x2e, 2}), "not TLS");
  EXPECT_TRUE(NeedsMore(Bytes{0x80, 0x2e}));
  EXPECT_EQ(Reason({0x16, 3, 1, 0, 5, 2}), "another handshake message than a ClientHello");
}

TEST(ClientHello, RecordsHaveLimits) {
  EXPECT_EQ(Reason({0x16, 3, 1, 0, 0}), "empty TLS record");
  EXPECT_EQ(Reason({0x16, 3, 1, 0x40, 1}), "TLS record too long");
  EXPECT_TRUE(NeedsMore(Bytes{0x16, 3, 1, 0x40, 0}));
  const Bytes message = TestHello{}.Message();
  const auto first = std::span(message).first(10);
  const auto second = std::span(message).subspan(10);
  Bytes bytes = Record(first);
  Append(bytes, Record({}));
  Append(bytes, Record(second));
  EXPECT_EQ(Reason(bytes), "empty TLS record");
  bytes = Record(first);
  Append(bytes, Record(second, 0x14));
  EXPECT_EQ(Reason(bytes), "a record of another type inside the ClientHello");
  bytes = Record(first);
  Append(bytes, {{0x16, 2}});
  EXPECT_EQ(Reason(bytes), "malformed TLS record");
}

TEST(ClientHello, SharesItsLastRecordWithNothing) {
  Bytes message = TestHello{}.Message();
  EXPECT_EQ(Reason(Records(message)), "");
  message.push_back(1);
  EXPECT_EQ(Reason(Records(message)), "another message behind the ClientHello in its record");
  EXPECT_EQ(Reason(Records(message, message.size() - 1)), "");
  EXPECT_EQ(Reason(Records(message, 4)), "another message behind the ClientHello in its record");
}

TEST(ClientHello, HasALimit) {
  const auto sized = [](std::size_t padding) {
    TestHello hello;
    hello.extensions = {{.type = 21, .data = Bytes(padding, 0)}};
    return hello.Message();
  };
  const std::size_t most = 4 + 16384 - sized(0).size();
  EXPECT_EQ(Reason(Records(sized(most))), "");
  EXPECT_EQ(Reason(Records(sized(most + 1))), "ClientHello too long");
  EXPECT_EQ(Reason(Records(sized(most), 1)), "ClientHello in too many records");
  EXPECT_EQ(Reason(Records(sized(1200), 1)), "");
  EXPECT_TRUE(NeedsMore(Bytes{0x16, 3, 1, 0, 4, 1, 0, 0x40, 0}));
  EXPECT_EQ(Reason({0x16, 3, 1, 0, 4, 1, 0, 0x40, 1}), "ClientHello too long");
  EXPECT_EQ(Reason({0x16, 3, 1, 0, 4, 1, 1, 0, 0}), "ClientHello too long");
}

TEST(ClientHello, TheBufferIsBounded) {
  Bytes bytes = {0x16, 3, 1, 0, 4, 1, 0, 0x40, 0};
  while (NeedsMore(bytes)) {
    ASSERT_LT(bytes.size(), kMostHelloBytes);
    Append(bytes, {{0x16, 3, 1, 0, 1, 0}});
  }
  EXPECT_EQ(Reason(bytes), "ClientHello in too many records");
}

TEST(ClientHello, VersionsAreThoseOfTls) {
  for (const std::uint16_t version : std::to_array<std::uint16_t>({0x0301, 0x0302, 0x0303})) {
    EXPECT_EQ(Reason(Records(TestHello{.version = version}.Message())), "");
  }
  for (const std::uint16_t version :
       std::to_array<std::uint16_t>({0x0002, 0x0300, 0x0304, 0xfefd})) {
    EXPECT_EQ(Reason(Records(TestHello{.version = version}.Message())),
              "a version of TLS that is not spoken");
  }
}

TEST(ClientHello, TheFixedPartIsChecked) {
  EXPECT_EQ(Reason(Records(TestHello{.session_id_bytes = 0}.Message())), "");
  for (const TestHello& hello : {TestHello{.session_id_bytes = 33}, TestHello{.ciphers = {}},
                                 TestHello{.ciphers = {0x13, 0x01, 0xc0}},
                                 TestHello{.compression = {}}, TestHello{.compression = {1}}}) {
    EXPECT_EQ(Reason(Records(hello.Message())), kMalformed);
  }
  EXPECT_EQ(Reason(Records(TestHello{.compression = {1, 0}}.Message())), "");
  EXPECT_EQ(Reason({0x16, 3, 1, 0, 4, 1, 0, 0, 0}), kMalformed);
}

TEST(ClientHello, WithoutExtensionsItNamesNobody) {
  EXPECT_FALSE(Read(Records(TestHello{.extensions = std::nullopt}.Message())).server_name);
  EXPECT_FALSE(Read(HelloWith({})).server_name);
}

// Every length of a message that is one too great or too small leaves a rest or runs over an end.
TEST(ClientHello, LengthsNestExactly) {
  const Bytes bytes = NamedHello();
  const std::size_t name = bytes.size() - std::string_view("www.example.com").size();
  // The lengths of the session id, the ciphers, compression, extensions, the extension, the list
  // and the name; their low bytes.
  for (const std::size_t at : {std::size_t{43}, std::size_t{77}, std::size_t{82}, name - 10,
                               name - 6, name - 4, name - 1}) {
    for (const int change : {-1, 1}) {
      Bytes wrong = bytes;
      wrong[at] = static_cast<std::uint8_t>(wrong[at] + change);
      EXPECT_NE(Reason(wrong), "") << at << " " << change;
    }
  }
}

TEST(ClientHello, ExtensionsAreNotRepeated) {
  EXPECT_EQ(Reason(HelloWith({{.type = 10}, {.type = 11}})), "");
  EXPECT_EQ(Reason(HelloWith({{.type = 10}, {.type = 11}, {.type = 10}})), "an extension twice");
  EXPECT_EQ(Reason(HelloWith({ServerNameExtension("a.example"), ServerNameExtension("b.example")})),
            "an extension twice");
}

TEST(ClientHello, TheServerNameIsOneHosts) {
  EXPECT_EQ(Read(HelloWith({ServerNameExtension("WWW.Example.COM")})).server_name,
            "www.example.com");
  EXPECT_EQ(Read(HelloWith({ServerNameExtension("xn--bcher-kva.example")})).server_name,
            "xn--bcher-kva.example");
  for (const std::string_view name :
       {std::string_view(""), std::string_view("a.example."), std::string_view("10.0.0.1"),
        std::string_view("::1"), std::string_view("a.example\0.b", 12),
        std::string_view("b\xc3\xbc"), std::string_view("a..b"), std::string_view("*.example"),
        std::string_view("a example"), std::string_view("a:443"), std::string_view("0x7f000001")}) {
    EXPECT_EQ(Reason(HelloWith({ServerNameExtension(name)})),
              "a server name that is no host's name")
        << name;
  }
}

TEST(ClientHello, TheServerNameListHasOneEntry) {
  const Bytes entry = BytesOf(std::string_view("\0\0\1a", 4));
  const auto list = [](const Bytes& entries) {
    return HelloWith({{.type = 0, .data = Vector(2, entries)}});
  };
  EXPECT_EQ(Reason(list(entry)), "");
  Bytes two = entry;
  Append(two, entry);
  EXPECT_EQ(Reason(list(two)), "other server names than one host's");
  EXPECT_EQ(Reason(HelloWith({ServerNameExtension("a", 1)})), "other server names than one host's");
  EXPECT_EQ(Reason(list({})), kMalformed);
  EXPECT_EQ(Reason(HelloWith({{.type = 0}})), kMalformed);
  EXPECT_EQ(Reason(HelloWith({{.type = 0, .data = {0, 4, 0, 0, 1, 'a', 0}}})), kMalformed);
}

TEST(ClientHello, AlpnIsReadStrictly) {
  EXPECT_EQ(Read(HelloWith({AlpnExtension({"h2", std::string_view("\0\xff", 2)})})).alpn,
            (std::vector<std::string>{"h2", std::string("\0\xff", 2)}));
  EXPECT_EQ(Reason(HelloWith({AlpnExtension({})})), kMalformed);
  EXPECT_EQ(Reason(HelloWith({AlpnExtension({"h2", ""})})), kMalformed);
  EXPECT_EQ(Reason(HelloWith({{.type = 16}})), kMalformed);
  EXPECT_EQ(Reason(HelloWith({{.type = 16, .data = {0, 2, 2, 'h'}}})), kMalformed);
  EXPECT_EQ(Reason(HelloWith({{.type = 16, .data = {0, 2, 1, 'h', 0}}})), kMalformed);
}

TEST(ClientHello, TellsThatTheNameMayBeAnother) {
  for (const std::uint16_t type : std::to_array<std::uint16_t>(
           {0xfe0d, 0xfe0c, 0xfe0b, 0xfe0a, 0xfe09, 0xfe08, 0xff08, 0xff02, 0xffce})) {
    const ClientHello hello =
        Read(HelloWith({ServerNameExtension("public.example"), {.type = type, .data = {0}}}));
    EXPECT_TRUE(hello.encrypted) << type;
    EXPECT_EQ(hello.server_name, "public.example");
  }
  for (const std::uint16_t type :
       std::to_array<std::uint16_t>({0xfe07, 0xfe0e, 0xff01, 0xffcd, 0x0a0a})) {
    EXPECT_FALSE(Read(HelloWith({{.type = type, .data = {0}}})).encrypted) << type;
  }
}

TEST(TlsStart, GoesByTwoBytes) {
  EXPECT_EQ(LooksLikeTls({}), TlsStart::kNeedMore);
  EXPECT_EQ(LooksLikeTls(Bytes{0x16}), TlsStart::kNeedMore);
  EXPECT_EQ(LooksLikeTls(Bytes{0x16, 3}), TlsStart::kYes);
  EXPECT_EQ(LooksLikeTls(Bytes{0x16, 3, 0xff}), TlsStart::kYes);
  EXPECT_EQ(LooksLikeTls(Bytes{0x16, 2}), TlsStart::kNo);
  EXPECT_EQ(LooksLikeTls(Bytes{0x17}), TlsStart::kNo);
  EXPECT_EQ(LooksLikeTls(Bytes{'G', 3}), TlsStart::kNo);
}

}  // namespace
}  // namespace aegis::proxy
