#include "proxy/dns_message.h"

#include <ares.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/bytes.h"
#include "proxy/host_name.h"
#include "proxy/ip_address.h"
#include "proxy/test_addresses.h"
#include "proxy/test_dns_reader.h"

namespace aegis::proxy {
namespace {

using testing_support::Address;
using testing_support::ReadDnsAnswer;

// A query as c-ares writes it; with `payload_size` also an OPT record.
Bytes Query(const std::string& name, int type, int payload_size = 0, std::uint16_t id = 0x1234) {
  unsigned char* bytes = nullptr;
  int size = 0;
  EXPECT_EQ(ares_create_query(name.c_str(), kClassIn, type, id, 1, &bytes, &size, payload_size),
            ARES_SUCCESS);
  Bytes query(bytes, bytes + size);
  ares_free_string(bytes);
  return query;
}

void Add(Bytes& out, std::string_view bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

// A query for an A record by its parts.
Bytes Handmade(std::string_view wire_name) {
  Bytes query = {0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0};
  Add(query, wire_name);
  Add(query, std::string_view("\0\1\0\1", 4));
  return query;
}

DnsQuery Parsed(const Bytes& bytes) {
  const auto query = ParseDnsQuery(bytes);
  EXPECT_TRUE(query);
  return query ? *query : DnsQuery{};
}

TEST(DnsQuery, ReadsWhatAResolverWrites) {
  const DnsQuery query = Parsed(Query("www.Example.COM", kTypeA));
  EXPECT_EQ(query.header.id, 0x1234);
  EXPECT_TRUE(query.header.recursion_desired);
  EXPECT_FALSE(query.header.checking_disabled);
  EXPECT_EQ(query.name, "www.example.com");
  EXPECT_FALSE(query.odd_name);
  EXPECT_EQ(query.type, kTypeA);
  EXPECT_EQ(query.question_class, kClassIn);
  EXPECT_FALSE(query.edns);
}

TEST(DnsQuery, ReadsEdns) {
  Bytes bytes = Query("a.b", kTypeAaaa, 1400);
  const DnsQuery query = Parsed(bytes);
  EXPECT_EQ(query.type, kTypeAaaa);
  ASSERT_TRUE(query.edns);
  EXPECT_EQ(query.edns->payload_size, 1400);
  EXPECT_EQ(query.edns->version, 0);
  EXPECT_FALSE(query.edns->dnssec_ok);
  bytes[bytes.size() - 4] = 0x80;  // DO
  bytes[bytes.size() - 5] = 7;     // version
  EXPECT_TRUE(Parsed(bytes).edns->dnssec_ok);
  EXPECT_EQ(Parsed(bytes).edns->version, 7);
  bytes.back() = 3;  // an option
  EXPECT_FALSE(ParseDnsQuery(bytes));
  Add(bytes, "abc");
  EXPECT_TRUE(ParseDnsQuery(bytes));
}

TEST(DnsQuery, TheRootIsNotOdd) {
  const DnsQuery query = Parsed(Handmade(std::string_view("\0", 1)));
  EXPECT_EQ(query.name, "");
  EXPECT_FALSE(query.odd_name);
}

TEST(DnsQuery, OddNamesAreWrittenWithEscapes) {
  const DnsQuery query =
      Parsed(Handmade(std::string_view("\x03"
                                       "a.b\x02\0\xff\x00",
                                       8)));
  EXPECT_TRUE(query.odd_name);
  EXPECT_EQ(query.name, "a\\x2eb.\\x00\\xff");
  EXPECT_TRUE(Parsed(Query("10.0.0.1", kTypeA)).odd_name);
}

TEST(DnsQuery, AnAnswerAndAFragmentGetNoAnswer) {
  Bytes bytes = Query("a", kTypeA);
  bytes[2] |= 0x80;
  const auto answer = ParseDnsQuery(bytes);
  ASSERT_FALSE(answer);
  EXPECT_FALSE(answer.error().header);
  for (std::size_t size = 0; size < 12; ++size) {
    const auto cut = ParseDnsQuery(std::span(bytes).first(size));
    ASSERT_FALSE(cut);
    EXPECT_FALSE(cut.error().header) << size;
  }
}

TEST(DnsQuery, EveryCutIsAFormatError) {
  const Bytes bytes = Query("www.example.com", kTypeA, 1232);
  for (std::size_t size = 12; size < bytes.size(); ++size) {
    const auto cut = ParseDnsQuery(std::span(bytes).first(size));
    ASSERT_FALSE(cut) << size;
    ASSERT_TRUE(cut.error().header) << size;
    EXPECT_EQ(cut.error().rcode, Rcode::kFormErr);
    EXPECT_EQ(cut.error().header->id, 0x1234);
  }
  Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_FALSE(ParseDnsQuery(longer));
}

TEST(DnsQuery, OtherOperationsAreNotImplemented) {
  for (const std::uint8_t opcode : std::to_array<std::uint8_t>({1, 2, 4, 5, 15})) {
    Bytes bytes = Query("a", kTypeA);
    bytes[2] = static_cast<std::uint8_t>(opcode << 3U);
    const auto refused = ParseDnsQuery(bytes);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().rcode, Rcode::kNotImp);
    EXPECT_EQ(refused.error().header->opcode, opcode);
  }
}

TEST(DnsQuery, TakesOneQuestionAndNoRecords) {
  for (const std::size_t count : {4U, 6U, 8U, 10U}) {
    for (const std::uint8_t value : std::to_array<std::uint8_t>({1, 2, 255})) {
      Bytes bytes = Query("a", kTypeA);
      bytes[count] = value;
      EXPECT_FALSE(ParseDnsQuery(bytes)) << count;
      bytes[count] = 0;
      bytes[count + 1] = count == 4 ? 0 : value;
      EXPECT_FALSE(ParseDnsQuery(bytes)) << count;
    }
  }
  Bytes bytes = Query("a", kTypeA, 1232);
  bytes[bytes.size() - 9] = 40;  // not OPT
  EXPECT_FALSE(ParseDnsQuery(bytes));
}

TEST(DnsQuery, NamesAreNotCompressedAndHaveLimits) {
  EXPECT_FALSE(ParseDnsQuery(Handmade("\xc0\x0c")));
  EXPECT_FALSE(
      ParseDnsQuery(Handmade("\x01"
                             "a\xc0\x0c")));
  EXPECT_FALSE(ParseDnsQuery(Handmade("\x40" + std::string(64, 'a') + std::string(1, '\0'))));
  const std::string label = "\x3f" + std::string(63, 'a');
  const std::string longest = label + label + label + "\x3d" + std::string(61, 'a');
  const DnsQuery query = Parsed(Handmade(longest + std::string(1, '\0')));
  EXPECT_EQ(query.name.size(), kLongestHostName);
  EXPECT_FALSE(query.odd_name);
  EXPECT_FALSE(ParseDnsQuery(
      Handmade(label + label + label + "\x3e" + std::string(62, 'a') + std::string(1, '\0'))));
  EXPECT_FALSE(ParseDnsQuery(Handmade(longest + "\x01" + "a" + std::string(1, '\0'))));
}

TEST(DnsAnswer, RepeatsTheQuestionInItsCase) {
  const Bytes asked = Query("wWw.eXample.com", kTypeA);
  const Bytes built = BuildDnsAnswer(Parsed(asked), Rcode::kNxDomain);
  const auto answer = ReadDnsAnswer(built);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->id, 0x1234U);
  EXPECT_EQ(answer->flags, 0x8183U);  // an answer, recursion desired and available, NXDOMAIN
  EXPECT_EQ(answer->question, Bytes(asked.begin() + 12, asked.end()));
  EXPECT_TRUE(answer->answers.empty());
  EXPECT_FALSE(answer->opt);
}

TEST(DnsAnswer, RepeatsFlags) {
  Bytes asked = Query("a", kTypeA);
  asked[2] = 0;
  asked[3] = 0x10;  // CD
  EXPECT_EQ(ReadDnsAnswer(BuildDnsAnswer(Parsed(asked), Rcode::kServFail))->flags, 0x8092U);
}

TEST(DnsAnswer, HasEdnsWhereTheQueryHas) {
  Bytes asked = Query("a", kTypeA, 512);
  asked[asked.size() - 4] = 0x80;
  auto answer = ReadDnsAnswer(BuildDnsAnswer(Parsed(asked), Rcode::kNoError));
  ASSERT_TRUE(answer && answer->opt);
  EXPECT_EQ(answer->opt->record_class, 1232U);
  EXPECT_EQ(answer->opt->ttl, 0x8000U);
  answer = ReadDnsAnswer(BuildDnsAnswer(Parsed(asked), Rcode::kBadVers));
  ASSERT_TRUE(answer && answer->opt);
  EXPECT_EQ(answer->rcode(), 16U);
}

TEST(DnsAnswer, AddressesAreReadByCares) {
  const std::vector<IpAddress> four = {Address("198.18.0.1"), Address("198.18.0.2")};
  const Bytes a =
      BuildDnsAnswer(Parsed(Query("www.example.com", kTypeA, 1232)), Rcode::kNoError, four, 60);
  std::array<ares_addrttl, 8> found4{};
  int count = static_cast<int>(found4.size());
  ASSERT_EQ(
      ares_parse_a_reply(a.data(), static_cast<int>(a.size()), nullptr, found4.data(), &count),
      ARES_SUCCESS);
  ASSERT_EQ(count, 2);
  EXPECT_EQ(found4[0].ipaddr.s_addr, htonl(0xc6120001));
  EXPECT_EQ(found4[1].ipaddr.s_addr, htonl(0xc6120002));
  EXPECT_EQ(found4[0].ttl, 60);

  const std::vector<IpAddress> six = {Address("fd00::1")};
  const Bytes aaaa = BuildDnsAnswer(Parsed(Query("x.example", kTypeAaaa)), Rcode::kNoError, six, 9);
  std::array<ares_addr6ttl, 8> found6{};
  count = static_cast<int>(found6.size());
  ASSERT_EQ(ares_parse_aaaa_reply(aaaa.data(), static_cast<int>(aaaa.size()), nullptr,
                                  found6.data(), &count),
            ARES_SUCCESS);
  ASSERT_EQ(count, 1);
  EXPECT_TRUE(std::ranges::equal(found6[0].ip6addr._S6_un._S6_u8, six[0].bytes));
  EXPECT_EQ(found6[0].ttl, 9);
}

TEST(DnsAnswer, EightAddressesOfTheLongestNameFitAnywhere) {
  const std::string label = "\x3f" + std::string(63, 'a');
  const DnsQuery query = Parsed(
      Handmade(label + label + label + "\x3d" + std::string(61, 'a') + std::string(1, '\0')));
  const Bytes built =
      BuildDnsAnswer(query, Rcode::kNoError, std::vector<IpAddress>(8, Address("fd00::1")), 60);
  EXPECT_LE(built.size(), 512U);
  const auto answer = ReadDnsAnswer(built);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->answers.size(), 8U);
  EXPECT_FALSE(answer->truncated());
}

TEST(DnsAnswer, WhatDoesNotFitIsLeftOutAndSaidSo) {
  const std::vector<IpAddress> many(100, Address("10.0.0.1"));
  for (const int payload : {0, 1, 512, 700, 1232, 65535}) {
    const Bytes built = BuildDnsAnswer(Parsed(Query("www.example.com", kTypeA, payload)),
                                       Rcode::kNoError, many, 60);
    const std::size_t limit = static_cast<std::size_t>(std::clamp(payload, 512, 1232));
    EXPECT_LE(built.size(), limit);
    EXPECT_GT(built.size() + 16, limit);
    const auto answer = ReadDnsAnswer(built);
    ASSERT_TRUE(answer);
    EXPECT_TRUE(answer->truncated());
    EXPECT_GT(answer->answers.size(), 20U);
  }
}

TEST(DnsError, IsAHeaderAlone) {
  const DnsHeader header{.id = 7, .opcode = 4, .recursion_desired = true};
  const auto answer = ReadDnsAnswer(BuildDnsError(header, Rcode::kNotImp));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->id, 7U);
  EXPECT_EQ(answer->flags, 0xa184U);
  EXPECT_TRUE(answer->question.empty());
}

}  // namespace
}  // namespace aegis::proxy
