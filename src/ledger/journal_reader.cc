#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "canon/canon.h"
#include "ledger/entry.h"
#include "ledger/envelope.h"
#include "ledger/journal.h"
#include "ledger/journal_format.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;
using journal::kHeaderSize;

constexpr std::size_t kReadAhead = std::size_t{256} << 10U;
// Punching a hole takes some milliseconds at most, but its process may be stopped meanwhile.
constexpr auto kHoldRetry = std::chrono::milliseconds(5);
constexpr int kHoldAttempts = 200;

// Reads until `bytes` is full or the file ends; gives the count.
Result<std::size_t> ReadAt(int fd, std::uint64_t offset, std::span<char> bytes) {
  std::size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t got =
        pread(fd, &bytes[have], bytes.size() - have, static_cast<off_t>(offset + have));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return base::FailErrno("read journal");
    }
    if (got == 0) {
      break;
    }
    have += static_cast<std::size_t>(got);
  }
  return have;
}

template <typename T>
Result<> WriteField(int fd, std::size_t at, T value) {
  std::array<char, sizeof(T)> bytes{};
  std::memcpy(bytes.data(), &value, sizeof(T));
  ssize_t written = -1;
  do {
    written = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
  } while (written < 0 && errno == EINTR);
  if (written < 0) {
    return base::FailErrno("mark journal");
  }
  return written == ssize_t{sizeof(T)} ? Result<>()
                                       : Fail(Errc::kExhausted, "mark journal: written in part");
}

constexpr std::size_t kMarksSize =
    journal::kFailedAt + sizeof(std::uint32_t) - journal::kCommittedAt;
static_assert(journal::kCommittedAt + kMarksSize <= journal::kFixedAt);
using MarkBytes = std::array<char, kMarksSize>;

// The changing fields, read until two readings agree: the writer stores them meanwhile.
Result<MarkBytes> StableMarks(int fd) {
  MarkBytes last{};
  for (int attempt = 0; attempt < 1000; ++attempt) {
    MarkBytes bytes{};
    AEGIS_ASSIGN(const std::size_t size, ReadAt(fd, journal::kCommittedAt, bytes));
    if (size < bytes.size()) {
      return Fail(Errc::kCorrupt, "the journal is cut within its header");
    }
    if (bytes == last) {
      break;
    }
    last = bytes;
  }
  return last;
}

}  // namespace

