#include "proxy/cares_resolver.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/bytes.h"
#include "proxy/dns_message.h"
#include "proxy/ip_address.h"
#include "proxy/protocol.h"
#include "proxy/resolver.h"
#include "proxy/test_addresses.h"
#include "proxy/test_dns_server.h"

namespace aegis::proxy {
namespace {

using testing_support::Address;
using testing_support::DnsServer;
using Outcome = Resolution::Outcome;

// What stands for the internet.
std::optional<Bytes> Internet(const DnsQuery& query) {
  const bool four = query.type == kTypeA;
  if (query.name == "both.test") {
    return BuildDnsAnswer(query, Rcode::kNoError,
                          std::vector{Address(four ? "192.0.2.7" : "2001:db8::7")}, 5);
  }
  if (query.name == "four.test") {
    return four ? BuildDnsAnswer(query, Rcode::kNoError, std::vector{Address("192.0.2.4")}, 5)
                : BuildDnsAnswer(query, Rcode::kNoError);
  }
  if (query.name == "many.test") {
    std::vector<IpAddress> many(20, Address("192.0.2.0"));
    for (std::size_t i = 0; i < many.size(); ++i) {
      many[i].bytes[3] = static_cast<std::uint8_t>(i);
    }
    return BuildDnsAnswer(query, Rcode::kNoError, many, 5);
  }
  if (query.name == "alias.test") {
    // alias.test CNAME x.alias.test, x.alias.test A 192.0.2.9: pointers to the question and to it.
    Bytes answer = BuildDnsAnswer(query, Rcode::kNoError);
    answer[7] = 2;
    for (const unsigned byte : {0xc0U, 12U,
                                0U,    5U,
                                0U,    1U,
                                0U,    0U,
                                0U,    5U,
                                0U,    4U,
                                1U,    unsigned{'x'},
                                0xc0U, 12U,
                                0xc0U, 12U + 16U + 12U,
                                0U,    1U,
                                0U,    1U,
                                0U,    0U,
                                0U,    5U,
                                0U,    4U,
                                192U,  0U,
                                2U,    9U}) {
      answer.push_back(static_cast<std::uint8_t>(byte));
    }
    return answer;
  }
  if (query.name == "broken.test") {
    return BuildDnsAnswer(query, Rcode::kServFail);
  }
  if (query.name == "silent.test") {
    return std::nullopt;
  }
  return BuildDnsAnswer(query, Rcode::kNxDomain);
}

std::unique_ptr<CaresResolver> Make(const CaresOptions& options) {
  auto resolver = CaresResolver::Create(options);
  EXPECT_TRUE(resolver) << resolver.error().message();
  return std::move(*resolver);
}

// As its owner's loop does.
void RunOnce(Resolver& resolver) {
  std::vector<pollfd> polls;
  resolver.AddPolls(polls);
  const auto left = resolver.Timeout();
  ::poll(polls.data(), polls.size(), left ? static_cast<int>(left->count()) : 0);
  resolver.Process(polls);
}

Resolution Resolve(Resolver& resolver, const std::string& name, Family family) {
  std::optional<Resolution> result;
  resolver.Resolve(name, family, [&result](Resolution found) { result = std::move(found); });
  for (int i = 0; !result && i < 1000; ++i) {
    RunOnce(resolver);
  }
  EXPECT_TRUE(result);
  return result.value_or(Resolution{});
}

class Cares : public ::testing::Test {
 public:
  DnsServer server{Internet};
  std::unique_ptr<CaresResolver> resolver =
      Make({.servers = server.Where(), .first_try = std::chrono::milliseconds(50)});
};

TEST_F(Cares, FindsAddressesOfEachFamily) {
  Resolution found = Resolve(*resolver, "both.test", Family::kIpv4);
  EXPECT_EQ(found.outcome, Outcome::kFound);
  EXPECT_EQ(found.addresses, std::vector{Address("192.0.2.7")});
  found = Resolve(*resolver, "both.test", Family::kIpv6);
  EXPECT_EQ(found.outcome, Outcome::kFound);
  EXPECT_EQ(found.addresses, std::vector{Address("2001:db8::7")});
}

TEST_F(Cares, TellsANameWithoutAddressFromNoName) {
  EXPECT_EQ(Resolve(*resolver, "four.test", Family::kIpv4).outcome, Outcome::kFound);
  EXPECT_EQ(Resolve(*resolver, "four.test", Family::kIpv6).outcome, Outcome::kNoAddress);
  EXPECT_EQ(Resolve(*resolver, "missing.test", Family::kIpv4).outcome, Outcome::kNoName);
}

TEST_F(Cares, FollowsAliases) {
  const Resolution found = Resolve(*resolver, "alias.test", Family::kIpv4);
  EXPECT_EQ(found.outcome, Outcome::kFound);
  EXPECT_EQ(found.addresses, std::vector{Address("192.0.2.9")});
}

TEST_F(Cares, TakesSoManyAddresses) {
  EXPECT_EQ(Resolve(*resolver, "many.test", Family::kIpv4).addresses.size(), kMostAddresses);
}

TEST_F(Cares, FailsInTime) {
  EXPECT_EQ(Resolve(*resolver, "broken.test", Family::kIpv4).outcome, Outcome::kFailed);
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(Resolve(*resolver, "silent.test", Family::kIpv4).outcome, Outcome::kFailed);
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(2));
}

TEST_F(Cares, AsksForTheNameAndNoOther) {
  Resolve(*resolver, "missing", Family::kIpv4);
  Resolve(*resolver, "both.test", Family::kIpv4);
  for (const std::string& name : server.Asked()) {
    EXPECT_TRUE(name == "missing" || name == "both.test") << name;
  }
}

TEST_F(Cares, SomeAtATime) {
  const auto narrow = Make({.servers = server.Where(), .most_lookups = 2});
  int ended = 0;
  for (int i = 0; i < 2; ++i) {
    narrow->Resolve("silent.test", Family::kIpv4, [&ended](const Resolution&) { ++ended; });
  }
  EXPECT_EQ(ended, 0);
  narrow->Resolve("both.test", Family::kIpv4, [&ended](const Resolution& resolution) {
    EXPECT_EQ(resolution.outcome, Outcome::kFailed);
    ++ended;
  });
  EXPECT_EQ(ended, 1);
}

TEST_F(Cares, CallsNobodyAtItsEnd) {
  bool called = false;
  resolver->Resolve("silent.test", Family::kIpv4, [&called](const Resolution&) { called = true; });
  resolver.reset();
  EXPECT_FALSE(called);
}

TEST_F(Cares, ReadsTheHostsFile) {
  const Resolution found = Resolve(*resolver, "localhost", Family::kIpv4);
  EXPECT_EQ(found.outcome, Outcome::kFound);
  EXPECT_EQ(found.addresses, std::vector{Address("127.0.0.1")});
  EXPECT_TRUE(server.Asked().empty());
}

TEST(CaresOptions, ServersMustBeSome) {
  EXPECT_FALSE(CaresResolver::Create({.servers = "nonsense:x"}));
}

TEST(CaresOptions, TheSystemsConfigurationIsTheDefault) { EXPECT_TRUE(CaresResolver::Create()); }

}  // namespace
}  // namespace aegis::proxy
