#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "proxy/bytes.h"
#include "proxy/dns_message.h"
#include "proxy/host_name.h"
#include "proxy/ip_address.h"
#include "proxy/test_dns_reader.h"

namespace {

using aegis::proxy::Bytes;
using aegis::proxy::DnsQuery;
using aegis::proxy::IpAddress;
using aegis::proxy::Rcode;

void Require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

void CheckName(const DnsQuery& query) {
  if (query.name.empty()) {
    Require(!query.odd_name);
    return;
  }
  Require(aegis::proxy::IsWrittenName(query.name));
  Require(query.odd_name != aegis::proxy::IsHostName(query.name));
}

void CheckAnswer(const DnsQuery& query, const Bytes& built, Rcode rcode, std::size_t addresses) {
  const auto answer = aegis::proxy::testing_support::ReadDnsAnswer(built);
  Require(answer.has_value());
  Require(answer->id == query.header.id && (answer->flags & 0x8000U) != 0);
  Require(answer->question == query.question);
  Require(answer->opt.has_value() == query.edns.has_value());
  Require((answer->rcode() & 0xfU) == (static_cast<unsigned>(rcode) & 0xfU));
  Require(answer->truncated() == (answer->answers.size() < addresses));
  Require(built.size() <= 1232 && (query.edns || built.size() <= 512));
}

}  // namespace

// Datagrams of the agent: whatever is taken for a query has a name of the written form and gets
// answers that a second reader takes, with the question as it was asked.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> message(data, size);
  const auto query = aegis::proxy::ParseDnsQuery(message);
  if (!query) {
    if (query.error().header) {
      const Bytes built = BuildDnsError(*query.error().header, query.error().rcode);
      Require(aegis::proxy::testing_support::ReadDnsAnswer(built).has_value());
    }
    return 0;
  }
  CheckName(*query);
  for (const Rcode rcode : {Rcode::kNoError, Rcode::kNxDomain, Rcode::kRefused, Rcode::kBadVers}) {
    CheckAnswer(*query, BuildDnsAnswer(*query, rcode), rcode, 0);
  }
  const std::size_t count = size % 64;
  const std::vector<IpAddress> addresses(
      count, {.family = size % 2 == 0 ? aegis::proxy::Family::kIpv4 : aegis::proxy::Family::kIpv6});
  CheckAnswer(*query, BuildDnsAnswer(*query, Rcode::kNoError, addresses, 60), Rcode::kNoError,
              count);
  return 0;
}
