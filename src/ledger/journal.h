#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "canon/canon.h"
#include "ledger/entry.h"

namespace aegis::ledger {

// How much an Append promises before it returns.
enum class Durability : std::uint8_t {
  kOrdered,  // survives any death of Aegis; a power cut may take what the sequencer has not
             // committed
  kDurable,  // survives a power cut: synced
};

struct JournalOptions {
  Clock clock = SystemClock;
  std::uint64_t first_segment = std::uint64_t{1} << 20U;
  std::uint64_t segment = std::uint64_t{4} << 20U;
  std::uint64_t max_bytes = std::uint64_t{64} << 30U;  // without what was released
};

// Where a chain stands: what the next record must continue.
struct ChainPosition {
  std::uint64_t offset = 0;  // in the journal file
  std::uint64_t next_seq = 0;
  canon::Sha256 prev_hash{};  // meaningful if next_seq > 0
};

// The append side of a session: a preallocated, memory-mapped, hash-chained file. Create it in the
// launcher before fork(), Append in the child alone; the object may exist in both processes. The
// file carries a lock (flock) that lives as long as either process holds the file open, so that
// nobody else drains it meanwhile, and no longer. Any thread may append; those that wait for the
// disk share its syncs. fork() while no other thread is inside.
//
// The process should ignore SIGXFSZ, so that a file size limit is an error and not a death.
class JournalWriter {
 public:
  // Makes the file (0600, must not exist; its directory must) and locks it.
  static base::Result<JournalWriter> Create(const std::string& path, Identity identity,
                                            JournalOptions options = {});
  JournalWriter(JournalWriter&&) noexcept;
  JournalWriter& operator=(JournalWriter&&) noexcept;
  JournalWriter(const JournalWriter&) = delete;
  JournalWriter& operator=(const JournalWriter&) = delete;
  ~JournalWriter();  // unmaps and closes; removes nothing

  // Appends one entry; on success it is in the chain and a kill -9 can't take it. On an error
  // nothing was appended and the action must be denied: kExhausted (disk or size limit),
  // kUnavailable (the sequencer gave up on the store, or a sync failed: no Append will ever succeed
  // again; after a failed sync the entry itself may be in the chain), kInvalid (payload not
  // canonical or too large). A full disk may succeed again later.
  base::Result<> Append(std::string_view event_type, std::string_view canonical_payload,
                        Durability durability);

  // For the launcher after its child has died: continue the chain at its end, which is sought from
  // `position` (a Sequencer's) on, for a last SESSION_ENDED. If the rest of the journal is damaged,
  // every later Append fails. Without this, an Append behind another process's is kConflict.
  // `observer` is given the entries behind `position`, in order.
  void ResumeAt(const ChainPosition& position,
                const std::function<void(const EntryView&)>& observer = {});

  // Bytes appended that the sequencer has not stored yet; 0 once it has given up on the store. A
  // writer that outruns the sequencer should wait: the queue between them is bounded by whoever
  // appends.
  std::uint64_t backlog() const;

  std::uint64_t next_seq() const;
  const Identity& identity() const;
  const std::string& path() const;
  int fd() const;  // close-on-exec; shares the lock

 private:
  struct State;
  explicit JournalWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Reads a journal, its own or another process's, while it is written or after. Never maps the file
// and trusts none of it. One thread.
class JournalReader {
 public:
  // kInvalid: not a journal, or of another version; kCorrupt: a damaged header.
  // An empty or all-zero file (its maker died at once) has an empty session_id.
  static base::Result<JournalReader> Open(const std::string& path);
  static base::Result<JournalReader> FromFd(base::UniqueFd fd, std::string path);

  const Identity& identity() const { return identity_; }
  const std::string& path() const { return path_; }
  int fd() const { return fd_.get(); }
  bool empty_file() const { return empty_file_; }
  bool same_boot() const { return same_boot_; }
  // Opened at the first kept record: behind the header, or further on once records were released.
  const ChainPosition& position() const { return position_; }

  struct Marks {
    std::uint64_t committed = 0;
    std::uint64_t drained = 0;
    std::uint64_t synced = 0;
    std::uint64_t released = 0;  // where the first kept record begins; it is in the store if this
                                 // is not the end of the header
    bool failed = false;
    bool any_released() const;
  };
  // kCorrupt if they can't be true.
  base::Result<Marks> marks() const;
  base::Result<> SetDrained(std::uint64_t offset) const;
  base::Result<> SetReleased(std::uint64_t offset) const;
  base::Result<> SetFailed() const;

  // Keeps the records from marks().released on (as read afterwards) from being released while this
  // object lives. kUnavailable if they are being released, for longer than that takes.
  base::Result<> HoldRecords() const;

  // Gives each whole record from the current position up to `end` (an offset from marks()) to
  // `visit`, after checking its hash, its link to the predecessor and its identity; kCorrupt at the
  // first that is wrong, with the position left before it.
  // If `visit` returns false or an error, the position is behind the record it saw.
  base::Result<> Read(std::uint64_t end, const EntryVisitor& visit);

  // Moves to where a chain is known to stand, or to an offset where a record begins, the first of
  // which is then taken as it is (its hash still checked).
  void SeekTo(const ChainPosition& position);
  void SeekUnchecked(std::uint64_t offset);

 private:
  JournalReader() = default;
  base::Result<> ReadHeader();
  base::Result<> ReadRecord(std::uint64_t end);
  base::Result<> CheckLink() const;
  base::Result<std::string_view> Fetch(std::uint64_t offset, std::size_t size, std::uint64_t end);

  base::UniqueFd fd_;
  std::string path_;
  Identity identity_;
  bool empty_file_ = false;
  bool same_boot_ = true;
  ChainPosition position_;
  bool adopt_ = false;  // the next record begins a chain that we know nothing of
  Entry record_;        // the last one read
  canon::Sha256Hasher hasher_;
  std::string buffer_;
  std::uint64_t buffer_offset_ = 0;
};

}  // namespace aegis::ledger
