#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "proxy/bytes.h"
#include "proxy/dns_message.h"

// A second, plain reader of what we build; shares no code with the builder. For tests only.
namespace aegis::proxy::testing_support {

struct ReadRecord {
  unsigned type = 0;
  unsigned record_class = 0;
  std::uint32_t ttl = 0;
  Bytes data{};
};

struct ReadAnswer {
  unsigned id = 0;
  unsigned flags = 0;
  Bytes question{};  // empty where there is none
  std::vector<ReadRecord> answers{};
  std::optional<ReadRecord> opt{};

  unsigned rcode() const { return (flags & 0xfU) | (opt ? opt->ttl >> 24U << 4U : 0U); }
  bool truncated() const { return (flags & 0x0200U) != 0; }
};

inline unsigned Number(std::span<const std::uint8_t> bytes, std::size_t at) {
  return unsigned{bytes[at]} << 8U | bytes[at + 1];
}

// The end of the name that begins at `at`; nothing if it does not end.
inline std::optional<std::size_t> EndOfName(std::span<const std::uint8_t> bytes, std::size_t at) {
  while (at < bytes.size()) {
    if (bytes[at] == 0) {
      return at + 1;
    }
    if (bytes[at] >= 0xc0U) {
      // Only ever to the question, which directly follows the header.
      return at + 1 < bytes.size() && bytes[at] == 0xc0U && bytes[at + 1] == 12
                 ? std::optional(at + 2)
                 : std::nullopt;
    }
    at += 1U + bytes[at];
  }
  return std::nullopt;
}

inline std::optional<ReadRecord> NextRecord(std::span<const std::uint8_t> bytes, std::size_t& at) {
  const auto end = EndOfName(bytes, at);
  if (!end || bytes.size() - *end < 10) {
    return std::nullopt;
  }
  ReadRecord record{.type = Number(bytes, *end),
                    .record_class = Number(bytes, *end + 2),
                    .ttl = Number(bytes, *end + 4) << 16U | Number(bytes, *end + 6)};
  const std::size_t size = Number(bytes, *end + 8);
  if (bytes.size() - *end - 10 < size) {
    return std::nullopt;
  }
  const auto data = bytes.subspan(*end + 10, size);
  record.data.assign(data.begin(), data.end());
  at = *end + 10 + size;
  return record;
}

inline std::optional<ReadAnswer> ReadDnsAnswer(std::span<const std::uint8_t> bytes) {
  if (bytes.size() < 12 || Number(bytes, 4) > 1 || Number(bytes, 8) != 0 || Number(bytes, 10) > 1) {
    return std::nullopt;
  }
  ReadAnswer answer{.id = Number(bytes, 0), .flags = Number(bytes, 2)};
  std::size_t at = 12;
  if (Number(bytes, 4) == 1) {
    const auto end = EndOfName(bytes, at);
    if (!end || bytes.size() - *end < 4) {
      return std::nullopt;
    }
    const auto question = bytes.subspan(12, *end + 4 - 12);
    answer.question.assign(question.begin(), question.end());
    at = *end + 4;
  }
  for (unsigned left = Number(bytes, 6); left > 0; --left) {
    const auto record = NextRecord(bytes, at);
    if (!record) {
      return std::nullopt;
    }
    answer.answers.push_back(*record);
  }
  if (Number(bytes, 10) == 1) {
    answer.opt = NextRecord(bytes, at);
    if (!answer.opt || answer.opt->type != kTypeOpt) {
      return std::nullopt;
    }
  }
  return at == bytes.size() ? std::optional(answer) : std::nullopt;
}

}  // namespace aegis::proxy::testing_support
