#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>

#include "proxy/bytes.h"
#include "proxy/ip_address.h"

// The part of RFC 1035 and RFC 6891 that answering a stub resolver takes. Pure functions over bytes
// that the agent chose: bounded, and no byte outside of the message is looked at.
namespace aegis::proxy {

enum class Rcode : std::uint8_t {
  kNoError = 0,
  kFormErr = 1,
  kServFail = 2,
  kNxDomain = 3,
  kNotImp = 4,
  kRefused = 5,
  kBadVers = 16,  // needs EDNS in the query
};

inline constexpr std::uint16_t kClassIn = 1;
inline constexpr std::uint16_t kTypeA = 1;
inline constexpr std::uint16_t kTypePtr = 12;
inline constexpr std::uint16_t kTypeAaaa = 28;
inline constexpr std::uint16_t kTypeOpt = 41;
inline constexpr std::uint16_t kTypeHttps = 65;
inline constexpr std::uint16_t kTypeAny = 255;

// Of the header what an answer repeats.
struct DnsHeader {
  std::uint16_t id = 0;
  std::uint8_t opcode = 0;
  bool recursion_desired = false;
  bool checking_disabled = false;
};

struct Edns {
  std::uint16_t payload_size = 0;
  std::uint8_t version = 0;
  bool dnssec_ok = false;
};

struct DnsQuery {
  DnsHeader header{};
  std::string name{};     // AppendLabel()'s form, lower case, no dot at the end; "" is the root
  bool odd_name = false;  // neither the root nor a host's name (IsHostName): never to be looked up
  std::uint16_t type = 0;
  std::uint16_t question_class = 0;
  Bytes question{};  // the question's bytes as they came: an answer repeats their case
  std::optional<Edns> edns{};
};

// What a datagram is that is no query that could be answered by its content.
struct NotAQuery {
  std::optional<DnsHeader> header{};  // nothing: it gets no answer (too short, or an answer itself)
  Rcode rcode = Rcode::kFormErr;      // kNotImp: another operation than QUERY
};

// One question, nothing in the other sections but one OPT record, no compression, and no bytes
// after the message.
std::expected<DnsQuery, NotAQuery> ParseDnsQuery(std::span<const std::uint8_t> message);

// An answer to the query. `addresses` are A and AAAA records of the name that was asked, each with
// `ttl`; those that do not fit into what the client takes are left out, and the answer says so
// (TC). kNoError without addresses: the name exists, the record does not.
Bytes BuildDnsAnswer(const DnsQuery& query, Rcode rcode, std::span<const IpAddress> addresses = {},
                     std::uint32_t ttl = 0);

// A header and nothing else. `header` is that of NotAQuery.
Bytes BuildDnsError(const DnsHeader& header, Rcode rcode);

}  // namespace aegis::proxy
