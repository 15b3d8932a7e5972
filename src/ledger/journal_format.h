#pragma once

// Internal to aegis::ledger: the bytes of a journal file. docs/ledger-format.md describes them.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "ledger/entry.h"

namespace aegis::ledger::journal {

inline constexpr std::string_view kMagic = "AEGISJNL";
inline constexpr std::uint32_t kVersion = 2;
inline constexpr std::size_t kHeaderSize = 4096;

// Offsets of the header's changing fields.
inline constexpr std::size_t kCommittedAt = 16;
inline constexpr std::size_t kDrainedAt = 24;
inline constexpr std::size_t kSyncedAt = 32;
inline constexpr std::size_t kReleasedAt = 40;
inline constexpr std::size_t kFailedAt = 48;
inline constexpr std::size_t kFixedAt = 56;  // from here on nothing changes any more

// A record: length of the envelope (u32), the envelope, its hash.
inline constexpr std::size_t kLengthSize = 4;
inline constexpr std::size_t kHashSize = 32;
inline constexpr std::size_t kRecordOverhead = kLengthSize + kHashSize;
// Identity strings may grow sixfold by JSON escapes.
inline constexpr std::size_t kMaxEnvelope = kMaxPayload + (24 * kMaxIdLength) + 1024;

using BootId = std::array<char, 16>;
// This boot of the machine; all zero if the kernel doesn't say.
BootId CurrentBoot();

struct Header {
  std::uint64_t committed = 0;
  std::uint64_t drained = 0;
  std::uint64_t synced = 0;
  std::uint64_t released = kHeaderSize;
  bool failed = false;
  BootId boot{};
  Identity identity{};
};

// kInvalid if the identity can't be a session's.
base::Result<> CheckIdentity(const Identity& identity);

std::string EncodeHeader(const Header& header, std::int64_t created_ms);

// kInvalid for a file that is no journal, kUnsupported for another version, kCorrupt for damage.
base::Result<Header> DecodeHeader(std::string_view bytes);

// Takes or gives up, without waiting, the lock of a descriptor's open file on the kept records
// (F_RDLCK, F_WRLCK, F_UNLCK): a reader that shares it keeps them from being released. False if
// another one's lock is in the way, or locks don't work.
bool LockRecords(int fd, short type);

// A little-endian integer, as it lies in the file; what is beyond the end counts as zeros.
template <typename T>
T LoadInteger(std::string_view bytes, std::size_t at) {
  std::array<char, sizeof(T)> raw{};
  bytes.substr(at).copy(raw.data(), raw.size());
  return std::bit_cast<T>(raw);
}

}  // namespace aegis::ledger::journal
