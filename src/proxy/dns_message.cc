#include "proxy/dns_message.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "proxy/byte_reader.h"
#include "proxy/bytes.h"
#include "proxy/host_name.h"
#include "proxy/ip_address.h"

namespace aegis::proxy {
namespace {

constexpr std::size_t kHeaderBytes = 12;
constexpr std::size_t kOptBytes = 11;
constexpr std::size_t kRecordBytes = 12;  // a pointer to the name, type, class, TTL, length
constexpr std::size_t kLongestWireName = 255;
constexpr std::size_t kPlainLimit = 512;
constexpr std::size_t kEdnsLimit = 1232;  // fits into every path's datagrams
constexpr std::uint16_t kPointerToQuestion = 0xc000U | kHeaderBytes;

constexpr unsigned kByteBits = 8;
constexpr unsigned kResponse = 0x8000;
constexpr unsigned kOpcodeShift = 11;
constexpr unsigned kOpcodeMask = 0xf;
constexpr unsigned kTruncated = 0x0200;
constexpr unsigned kRecursionDesired = 0x0100;
constexpr unsigned kRecursionAvailable = 0x0080;
constexpr unsigned kCheckingDisabled = 0x0010;
constexpr unsigned kRcodeMask = 0xf;
constexpr unsigned kRcodeBits = 4;
constexpr unsigned kDnssecOk = 0x8000;

void Append16(Bytes& out, std::size_t number) {
  out.push_back(static_cast<std::uint8_t>(number >> kByteBits & 0xffU));
  out.push_back(static_cast<std::uint8_t>(number & 0xffU));
}

void Append32(Bytes& out, std::uint32_t number) {
  Append16(out, number >> 2 * kByteBits);
  Append16(out, number & 0xffffU);
}

DnsHeader HeaderOf(std::uint16_t id, unsigned flags) {
  return {.id = id,
          .opcode = static_cast<std::uint8_t>(flags >> kOpcodeShift & kOpcodeMask),
          .recursion_desired = (flags & kRecursionDesired) != 0,
          .checking_disabled = (flags & kCheckingDisabled) != 0};
}

// Nothing for what is no uncompressed name.
std::optional<std::string> ReadName(ByteReader& reader) {
  std::string name;
  const std::size_t begin = reader.at();
  for (;;) {
    const std::size_t size = reader.Number8();
    if (size > kLongestLabel) {
      return std::nullopt;
    }
    const auto label = reader.Take(size);
    if (!reader.ok() || reader.at() - begin > kLongestWireName) {
      return std::nullopt;
    }
    if (size == 0) {
      return name;
    }
    name += name.empty() ? "" : ".";
    AppendLabel(name, AsText(label));
  }
}

bool ReadQuestion(ByteReader& reader, std::span<const std::uint8_t> message, DnsQuery& query) {
  const std::size_t begin = reader.at();
  std::optional<std::string> name = ReadName(reader);
  query.type = reader.Number16();
  query.question_class = reader.Number16();
  if (!name || !reader.ok()) {
    return false;
  }
  query.name = std::move(*name);
  query.odd_name = !query.name.empty() && !IsHostName(query.name);
  const auto question = message.subspan(begin, reader.at() - begin);
  query.question.assign(question.begin(), question.end());
  return true;
}

// The one record that may follow the question. Its options are nothing to us.
bool ReadOpt(ByteReader& reader, DnsQuery& query) {
  const bool root = reader.Number8() == 0;
  const bool opt = reader.Number16() == kTypeOpt;
  Edns edns;
  edns.payload_size = reader.Number16();
  static_cast<void>(reader.Number8());  // the upper half of an answer's code
  edns.version = reader.Number8();
  edns.dnssec_ok = (reader.Number16() & kDnssecOk) != 0;
  static_cast<void>(reader.Take(reader.Number16()));
  query.edns = edns;
  return reader.ok() && root && opt;
}

void AppendHeader(Bytes& out, const DnsHeader& header, Rcode rcode, std::size_t questions) {
  Append16(out, header.id);
  Append16(out, kResponse | unsigned{header.opcode} << kOpcodeShift | kRecursionAvailable |
                    (header.recursion_desired ? kRecursionDesired : 0U) |
                    (header.checking_disabled ? kCheckingDisabled : 0U) |
                    (static_cast<unsigned>(rcode) & kRcodeMask));
  Append16(out, questions);
  Append16(out, 0);
  Append16(out, 0);
  Append16(out, 0);
}

void AppendAddress(Bytes& out, const IpAddress& address, std::uint32_t ttl) {
  Append16(out, kPointerToQuestion);
  Append16(out, address.family == Family::kIpv4 ? kTypeA : kTypeAaaa);
  Append16(out, kClassIn);
  Append32(out, ttl);
  const auto bytes = std::span(address.bytes).first(AddressBytes(address.family));
  Append16(out, bytes.size());
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void AppendOpt(Bytes& out, const Edns& asked, Rcode rcode) {
  out.push_back(0);
  Append16(out, kTypeOpt);
  Append16(out, kEdnsLimit);
  out.push_back(static_cast<std::uint8_t>(static_cast<unsigned>(rcode) >> kRcodeBits));
  out.push_back(0);
  Append16(out, asked.dnssec_ok ? kDnssecOk : 0U);
  Append16(out, 0);
}

std::size_t LimitOf(const DnsQuery& query) {
  return query.edns ? std::clamp<std::size_t>(query.edns->payload_size, kPlainLimit, kEdnsLimit)
                    : kPlainLimit;
}

}  // namespace

std::expected<DnsQuery, NotAQuery> ParseDnsQuery(std::span<const std::uint8_t> message) {
  ByteReader reader(message);
  const std::uint16_t id = reader.Number16();
  const unsigned flags = reader.Number16();
  const unsigned questions = reader.Number16();
  const unsigned records = unsigned{reader.Number16()} + reader.Number16();
  const unsigned additional = reader.Number16();
  if (!reader.ok() || (flags & kResponse) != 0) {
    return std::unexpected(NotAQuery{});
  }
  DnsQuery query{.header = HeaderOf(id, flags)};
  if (query.header.opcode != 0) {
    return std::unexpected(NotAQuery{.header = query.header, .rcode = Rcode::kNotImp});
  }
  if (questions != 1 || records != 0 || additional > 1 || !ReadQuestion(reader, message, query) ||
      (additional == 1 && !ReadOpt(reader, query)) || !reader.AtEnd()) {
    return std::unexpected(NotAQuery{.header = query.header});
  }
  return query;
}

Bytes BuildDnsAnswer(const DnsQuery& query, Rcode rcode, std::span<const IpAddress> addresses,
                     std::uint32_t ttl) {
  const std::size_t limit = LimitOf(query) - (query.edns ? kOptBytes : 0);
  Bytes out;
  AppendHeader(out, query.header, rcode, 1);
  out.insert(out.end(), query.question.begin(), query.question.end());
  std::uint8_t count = 0;
  for (const IpAddress& address : addresses) {
    if (out.size() + kRecordBytes + AddressBytes(address.family) > limit) {
      out[2] |= kTruncated >> kByteBits;
      break;
    }
    AppendAddress(out, address, ttl);
    ++count;
  }
  constexpr std::size_t kAnswerCount = 7;  // the low bytes of two counts
  constexpr std::size_t kAdditionalCount = 11;
  out[kAnswerCount] = count;
  if (query.edns) {
    AppendOpt(out, *query.edns, rcode);
    out[kAdditionalCount] = 1;
  }
  return out;
}

Bytes BuildDnsError(const DnsHeader& header, Rcode rcode) {
  Bytes out;
  AppendHeader(out, header, rcode, 0);
  return out;
}

}  // namespace aegis::proxy
