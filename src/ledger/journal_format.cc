#include "ledger/journal_format.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "canon/canon.h"
#include "ledger/entry.h"

namespace aegis::ledger::journal {
namespace {

using base::Errc;
using base::Fail;

static_assert(std::endian::native == std::endian::little, "journals are little-endian");

constexpr std::size_t kCreatedAt = 56;
constexpr std::size_t kBootAt = 64;
constexpr std::size_t kLengthsAt = 80;
constexpr std::size_t kDigestAt = 88;
constexpr std::size_t kStringsAt = kDigestAt + kHashSize;
static_assert(kCreatedAt == kFixedAt);

template <typename T>
void Store(std::string& bytes, std::size_t at, T value) {
  std::memcpy(&bytes[at], &value, sizeof(value));
}

// The digest over what never changes: the header with its changing fields and the digest as zeros.
canon::Sha256 FixedDigest(std::string_view bytes) {
  std::string fixed(bytes.substr(0, kHeaderSize));
  fixed.replace(kCommittedAt, kFixedAt - kCommittedAt, kFixedAt - kCommittedAt, '\0');
  fixed.replace(kDigestAt, kHashSize, kHashSize, '\0');
  return canon::Sha256Hasher().Hash(fixed);
}

}  // namespace

BootId CurrentBoot() {
  BootId boot{};
  const base::UniqueFd fd(open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
  std::array<char, 36> text{};
  if (!fd.valid() || read(fd.get(), text.data(), text.size()) != ssize_t{text.size()}) {
    return boot;
  }
  std::string digits;
  for (const char c : text) {
    digits += c == '-' ? std::string() : std::string(1, c);
  }
  const auto bytes = canon::HexDecode(digits);
  if (bytes && bytes->size() == boot.size()) {
    std::memcpy(boot.data(), bytes->data(), boot.size());
  }
  return boot;
}

bool LockRecords(int fd, short type) {
  struct flock lock{};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_len = 1;  // one byte stands for them all
  return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

base::Result<> CheckIdentity(const Identity& identity) {
  if (!IsValidSessionId(identity.session_id)) {
    return Fail(Errc::kInvalid, "not a session id: " + base::EscapeName(identity.session_id));
  }
  for (const std::string_view id : {identity.tenant_id, identity.user_id}) {
    if (id.size() > kMaxIdLength || !base::IsValidUtf8(id)) {
      return Fail(Errc::kInvalid, "tenant or user id is too long or not UTF-8");
    }
  }
  return {};
}

std::string EncodeHeader(const Header& header, std::int64_t created_ms) {
  std::string bytes(kHeaderSize, '\0');
  std::memcpy(bytes.data(), kMagic.data(), kMagic.size());
  Store(bytes, 8, kVersion);
  Store(bytes, 12, std::uint32_t{kHeaderSize});
  Store(bytes, kCommittedAt, header.committed);
  Store(bytes, kDrainedAt, header.drained);
  Store(bytes, kSyncedAt, header.synced);
  Store(bytes, kReleasedAt, header.released);
  Store(bytes, kFailedAt, std::uint32_t{header.failed ? 1U : 0U});
  Store(bytes, kCreatedAt, created_ms);
  std::memcpy(&bytes[kBootAt], header.boot.data(), header.boot.size());
  std::size_t length_at = kLengthsAt;
  std::size_t string_at = kStringsAt;
  for (const std::string_view id :
       {header.identity.tenant_id, header.identity.user_id, header.identity.session_id}) {
    Store(bytes, length_at, static_cast<std::uint16_t>(id.size()));
    bytes.replace(string_at, id.size(), id);
    length_at += sizeof(std::uint16_t);
    string_at += id.size();
  }
  bytes.replace(kDigestAt, kHashSize, FixedDigest(bytes).view());
  return bytes;
}

base::Result<Header> DecodeHeader(std::string_view bytes) {
  if (bytes.size() < kHeaderSize || !bytes.starts_with(kMagic)) {
    return Fail(Errc::kInvalid, "not a journal");
  }
  if (const auto version = LoadInteger<std::uint32_t>(bytes, 8); version != kVersion) {
    return Fail(Errc::kUnsupported, "a journal of version " + std::to_string(version) +
                                        ", which this Aegis does not read (it reads version " +
                                        std::to_string(kVersion) + ")");
  }
  bytes = bytes.substr(0, kHeaderSize);
  if (bytes.substr(kDigestAt, kHashSize) != FixedDigest(bytes).view()) {
    return Fail(Errc::kCorrupt, "the journal's header is damaged");
  }
  Header header;
  header.committed = LoadInteger<std::uint64_t>(bytes, kCommittedAt);
  header.drained = LoadInteger<std::uint64_t>(bytes, kDrainedAt);
  header.synced = LoadInteger<std::uint64_t>(bytes, kSyncedAt);
  header.released = LoadInteger<std::uint64_t>(bytes, kReleasedAt);
  header.failed = LoadInteger<std::uint32_t>(bytes, kFailedAt) != 0;
  bytes.copy(header.boot.data(), header.boot.size(), kBootAt);
  std::size_t length_at = kLengthsAt;
  std::size_t string_at = kStringsAt;
  for (std::string* id :
       {&header.identity.tenant_id, &header.identity.user_id, &header.identity.session_id}) {
    const std::size_t length = LoadInteger<std::uint16_t>(bytes, length_at);
    if (length > kMaxIdLength) {
      return Fail(Errc::kCorrupt, "the journal's header is damaged");
    }
    *id = bytes.substr(string_at, length);
    length_at += sizeof(std::uint16_t);
    string_at += length;
  }
  if (auto identity = CheckIdentity(header.identity); !identity) {
    return Fail(Errc::kCorrupt, "the journal's header names no session");
  }
  return header;
}

}  // namespace aegis::ledger::journal
