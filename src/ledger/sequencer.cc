#include "ledger/sequencer.h"

#include <fcntl.h>
#include <stdio.h>  // renameat2
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "canon/canon.h"
#include "ledger/entry.h"
#include "ledger/journal.h"
#include "ledger/session.h"
#include "ledger/store.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

// Bounds one transaction: the memory it takes and how long other writers wait for it.
constexpr std::size_t kMaxGroup = 512;
constexpr std::size_t kMaxGroupBytes = std::size_t{8} << 20U;
constexpr std::uint64_t kMaxNotSummarized = 32768;
constexpr blkcnt_t kMostLeftBlocks = 16384;  // of 512 bytes: 8 MiB of a journal that is done

// Takes the journal's name away, if it still is the name of this very file.
Result<> RemoveFile(const JournalReader& reader) {
  struct stat named{};
  struct stat held{};
  if (lstat(reader.path().c_str(), &named) != 0 || fstat(reader.fd(), &held) != 0 ||
      named.st_ino != held.st_ino || named.st_dev != held.st_dev) {
    return {};
  }
  const std::string done = reader.path() + std::string(kDoneSuffix);
  if (held.st_blocks <= kMostLeftBlocks &&
      renameat2(AT_FDCWD, reader.path().c_str(), AT_FDCWD, done.c_str(), RENAME_NOREPLACE) == 0) {
    return {};
  }
  if (unlink(reader.path().c_str()) != 0) {
    return base::FailErrno("remove journal " + base::EscapeName(reader.path()));
  }
  return {};
}

Entry Copy(const EntryView& view) {
  return {.identity = {.tenant_id = std::string(view.tenant_id),
                       .user_id = std::string(view.user_id),
                       .session_id = std::string(view.session_id)},
          .seq = view.seq,
          .ts_unix_ms = view.ts_unix_ms,
          .event_type = std::string(view.event_type),
          .payload = std::string(view.payload),
          .prev_hash = view.prev_hash,
          .hash = view.hash};
}

}  // namespace

Result<Sequencer> Sequencer::Attach(const JournalWriter& writer, Store& store, Observer observer,
                                    SequencerOptions options) {
  base::UniqueFd fd(fcntl(writer.fd(), F_DUPFD_CLOEXEC, 0));
  if (!fd.valid()) {
    return base::FailErrno("share journal");
  }
  AEGIS_ASSIGN(JournalReader reader, JournalReader::FromFd(std::move(fd), writer.path()));
  return Over(std::move(reader), store, std::move(observer), options);
}

Result<Sequencer> Sequencer::Over(JournalReader reader, Store& store, Observer observer,
                                  SequencerOptions options) {
  return Sequencer(std::move(reader), store, std::move(observer), options);
}

// Moves past what the store has already, which must be the beginning of this very chain. After the
// machine went down the store, which is synced, may know more than the journal, which need not be.
Result<> Sequencer::SkipStored(const JournalReader::Marks& marks) {
  AEGIS_ASSIGN(const std::optional<Session> stored,
               store_->FindSession(reader_.identity().session_id));
  const auto rolled_back = [this] {
    return Fail(Errc::kConflict, "journal " + base::EscapeName(reader_.path()) +
                                     ": the store has lost entries that the journal had handed "
                                     "over (rolled back)");
  };
  if (!stored && marks.any_released()) {
    return rolled_back();
  }
  if (stored) {
    std::uint64_t seen = 0;
    const auto read = reader_.Read(marks.committed, [&](const EntryView& entry) -> Result<bool> {
      ++seen;
      return entry.seq < stored->head_seq;
    });
    const ChainPosition& at = reader_.position();
    const bool may_be_lost = !reader_.same_boot() && at.offset >= marks.synced &&
                             (read || read.error().code() == Errc::kCorrupt);
    if (marks.any_released() && seen == 0) {
      return read ? rolled_back() : read;  // released only once it was stored, and on the disk
    }
    if (seen == 1 && at.next_seq > stored->head_seq + 1) {
      return rolled_back();
    }
    exhausted_ = at.next_seq <= stored->head_seq && may_be_lost;
    if (!exhausted_) {
      AEGIS_TRY(read);
    }
    if (!exhausted_ && (at.next_seq != stored->head_seq + 1 || at.prev_hash != stored->head_hash)) {
      return Fail(Errc::kConflict, "journal " + base::EscapeName(reader_.path()) +
                                       ": the store holds another chain for its session");
    }
  }
  skipped_ = true;
  return {};
}