Result<JournalReader> JournalReader::Open(const std::string& path) {
  AEGIS_ASSIGN(base::UniqueFd fd, base::Open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  return FromFd(std::move(fd), path);
}

Result<JournalReader> JournalReader::FromFd(base::UniqueFd fd, std::string path) {
  JournalReader reader;
  reader.fd_ = std::move(fd);
  reader.path_ = std::move(path);
  if (auto header = reader.ReadHeader(); !header) {
    return Fail(std::move(header).error().Within("journal " + base::EscapeName(reader.path_)));
  }
  return reader;
}

Result<> JournalReader::ReadHeader() {
  struct stat status{};
  if (fstat(fd_.get(), &status) != 0) {
    return base::FailErrno("stat");
  }
  if (!S_ISREG(status.st_mode)) {
    return Fail(Errc::kInvalid, "not a regular file");
  }
  std::string bytes(kHeaderSize, '\0');
  AEGIS_ASSIGN(const std::size_t size, ReadAt(fd_.get(), 0, bytes));
  bytes.resize(size);
  position_ = {.offset = kHeaderSize};
  if (bytes.find_first_not_of('\0') == std::string::npos) {
    empty_file_ = true;
    return {};
  }
  AEGIS_ASSIGN(const journal::Header header, journal::DecodeHeader(bytes));
  identity_ = header.identity;
  same_boot_ = header.boot == journal::CurrentBoot();
  if (header.released != kHeaderSize) {
    SeekUnchecked(header.released);
  }
  return {};
}

bool JournalReader::Marks::any_released() const { return released != kHeaderSize; }

Result<JournalReader::Marks> JournalReader::marks() const {
  if (empty_file_) {
    return Marks{.committed = kHeaderSize,
                 .drained = kHeaderSize,
                 .synced = kHeaderSize,
                 .released = kHeaderSize};
  }
  AEGIS_ASSIGN(const MarkBytes bytes, StableMarks(fd_.get()));
  const std::string_view text(bytes.data(), bytes.size());
  const auto number = [text](std::size_t at) {
    return journal::LoadInteger<std::uint64_t>(text, at - journal::kCommittedAt);
  };
  Marks marks{.committed = number(journal::kCommittedAt),
              .drained = number(journal::kDrainedAt),
              .synced = number(journal::kSyncedAt),
              .released = number(journal::kReleasedAt)};
  marks.failed =
      journal::LoadInteger<std::uint32_t>(text, journal::kFailedAt - journal::kCommittedAt) != 0;
  struct stat status{};
  if (fstat(fd_.get(), &status) != 0) {
    return base::FailErrno("stat journal");
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (!same_boot_ && marks.committed > size) {
    marks.committed = size;  // the machine went down before the file's growth was on the disk
  }
  if (marks.committed < kHeaderSize || marks.committed > size) {
    return Fail(Errc::kCorrupt,
                "journal " + base::EscapeName(path_) + ": its committed end lies outside the file");
  }
  const bool begins = marks.released == kHeaderSize ||
                      (marks.released > kHeaderSize && marks.released < marks.committed);
  if (!begins) {
    return Fail(Errc::kCorrupt,
                "journal " + base::EscapeName(path_) + ": its first record lies outside the file");
  }
  return marks;
}

Result<> JournalReader::SetDrained(std::uint64_t offset) const {
  return WriteField(fd_.get(), journal::kDrainedAt, offset);
}

Result<> JournalReader::SetReleased(std::uint64_t offset) const {
  return WriteField(fd_.get(), journal::kReleasedAt, offset);
}

Result<> JournalReader::SetFailed() const {
  return WriteField(fd_.get(), journal::kFailedAt, std::uint32_t{1});
}

Result<> JournalReader::HoldRecords() const {
  for (int attempt = 0; attempt < kHoldAttempts; ++attempt) {
    if (journal::LockRecords(fd_.get(), F_RDLCK)) {
      return {};
    }
    std::this_thread::sleep_for(kHoldRetry);
  }
  return Fail(Errc::kUnavailable, "journal " + base::EscapeName(path_) + ": locked for too long");
}

void JournalReader::SeekTo(const ChainPosition& position) {
  position_ = position;
  adopt_ = false;
}

void JournalReader::SeekUnchecked(std::uint64_t offset) {
  position_ = {.offset = offset};
  adopt_ = true;
}

// Bytes of the file, read ahead but never beyond `end`: what lies there may still change.
Result<std::string_view> JournalReader::Fetch(std::uint64_t offset, std::size_t size,
                                              std::uint64_t end) {
  const bool buffered =
      offset >= buffer_offset_ && offset + size <= buffer_offset_ + buffer_.size();
  if (!buffered) {
    const std::uint64_t wanted = std::min<std::uint64_t>(end - offset, std::max(size, kReadAhead));
    buffer_.resize(static_cast<std::size_t>(wanted));
    buffer_offset_ = offset;
    const auto have = ReadAt(fd_.get(), offset, buffer_);
    buffer_.resize(have ? *have : 0);
    AEGIS_TRY(have);
    if (buffer_.size() < size) {
      return Fail(Errc::kCorrupt, "the file ends before its committed end");
    }
  }
  return std::string_view(buffer_).substr(static_cast<std::size_t>(offset - buffer_offset_), size);
}

Result<> JournalReader::ReadRecord(std::uint64_t end) {
  const std::uint64_t offset = position_.offset;
  if (end - offset < journal::kRecordOverhead) {
    return Fail(Errc::kCorrupt, "a record is cut");
  }
  AEGIS_ASSIGN(const std::string_view prefix, Fetch(offset, journal::kLengthSize, end));
  const std::size_t length = journal::LoadInteger<std::uint32_t>(prefix, 0);
  if (length > journal::kMaxEnvelope || length > end - offset - journal::kRecordOverhead) {
    return Fail(Errc::kCorrupt, "a record's length is wrong");
  }
  const std::size_t size = length + journal::kRecordOverhead;
  AEGIS_ASSIGN(const std::string_view record, Fetch(offset, size, end));
  const std::string_view envelope = record.substr(journal::kLengthSize, length);
  record_.hash = hasher_.Hash(envelope);
  if (record_.hash.view() != record.substr(journal::kLengthSize + length)) {
    return Fail(Errc::kCorrupt, "a record's hash does not match its content");
  }
  if (!ParseEnvelopeInto(envelope, false, record_)) {
    return Fail(Errc::kCorrupt, "a record is no canonical envelope");
  }
  AEGIS_TRY(CheckLink());
  position_ = {.offset = offset + size, .next_seq = record_.seq + 1, .prev_hash = record_.hash};
  adopt_ = false;
  return {};
}

Result<> JournalReader::CheckLink() const {
  if (record_.identity.session_id != identity_.session_id ||
      record_.identity.tenant_id != identity_.tenant_id ||
      record_.identity.user_id != identity_.user_id) {
    return Fail(Errc::kCorrupt, "a record belongs to another session");
  }
  if (adopt_) {
    return {};
  }
  if (record_.seq != position_.next_seq) {
    return Fail(Errc::kCorrupt, "a record's seq does not follow its predecessor's");
  }
  if (record_.seq > 0 && *record_.prev_hash != position_.prev_hash) {
    return Fail(Errc::kCorrupt, "a record does not continue its predecessor's hash");
  }
  return {};
}

Result<> JournalReader::Read(std::uint64_t end, const EntryVisitor& visit) {
  while (position_.offset < end) {
    if (auto record = ReadRecord(end); !record) {
      return Fail(std::move(record).error().Within("journal " + base::EscapeName(path_) +
                                                   " at byte " + std::to_string(position_.offset)));
    }
    AEGIS_ASSIGN(const bool more, visit(record_.view()));
    if (!more) {
      break;
    }
  }
  return {};
}

}  // namespace aegis::ledger
