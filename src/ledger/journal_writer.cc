#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "canon/canon.h"
#include "ledger/entry.h"
#include "ledger/journal.h"
#include "ledger/journal_format.h"
#include "ledger/shared_sync.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;
using journal::kHeaderSize;

constexpr std::size_t kWindow = std::size_t{8} << 20U;  // counts as memory of the process
constexpr std::uint64_t kWindowAlignment = 65536;       // the largest page of any machine we run on
constexpr int kCreateAttempts = 16;

Result<> WriteZeros(int fd, std::uint64_t from, std::uint64_t size) {
  static constexpr std::array<char, 65536> kZeros{};
  while (size > 0) {
    const auto chunk = static_cast<std::size_t>(std::min<std::uint64_t>(size, kZeros.size()));
    const ssize_t written = pwrite(fd, kZeros.data(), chunk, static_cast<off_t>(from));
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written <= 0) {
      return base::FailErrno("extend journal");
    }
    from += static_cast<std::uint64_t>(written);
    size -= static_cast<std::uint64_t>(written);
  }
  return {};
}

// Whole pages.
std::uint64_t RoundUp(std::uint64_t size) {
  return (size + kHeaderSize - 1) / kHeaderSize * kHeaderSize;
}

// Makes blocks exist for a range of the file, so that storing to its mapping can't fail.
Result<> Allocate(int fd, std::uint64_t from, std::uint64_t size) {
  int failed = 0;
  do {
    failed = fallocate(fd, 0, static_cast<off_t>(from), static_cast<off_t>(size)) == 0 ? 0 : errno;
  } while (failed == EINTR);
  if (failed == EOPNOTSUPP || failed == ENOSYS) {
    AEGIS_TRY(WriteZeros(fd, from, size));
    return {};
  }
  if (failed != 0) {
    const Errc code =
        failed == ENOSPC || failed == EDQUOT || failed == EFBIG ? Errc::kExhausted : Errc::kDenied;
    return Fail(
        base::Error(code, base::Error::FromErrno("extend journal", failed).message(), failed));
  }
  return {};
}

// A part of a file, mapped shared and writable.
class Mapping {
 public:
  Mapping() = default;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() { Unmap(); }

  Result<> Map(int fd, std::uint64_t begin, std::size_t size) {
    void* const address =
        mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, static_cast<off_t>(begin));
    if (address == MAP_FAILED) {
      return base::FailErrno("map journal");
    }
    Unmap();
    bytes_ = static_cast<char*>(address);
    begin_ = begin;
    size_ = size;
    return {};
  }
  bool Covers(std::uint64_t from, std::uint64_t to) const {
    return from >= begin_ && to <= begin_ + size_;
  }
  char* At(std::uint64_t offset) { return bytes_ + (offset - begin_); }

 private:
  void Unmap() {
    if (bytes_ != nullptr) {
      munmap(bytes_, size_);
    }
  }

  char* bytes_ = nullptr;
  std::uint64_t begin_ = 0;
  std::size_t size_ = 0;
};

struct LockedFile {
  base::UniqueFd fd;
  std::string name;
};

// A new file under a name that recovery takes for unfinished. Whoever cleans up such files locks
// them first, so once the lock is ours and the name still stands, the file is ours.
Result<LockedFile> MakeUnfinished(const std::string& path) {
  for (int attempt = 0; attempt < kCreateAttempts; ++attempt) {
    LockedFile file;
    file.name = path + "." + std::to_string(getpid()) + "-" + std::to_string(attempt) + ".new";
    auto fd = base::Open(file.name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (!fd) {
      if (fd.error().sys_errno() == EEXIST) {
        continue;
      }
      return Fail(std::move(fd).error());
    }
    file.fd = std::move(*fd);
    struct stat status{};
    if (flock(file.fd.get(), LOCK_EX | LOCK_NB) == 0 && fstat(file.fd.get(), &status) == 0 &&
        status.st_nlink == 1) {
      return file;
    }
  }
  return Fail(Errc::kConflict, "create journal " + base::EscapeName(path) + ": name in use");
}

}  // namespace

struct JournalWriter::State {
  base::UniqueFd fd;
  base::UniqueFd directory;
  std::string path;
  Identity identity;
  JournalOptions options;
  Mapping header;

  std::mutex mutex;  // over what follows, up to `sync`
  Mapping window;    // where records are laid down; it moves on, so that what it maps stays bounded
  std::uint64_t allocated = 0;
  ChainPosition position;
  bool broken = false;  // a sync failed: what is on the disk is unknown
  canon::Sha256Hasher hasher;
  std::string scratch;
  std::string ids;   // ,"session_id":...,"tenant_id":...,"ts_unix_ms":
  std::string user;  // ,"user_id":...}

  SharedSync sync;
  bool name_synced = false;  // the directory entry is on the disk; of the thread that syncs

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() = default;

