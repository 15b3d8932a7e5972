#include "ledger/tails.h"

#include <cerrno>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "ledger/entry.h"
#include "ledger/journal.h"
#include "ledger/recovery.h"
#include "ledger/session.h"
#include "ledger/store.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

std::unexpected<base::Error> Misfit(const JournalReader& reader, std::string_view what) {
  return Fail(Errc::kCorrupt, "journal " + base::EscapeName(reader.path()) + std::string(what));
}
constexpr std::string_view kOtherChain = " does not continue its session in the store";
constexpr std::string_view kRolledBack =
    ": the store has lost entries that the journal had handed over (rolled back)";

}  // namespace

// The lock comes before the marks: what they say is kept is kept until the tail was read. None for
// a journal that has gone meanwhile or has no content.
Result<std::optional<Tails::Tail>> Tails::OpenOne(const std::string& path) {
  auto reader = JournalReader::Open(path);
  if (!reader) {
    return reader.error().sys_errno() == ENOENT ? Result<std::optional<Tail>>(std::nullopt)
                                                : Fail(std::move(reader).error());
  }
  AEGIS_TRY(reader->HoldRecords());
  AEGIS_ASSIGN(const JournalReader::Marks marks, reader->marks());
  if (reader->empty_file()) {
    return std::optional<Tail>();
  }
  return Tail{.reader = std::move(*reader),
              .committed = marks.committed,
              .marks = marks,
              .begin = {},
              .session = {}};
}

Result<Tails> Tails::Open(const std::string& journal_dir) {
  AEGIS_ASSIGN(const std::vector<std::string> paths, ListJournals(journal_dir));
  Tails tails;
  for (const std::string& path : paths) {
    auto tail = OpenOne(path);
    if (!tail) {
      tails.damage_ = std::move(tail).error();
    } else if (tail->has_value()) {
      tails.tails_.push_back(std::move(**tail));
    }
  }
  return tails;
}

// What lies before `drained` was stored before the snapshot was taken, so the search for the end of
// what is stored begins there.
Result<> Tails::SeekToStored(Tail& tail, std::uint64_t committed) {
  const std::uint64_t released = tail.marks.released;
  if (tail.marks.any_released()) {
    if (!tail.session) {
      return Misfit(tail.reader, kRolledBack);
    }
    std::uint64_t first = 0;
    tail.reader.SeekUnchecked(released);
    AEGIS_TRY(tail.reader.Read(committed, [&first](const EntryView& entry) -> Result<bool> {
      first = entry.seq;
      return false;
    }));
    if (first > tail.session->head_seq) {
      return Misfit(tail.reader, kRolledBack);
    }
    tail.reader.SeekUnchecked(released);
  }
  if (tail.session && tail.marks.drained >= released && tail.marks.drained <= committed) {
    tail.reader.SeekUnchecked(tail.marks.drained);
  }
  return {};
}

Result<> Tails::AlignOne(Tail& tail, Snapshot& snapshot) {
  tail.begin = tail.reader.position();
  const std::uint64_t committed = std::exchange(tail.committed, tail.begin.offset);
  AEGIS_ASSIGN(const std::optional<Session> stored,
               snapshot.FindSession(tail.reader.identity().session_id));
  tail.session = stored;
  AEGIS_TRY(SeekToStored(tail, committed));
  tail.begin = tail.reader.position();
  std::uint64_t good = tail.begin.offset;  // end of what fits
  const auto read = tail.reader.Read(committed, [&](const EntryView& entry) -> Result<bool> {
    const bool known = stored && entry.seq <= stored->head_seq;
    const bool is_head = known && entry.seq == stored->head_seq;
    const bool is_next = stored && !known && tail.begin.next_seq == 0;
    if ((is_head && entry.hash != stored->head_hash) ||
        (is_next && (entry.seq != stored->head_seq + 1 || entry.prev_hash != stored->head_hash))) {
      return Misfit(tail.reader, kOtherChain);
    }
    if (is_next) {
      tail.begin.next_seq = entry.seq;
      tail.begin.prev_hash = stored->head_hash;
    }
    if (known) {
      tail.begin = tail.reader.position();
    } else if (tail.session) {
      Advance(*tail.session, entry);
    } else {
      tail.session = BeginSession(entry);
    }
    good = tail.reader.position().offset;
    return true;
  });
  tail.committed = read ? committed : good;
  return read;
}

Result<> Tails::Align(Snapshot& snapshot) {
  for (Tail& tail : tails_) {
    auto aligned = AlignOne(tail, snapshot);
    if (!aligned && aligned.error().code() != Errc::kCorrupt) {
      return aligned;
    }
    if (!aligned) {
      damage_ = std::move(aligned).error();
    }
  }
  return {};
}

Result<> Tails::Visit(const EntryVisitor& visit) {
  bool stopped = false;
  for (Tail& tail : tails_) {
    tail.reader.SeekTo(tail.begin);
    AEGIS_TRY(tail.reader.Read(tail.committed, [&](const EntryView& entry) -> Result<bool> {
      AEGIS_ASSIGN(const bool more, visit(entry));
      stopped = !more;
      return more;
    }));
    if (stopped) {
      return {};
    }
  }
  return damage_ ? Result<>(Fail(*damage_)) : Result<>();
}

std::map<std::string, Session, std::less<>> Tails::Sessions() const {
  std::map<std::string, Session, std::less<>> sessions;
  for (const Tail& tail : tails_) {
    if (tail.session) {
      sessions.emplace(tail.session->session_id, *tail.session);
    }
  }
  return sessions;
}

std::optional<Session> Tails::FindSession(std::string_view session_id) const {
  for (const Tail& tail : tails_) {
    if (tail.session && tail.session->session_id == session_id) {
      return tail.session;
    }
  }
  return std::nullopt;
}

}  // namespace aegis::ledger