// A tree that can't be signed is no reason to lose its entries: they are stored all the same.
Result<> Sequencer::StoreGroup(std::span<const EntryView> group, bool is_last) {
  if (!sign_ || !is_last) {
    return store_->Append(group);
  }
  const CheckpointSigner sign = std::exchange(sign_, nullptr);
  std::optional<StoredCheckpoint> made;
  auto stored = store_->Append(
      group, [&](std::uint64_t size, const canon::Sha256& root) -> Result<std::string> {
        auto note = sign(size, root);
        if (note) {
          made = StoredCheckpoint{.size = size, .note = *note};
        } else {
          sign_error_ = note.error();
        }
        return note;
      });
  if (stored) {
    checkpoint_ = std::move(made);
  } else if (sign_error_) {
    stored = store_->Append(group);
  } else {
    sign_ = sign;  // tried again with the group
  }
  return stored;
}

Result<bool> Sequencer::DrainGroup(std::uint64_t committed) {
  const ChainPosition before = reader_.position();
  std::vector<Entry> group;
  std::size_t bytes = 0;
  std::uint64_t last = before.offset;  // where the group's last record begins
  std::uint64_t end = before.offset;
  // A record that is wrong ends the group: the good ones before it are stored first.
  const auto read = reader_.Read(committed, [&](const EntryView& entry) -> Result<bool> {
    group.push_back(Copy(entry));
    last = std::exchange(end, reader_.position().offset);
    bytes += entry.payload.size();
    return group.size() < kMaxGroup && bytes < kMaxGroupBytes;
  });
  if (!group.empty()) {
    std::vector<EntryView> views;
    views.reserve(group.size());
    for (const Entry& entry : group) {
      views.push_back(entry.view());
    }
    if (auto stored = StoreGroup(views, end == committed); !stored) {
      reader_.SeekTo(before);
      return Fail(std::move(stored).error());
    }
    entries_ += group.size();
    AEGIS_TRY(reader_.SetDrained(reader_.position().offset));
    if (observer_) {
      for (const EntryView& view : views) {
        observer_(view);
      }
    }
    AEGIS_TRY(releaser_.Advance(reader_, last));
  }
  AEGIS_TRY(read);
  return reader_.position().offset < committed;
}

Result<> Sequencer::DrainOnce() {
  AEGIS_ASSIGN(const JournalReader::Marks marks, reader_.marks());
  if (!skipped_) {
    AEGIS_TRY(SkipStored(marks));
  }
  const std::uint64_t before = entries_;
  bool more = !exhausted_ && reader_.position().offset < marks.committed;
  while (more) {
    AEGIS_ASSIGN(more, DrainGroup(marks.committed));
  }
  Summarize(entries_ - before);
  return {};
}

// Summaries serve queries, which do without, and take a fifth of the time of storing: a run that
// appends, or ends, does not wait for them as long as few are missing. Whoever stores next and has
// nothing to do makes them.
void Sequencer::Summarize(std::uint64_t stored) {
  not_summarized_ += stored;
  if ((stored == 0 && not_summarized_ > 0) || not_summarized_ >= kMaxNotSummarized) {
    not_summarized_ = 0;
    (void)store_->SummarizeBlocks();
  }
}

Result<> Sequencer::Drain() {
  if (broken_) {
    return Fail(*broken_);
  }
  auto drained = DrainOnce();
  if (drained) {
    busy_ = 0;
    return {};
  }
  if (drained.error().code() == Errc::kUnavailable && ++busy_ < kMaxBusy) {
    return {};
  }
  broken_ = std::move(drained).error();
  // Best effort: if even this fails, the writer goes on and its journal keeps all it appends.
  (void)reader_.SetFailed();
  return Fail(*broken_);
}

Result<> Sequencer::Finish() {
  for (int attempt = 0; attempt < kMaxBusy; ++attempt) {
    AEGIS_TRY(Drain());
    if (busy_ == 0) {
      return RemoveFile(reader_);
    }
  }
  return Fail(Errc::kUnavailable, "drain journal: the store is busy");
}

}  // namespace aegis::ledger