  template <typename T>
  std::atomic_ref<T> Field(std::size_t at) {
    // NOLINTNEXTLINE(bugprone-casting-through-void): aligned by the format
    return std::atomic_ref<T>(*static_cast<T*>(static_cast<void*>(header.At(at))));
  }

  // Bytes of the file that records took which were released.
  std::uint64_t Released() {
    return Field<std::uint64_t>(journal::kReleasedAt).load(std::memory_order_relaxed) - kHeaderSize;
  }

  Result<> MoveWindow(std::uint64_t end);
  Result<> Grow(std::uint64_t needed);
  void Compose(std::string_view event_type, std::string_view payload);
  Result<> Publish();
  Result<> Append(std::string_view event_type, std::string_view payload);
  Result<std::uint64_t> Sync();
};

// The window may reach beyond the end of the file; only allocated bytes are touched.
Result<> JournalWriter::State::MoveWindow(std::uint64_t end) {
  const std::uint64_t begin = position.offset - (position.offset % kWindowAlignment);
  return window.Map(fd.get(), begin, std::max<std::size_t>(kWindow, end - begin));
}

Result<> JournalWriter::State::Grow(std::uint64_t needed) {
  const std::uint64_t size =
      RoundUp(std::max(options.segment, needed - std::min(needed, allocated)));
  if (allocated + size - std::min(allocated, Released()) > options.max_bytes) {
    return Fail(Errc::kExhausted, "extend journal " + base::EscapeName(path) + ": at its limit");
  }
  AEGIS_TRY(Allocate(fd.get(), allocated, size));
  allocated += size;
  return {};
}

void JournalWriter::State::Compose(std::string_view event_type, std::string_view payload) {
  scratch.clear();
  scratch += R"({"event_type":)";
  canon::AppendJsonString(scratch, event_type);
  scratch += R"(,"payload":)";
  scratch += payload;
  if (position.next_seq > 0) {
    scratch += R"(,"prev_hash":")";
    canon::AppendBase64(scratch, position.prev_hash.view());
    scratch += '"';
  }
  scratch += R"(,"seq":)";
  canon::AppendJsonInteger(scratch, static_cast<std::int64_t>(position.next_seq));
  scratch += ids;
  canon::AppendJsonInteger(scratch, options.clock());
  scratch += user;
}

// Lays the record down beyond the committed end, then moves the end over it. A reader that sees the
// new end (acquire) sees the whole record; a writer killed before leaves bytes that nobody reads.
Result<> JournalWriter::State::Publish() {
  const std::uint64_t end = position.offset + journal::kRecordOverhead + scratch.size();
  if (end > allocated) {
    AEGIS_TRY(Grow(end));
  }
  if (!window.Covers(position.offset, end)) {
    AEGIS_TRY(MoveWindow(end));
  }
  const canon::Sha256 hash = hasher.Hash(scratch);
  const auto length = static_cast<std::uint32_t>(scratch.size());
  char* at = window.At(position.offset);
  std::memcpy(at, &length, sizeof(length));
  at += sizeof(length);
  std::memcpy(at, scratch.data(), scratch.size());
  at += scratch.size();
  std::memcpy(at, hash.bytes.data(), hash.bytes.size());
  Field<std::uint64_t>(journal::kCommittedAt).store(end, std::memory_order_release);
  position = {.offset = end, .next_seq = position.next_seq + 1, .prev_hash = hash};
  return {};
}

Result<> JournalWriter::State::Append(std::string_view event_type, std::string_view payload) {
  if (broken || Field<std::uint32_t>(journal::kFailedAt).load(std::memory_order_relaxed) != 0) {
    return Fail(Errc::kUnavailable, "append to journal: the ledger has failed");
  }
  if (Field<std::uint64_t>(journal::kCommittedAt).load(std::memory_order_acquire) !=
      position.offset) {
    return Fail(Errc::kConflict, "append to journal: another process has appended to it");
  }
  Compose(event_type, payload);
  return Publish();
}

// Others append meanwhile. After a failed sync the kernel may have dropped the dirty pages and
// would report success the next time, so there is no second attempt.
Result<std::uint64_t> JournalWriter::State::Sync() {
  const auto end = Field<std::uint64_t>(journal::kCommittedAt).load(std::memory_order_acquire);
  const bool synced = fdatasync(fd.get()) == 0 && (name_synced || fsync(directory.get()) == 0);
  if (!synced) {
    const int failed = errno;
    const std::lock_guard lock(mutex);
    broken = true;
    return Fail(base::Error(Errc::kUnavailable,
                            base::Error::FromErrno("sync journal", failed).message(), failed));
  }
  name_synced = true;
  Field<std::uint64_t>(journal::kSyncedAt).store(end, std::memory_order_release);
  return end;
}

JournalWriter::JournalWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
JournalWriter::JournalWriter(JournalWriter&&) noexcept = default;
JournalWriter& JournalWriter::operator=(JournalWriter&&) noexcept = default;
JournalWriter::~JournalWriter() = default;

Result<JournalWriter> JournalWriter::Create(const std::string& path, Identity identity,
                                            JournalOptions options) {
  AEGIS_TRY(journal::CheckIdentity(identity));
  auto state = std::make_unique<State>();
  state->path = path;
  state->identity = std::move(identity);
  state->options = std::move(options);
  state->ids = R"(,"session_id":)";
  canon::AppendJsonString(state->ids, state->identity.session_id);
  state->ids += R"(,"tenant_id":)";
  canon::AppendJsonString(state->ids, state->identity.tenant_id);
  state->ids += R"(,"ts_unix_ms":)";
  state->user = R"(,"user_id":)";
  canon::AppendJsonString(state->user, state->identity.user_id);
  state->user += '}';
  state->position.offset = kHeaderSize;

  const std::size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  AEGIS_ASSIGN(state->directory, base::Open(directory, O_RDONLY | O_DIRECTORY));
  AEGIS_ASSIGN(LockedFile file, MakeUnfinished(path));
  state->fd = std::move(file.fd);
  const journal::Header header{.committed = kHeaderSize,
                               .drained = kHeaderSize,
                               .synced = kHeaderSize,
                               .boot = journal::CurrentBoot(),
                               .identity = state->identity};
  const auto finish = [&]() -> Result<> {
    const std::uint64_t first =
        RoundUp(std::max(state->options.first_segment, std::uint64_t{kHeaderSize}));
    AEGIS_TRY(Allocate(state->fd.get(), 0, first));
    state->allocated = first;
    AEGIS_TRY(base::WriteAll(state->fd.get(), EncodeHeader(header, state->options.clock())));
    AEGIS_TRY(state->header.Map(state->fd.get(), 0, kHeaderSize));
    AEGIS_TRY(state->MoveWindow(first));
    if (renameat2(AT_FDCWD, file.name.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) != 0) {
      return base::FailErrno("create journal " + base::EscapeName(path));
    }
    return {};
  };
  if (auto finished = finish(); !finished) {
    (void)unlink(file.name.c_str());
    return Fail(std::move(finished).error());
  }
  return JournalWriter(std::move(state));
}

Result<> JournalWriter::Append(std::string_view event_type, std::string_view canonical_payload,
                               Durability durability) {
  if (canonical_payload.size() > kMaxPayload || event_type.empty() ||
      event_type.size() > kMaxIdLength || !canon::IsCanonicalObject(canonical_payload)) {
    return Fail(Errc::kInvalid, "append to journal: payload is not canonical JSON or too large");
  }
  State& state = *state_;
  std::uint64_t end = 0;
  {
    const std::lock_guard lock(state.mutex);
    AEGIS_TRY(state.Append(event_type, canonical_payload));
    end = state.position.offset;
  }
  if (durability == Durability::kDurable) {
    AEGIS_TRY(state.sync.Reach(end, [&state] { return state.Sync(); }));
  }
  return {};
}

void JournalWriter::ResumeAt(const ChainPosition& position,
                             const std::function<void(const EntryView&)>& observer) {
  const auto walk = [&]() -> Result<> {
    base::UniqueFd fd(fcntl(state_->fd.get(), F_DUPFD_CLOEXEC, 0));
    AEGIS_ASSIGN(JournalReader reader, JournalReader::FromFd(std::move(fd), state_->path));
    AEGIS_ASSIGN(const JournalReader::Marks marks, reader.marks());
    reader.SeekTo(position);
    AEGIS_TRY(reader.Read(marks.committed, [&observer](const EntryView& entry) {
      if (observer) {
        observer(entry);
      }
      return Result<bool>(true);
    }));
    struct stat status{};
    if (fstat(state_->fd.get(), &status) != 0) {
      return base::FailErrno("stat journal");
    }
    state_->allocated = static_cast<std::uint64_t>(status.st_size);
    state_->position = reader.position();
    return {};
  };
  const std::lock_guard lock(state_->mutex);
  state_->broken = state_->broken || !walk();
}

std::uint64_t JournalWriter::backlog() const {
  State& state = *state_;
  if (state.Field<std::uint32_t>(journal::kFailedAt).load(std::memory_order_acquire) != 0) {
    return 0;
  }
  const auto drained =
      state.Field<std::uint64_t>(journal::kDrainedAt).load(std::memory_order_acquire);
  const std::lock_guard lock(state.mutex);
  return state.position.offset - std::min(drained, state.position.offset);
}

std::uint64_t JournalWriter::next_seq() const {
  const std::lock_guard lock(state_->mutex);
  return state_->position.next_seq;
}
const Identity& JournalWriter::identity() const { return state_->identity; }
const std::string& JournalWriter::path() const { return state_->path; }
int JournalWriter::fd() const { return state_->fd.get(); }

}  // namespace aegis::ledger
